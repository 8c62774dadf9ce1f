"""Forgets whole chains that are older than the retention setting allows. The only code that removes audit entries.

First the chain of heads says what is going to be forgotten, then each chain goes from its last entry to its first, so that one that is
cut off in the middle still verifies. The chains `intake` and `heads` are kept.
"""

from __future__ import annotations

from shared.audit.entry import Entry
from shared.audit.heads import ACTOR, HEADS, RETENTION
from shared.audit.log import AUDIT, AuditLog
from shared.store.contract import Row, Store

KEPT = (HEADS, "intake")


async def forget(store: Store, log: AuditLog, before: str) -> list[str]:
    """Remove every chain whose last entry is before that day (YYYY-MM-DD). Returns the incidents that were forgotten."""
    old = [chain for chain in await _last_days(store, before) if chain not in KEPT]
    if not old:
        return []
    await log.append(
        incident=HEADS,
        vm="",
        kind=RETENTION,
        target=before,
        phase="note",
        result=f"{len(old)} chains from before {before} are forgotten, as the retention setting says",
        actor=ACTOR,
        correlation_id="",
        detail={"before": before, "chains": len(old)},
    )
    for chain in old:
        rows = [row async for row in store.query(AUDIT, chain)]
        for row in reversed(rows):
            await store.delete(row)
    return old


async def _last_days(store: Store, before: str) -> list[str]:
    last: dict[str, str] = {}
    async for row in store.query(AUDIT):
        last[row.partition] = max(last.get(row.partition, ""), _day(row))
    return [chain for chain, day in last.items() if day < before]


def _day(row: Row) -> str:
    return Entry.from_json(row.body).at[:10]
