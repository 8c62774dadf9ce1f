"""Work on several locks or groups at the same time: none waits for another one, or for
its failure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable


async def do_all[T](calls: Iterable[Awaitable[T]]) -> list[T]:
    """At the same time, and each to its end even where another one fails; then the
    first failure is raised."""
    endings = await asyncio.gather(*calls, return_exceptions=True)
    raise_first(endings)
    return [ending for ending in endings if not isinstance(ending, BaseException)]


def raise_first(endings: Iterable[object]) -> None:
    for ending in endings:
        if isinstance(ending, BaseException):
            raise ending
