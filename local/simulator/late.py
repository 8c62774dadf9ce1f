"""Requests that were taken and never answered, until they take effect."""

from __future__ import annotations

import asyncio
import logging
from asyncio import sleep
from collections.abc import Awaitable, Callable

log = logging.getLogger("simulator")


class LateRequests:
    """`len` is how many are still to take effect."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def add(self, seconds: float, take_effect: Callable[[], Awaitable[None]]) -> None:
        """Call `take_effect` so many seconds from now."""
        task = asyncio.create_task(_wait(seconds, take_effect))
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def forget(self) -> None:
        """None of them takes effect any more."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    async def cancel(self) -> None:
        """As `forget`, and wait until their tasks have ended."""
        tasks = list(self._tasks)
        self.forget()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a late request", exc_info=error)


async def _wait(seconds: float, take_effect: Callable[[], Awaitable[None]]) -> None:
    await sleep(seconds)
    await take_effect()
