"""One GET of a lock, within the time that the protocol gives it."""

from __future__ import annotations

import asyncio

from shared.azure.reader import ArmReader
from shared.execution.lock_window.times import Times
from shared.facts import Absent, Lock, Unreadable


async def read_lock(reader: ArmReader, lock: Lock, times: Times) -> Lock | Absent | Unreadable:
    """A read is never the last word: it may be as old as REMEDIATOR_STALE_SECONDS."""
    try:
        async with asyncio.timeout(times.read):
            return await reader.lock(lock.id)
    except TimeoutError:
        return Unreadable(f"the lock {lock.name}", f"no answer within {times.read:g} s")
