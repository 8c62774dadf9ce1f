"""Removes whole chains that are older than the retention setting allows. No other code
removes audit entries.

The chain of heads announces the removal first. Then each chain is removed from its last
entry to its first, so that a chain that is half removed still verifies. The chains
`intake` and `heads` are kept.
"""

from __future__ import annotations

from contextlib import suppress

from shared.audit.entry import Entry
from shared.audit.heads import HEADS, RETENTION
from shared.audit.journal import ChainOf, Journal
from shared.audit.log import AUDIT, AuditLog
from shared.counts import count_of
from shared.errors import RowChanged
from shared.store.contract import Row, Store

KEPT = (HEADS, "intake")


async def find_old_chains(store: Store, before: str) -> list[str]:
    """Ids of the incidents whose last entry is before that day (YYYY-MM-DD)."""
    return [chain for chain in await _find_last_days(store, before) if chain not in KEPT]


async def announce(log: AuditLog, before: str, chains: int) -> None:
    """Record in the chain of heads what is about to be removed."""
    journal = Journal(log)
    await journal.note(
        ChainOf(HEADS, ""),
        RETENTION,
        f"to be forgotten, as the retention setting says: {count_of(chains, 'chain')} from before"
        f" {before}",
        target=before,
        detail={"before": before, "chains": chains},
    )


async def remove_chain(store: Store, chain: str) -> None:
    rows = [row async for row in store.query(AUDIT, chain)]
    for row in reversed(rows):
        with suppress(RowChanged):  # another run removed it first
            await store.delete(row)


async def _find_last_days(store: Store, before: str) -> list[str]:
    last: dict[str, str] = {}
    async for row in store.query(AUDIT):
        last[row.partition] = max(last.get(row.partition, ""), _read_day(row))
    return [chain for chain, day in last.items() if day < before]


def _read_day(row: Row) -> str:
    return Entry.from_json(row.body).at[:10]
