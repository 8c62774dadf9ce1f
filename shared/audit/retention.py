"""Forgets whole chains that are older than the retention setting allows. The only code
that removes audit entries.

First the chain of heads says what is going to be forgotten, then each chain goes from
its last entry to its first, so that one that is cut off in the middle still verifies.
The chains `intake` and `heads` are kept.
"""

from __future__ import annotations

from contextlib import suppress

from shared.audit.entry import Entry
from shared.audit.heads import ACTOR, HEADS, RETENTION
from shared.audit.log import AUDIT, AuditLog
from shared.errors import RowChanged
from shared.store.contract import Row, Store

KEPT = (HEADS, "intake")


async def old_chains(store: Store, before: str) -> list[str]:
    """Every chain whose last entry is before that day (YYYY-MM-DD): the ids of their
    incidents."""
    return [chain for chain in await _last_days(store, before) if chain not in KEPT]


async def announce(log: AuditLog, before: str, chains: int) -> None:
    """Say in the chain of heads what is going to be forgotten."""
    await log.append(
        incident=HEADS,
        vm="",
        kind=RETENTION,
        target=before,
        phase="note",
        result=f"{chains} chains from before {before} are forgotten, as the retention setting says",
        actor=ACTOR,
        correlation_id="",
        detail={"before": before, "chains": chains},
    )


async def remove_chain(store: Store, chain: str) -> None:
    rows = [row async for row in store.query(AUDIT, chain)]
    for row in reversed(rows):
        with suppress(RowChanged):  # another run removed it
            await store.delete(row)


async def _last_days(store: Store, before: str) -> list[str]:
    last: dict[str, str] = {}
    async for row in store.query(AUDIT):
        last[row.partition] = max(last.get(row.partition, ""), _day(row))
    return [chain for chain, day in last.items() if day < before]


def _day(row: Row) -> str:
    return Entry.from_json(row.body).at[:10]
