"""The body on record: which one is put back, and how another one gets there."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from shared import clock
from shared.errors import StoreError
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.lock_row import LockRow
from shared.facts import Lock

MOST_BODIES = 4
"""Other bodies of one lock that are kept."""


async def choose_body(ledger: LockLedger, row: LockRow, seconds: float) -> Lock:
    """The last body on record among the rows of this lock in all windows; that of the
    row where the store does not answer within `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            rows = await ledger.of_lock(row.lock.id)
    except (StoreError, TimeoutError):
        return row.body
    # Of two that were read at the same time, the row's own.
    own = row.window_id
    newest = max(rows, key=lambda each: (each.noted_at, each.window_id == own), default=row)
    return newest.body


def with_body(row: LockRow, seen: Lock, stale_seconds: float) -> LockRow:
    """The row after another body than the one on record was read. It replaces that one
    only where that was first read long enough ago: no read tells which of two such
    bodies is the younger."""
    if seen.same_content(row.body):
        return row
    bodies = row.bodies
    if not any(seen.same_content(each) for each in (*bodies, row.lock)):
        bodies = (*bodies, seen)[-MOST_BODIES:]
    if row.is_young(stale_seconds):
        return replace(row, bodies=bodies)
    noted = None if seen.same_content(row.lock) else seen
    return replace(row, bodies=bodies, noted=noted, noted_at=clock.now())
