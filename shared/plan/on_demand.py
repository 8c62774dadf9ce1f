"""The on-demand backups that were ordered for a VM on this UTC day: one row a VM,
changed by compare-and-swap.

1. Azure allows 3 in a UTC day, and 9 attempts, those that fail included. An order is
   sent three times at most (`MOST_ATTEMPTS`), so three orders keep to both.
   https://learn.microsoft.com/azure/backup/backup-support-matrix-iaas
2. An order is counted before it is sent, and once, however often it is sent again.
3. Before a change is made, one has to be left that can verify it. A second try leaves
   one: it may show a cause whose fix has to be verified.

Orders of other people and tools are not counted: Azure refuses where they used them up.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from shared import clock
from shared.store.contract import Body, Store
from shared.store.keys import key_of_text
from shared.store.update import update

TABLE, PARTITION = "ordered", "vm"


class OnDemandBackups:
    """Every method that is awaited raises StoreUnavailable: then none is ordered."""

    def __init__(self, store: Store, per_day: int) -> None:
        self._store = store
        self.per_day = per_day

    async def find_turn(self, vm_id: str, *, leaves_one: bool = False) -> str:
        """ "" where a backup of this VM may be ordered now, and with `leaves_one` one
        more after it; else when it may: the next 00:00 UTC, ISO 8601.

        Where only one a day is allowed at all, none is left over.
        """
        row = await self._store.get(TABLE, PARTITION, key_of_text(vm_id))
        kept = min(1, self.per_day - 1) if leaves_one else 0
        free = self.per_day - len(_orders_of_today(row.body if row else None))
        return "" if free > kept else _next_day()

    async def count(self, vm_id: str, order: str) -> str:
        """Count this order; "" where it may be sent, else when the next one may.

        `order`: its name, the same each time that it is sent again.
        """
        allowed = False

        async def add(body: Body | None) -> Body:
            nonlocal allowed
            orders = _orders_of_today(body)
            allowed = order in orders or len(orders) < self.per_day
            if allowed:
                orders = {order: clock.now()} | orders
            return {"day": _today(), "orders": orders}

        await update(self._store, TABLE, PARTITION, key_of_text(vm_id), add)
        return "" if allowed else _next_day()


def _orders_of_today(body: Body | None) -> dict[str, str]:
    """Name of the order -> when it was counted."""
    if body is None or body["day"] != _today():
        return {}
    orders: Mapping[str, str] = body["orders"]
    return dict(orders)


def _today() -> str:
    return clock.now()[:10]


def _next_day() -> str:
    return clock.as_text(clock.as_time(_today()) + timedelta(days=1))
