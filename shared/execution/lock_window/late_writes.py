"""Outcomes on their way to the store, while nothing waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable


class LateWrites:
    """With the locks off nothing waits for the store: each write begins at once, and is
    waited for once the locks are back."""

    def __init__(self) -> None:
        self._begun: list[asyncio.Future[object]] = []

    def begin(self, write: Awaitable[object]) -> None:
        self._begun.append(asyncio.ensure_future(write))

    async def finish(self) -> None:
        """Raises what the first write that failed raised."""
        await asyncio.gather(*self._begun)
