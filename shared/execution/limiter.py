"""At most so many fixes in any hour, over all instances: one row, replaced conditionally."""

from __future__ import annotations

from shared import clock
from shared.errors import RowChanged, RowExists, StoreUnavailable
from shared.store.contract import Row, Store

TABLE, PARTITION, KEY = "limiter", "changes", "last-hour"
HOUR_SECONDS = 3600
ATTEMPTS = 50


class ChangeLimiter:
    def __init__(self, store: Store, changes_per_hour: int) -> None:
        self._store = store
        self._limit = changes_per_hour

    async def take(self, ticket: str) -> bool:
        """Whether the fix `ticket` may begin. The same ticket is counted once. Raises StoreUnavailable: then nothing may begin."""
        for _ in range(ATTEMPTS):
            row = await self._row()
            begun = _within_the_hour(row.body["begun"])
            if ticket in begun:
                return True
            if len(begun) >= self._limit:
                return False
            try:
                await self._store.replace(row, {"begun": begun | {ticket: clock.now()}})
            except RowChanged:
                continue
            return True
        raise StoreUnavailable("the counter of changes was written by too many at once")

    async def _row(self) -> Row:
        if (row := await self._store.get(TABLE, PARTITION, KEY)) is not None:
            return row
        try:
            return await self._store.insert(TABLE, PARTITION, KEY, {"begun": {}})
        except RowExists:
            return await self._row()


def _within_the_hour(begun: dict[str, str]) -> dict[str, str]:
    since = clock.after(clock.now(), -HOUR_SECONDS)
    return {ticket: at for ticket, at in begun.items() if at > since}
