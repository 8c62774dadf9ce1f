"""How far the sweep has seen everything, and how its last run went: one row, changed
by compare-and-swap."""

from __future__ import annotations

from datetime import datetime

from shared import clock
from shared.store.contract import Body, Row, Store
from shared.store.update import update

TABLE, PARTITION, KEY = "sweep", "watermark", "backup-failures"


class Watermark:
    """Every method raises StoreUnavailable when the store does not answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self) -> datetime | None:
        """Everything before it was seen; None before the first complete sweep."""
        row = await self._row()
        until = str(row.body["until"]) if row else ""
        return clock.as_time(until) if until else None

    async def last_run(self) -> Body | None:
        """{"at", "told", "problems"} of the last run, None when there was none."""
        row = await self._row()
        return row.body if row else None

    async def move(self, reached: datetime | None, told: str, problems: int) -> None:
        """End a run. The mark only moves forward; None leaves it where it is."""

        async def forward(body: Body | None) -> Body:
            before = str(body["until"]) if body else ""
            until = max(before, clock.as_text(reached)) if reached else before
            return {"until": until, "at": clock.now(), "told": told, "problems": problems}

        await update(self._store, TABLE, PARTITION, KEY, forward)

    async def _row(self) -> Row | None:
        return await self._store.get(TABLE, PARTITION, KEY)
