"""The lease of one execution on its window: a heartbeat in the store, and its own
clock.

Each beat is conditional on the version of the last one, so who was taken over learns it
at its next beat, and cannot revive the window. A lease that has run out is lost even if
nobody took it. Time counts from when the last heartbeat *began*, by the larger of the
monotonic clock and the wall clock: a machine that slept does not notice by one of them.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Self

from shared.errors import StoreError
from shared.execution.lock_window.times import Times
from shared.execution.lock_window.windows import Beat, LockWindows, Window


def make_token() -> str:
    """Names one execution; the same activity run again is somebody else."""
    return secrets.token_hex(8)


type Clocks = tuple[float, float]
"""The monotonic and the wall clock, in seconds."""


class Lease(AbstractAsyncContextManager["Lease"]):
    """Beats while it is entered. `beat`: the one that was written when the window was
    opened or taken over; `began`: when that write began."""

    def __init__(
        self,
        windows: LockWindows,
        times: Times,
        window: Window,
        beat: Beat,
        began: Clocks,
    ) -> None:
        self._windows = windows
        self._times = times
        self._group_id = window.group_id
        self.token = window.token
        self._beat = beat
        self._began = began
        self._lost = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep_beating())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def in_time(self) -> bool:
        """Whether one lock write may still begin. Once it is not, it never is again."""
        if self._silence() > self._times.longest_silence:
            self._lost = True
        return not self._lost

    def _silence(self) -> float:
        return max(now - began for now, began in zip(read_clocks(), self._began, strict=True))

    async def _keep_beating(self) -> None:
        """Until the lease is lost. A beat that has no answer yet is waited for: a
        second one would compete with it."""
        while self.in_time:
            await asyncio.sleep(self._times.heartbeat)
            began = read_clocks()
            try:
                beat = await self._beat_once()
            except StoreError as error:
                logging.warning("window of %s: no heartbeat: %s", self._group_id, error)
                continue
            if beat is None:
                self._lost = True
            elif self.in_time:
                self._beat, self._began = beat, began

    async def _beat_once(self) -> Beat | None:
        """None: the window is somebody else's. Raises StoreUnavailable."""
        if beat := await self._windows.beat(self._beat):
            return beat
        # Our own beat, whose answer was lost, may be what is there now.
        found = await self._windows.heartbeat(self._group_id)
        if found is None or found.heartbeat.token != self.token:
            return None
        return await self._windows.beat(found)


@dataclass(frozen=True, slots=True)
class NoLease:
    """For a row whose window is gone: nobody can have taken that over."""

    token: str
    in_time: bool = True


def read_clocks() -> Clocks:
    return time.monotonic(), time.time()
