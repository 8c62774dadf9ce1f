"""Changes of a row that several of its owners make."""

from __future__ import annotations

from dataclasses import replace

from shared import clock
from shared.execution.lock_window.lock_row import LockRow, LockState

MOST_REQUESTS = 20
"""Request ids that a row keeps."""


def settled(row: LockRow, result: str) -> LockRow:
    now = clock.now()
    return replace(
        row, state=LockState.SETTLED, result=result, settled_at=now, problem="", recorded=False
    )


def with_requests(row: LockRow, requests: list[str]) -> LockRow:
    new = [each for each in requests if each not in row.requests]
    return replace(row, requests=(*row.requests, *new)[-MOST_REQUESTS:])


def begin_watch(row: LockRow, seconds: float, *, mends: bool) -> LockRow:
    now = clock.now()
    return replace(
        row,
        state=LockState.WATCHED,
        watch_since=now,
        watch_until=clock.after(now, seconds),
        mends=mends,
        problem="",
        attempts=0,
    )
