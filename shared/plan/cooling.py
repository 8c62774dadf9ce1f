"""Fixes that were made on a VM lately: a failure that comes back within the cooling
time is not fixed the same way twice."""

from __future__ import annotations

from collections.abc import Callable

from shared import clock
from shared.store.contract import Body, Store
from shared.store.keys import key_of_text
from shared.store.update import update

TABLE, PARTITION = "fixes", "vm"
HOUR_SECONDS = 3600
type Fixes = dict[str, dict[str, str]]
"""Cause -> {"incident": its id, "at": when the fix began}."""


class CoolingTime:
    def __init__(self, store: Store, hours: float) -> None:
        self._store = store
        self._seconds = hours * HOUR_SECONDS

    async def fixed_lately(self, vm_id: str, incident_id: str) -> dict[str, str]:
        """Cause -> id of the other incident that fixed it on this VM within the cooling
        time. Raises StoreUnavailable: then nothing may be fixed."""
        row = await self._store.get(TABLE, PARTITION, key_of_text(vm_id))
        begun = self._recent(row.body if row else None)
        return {
            cause: fix["incident"] for cause, fix in begun.items() if fix["incident"] != incident_id
        }

    async def begin(self, vm_id: str, cause: str, incident_id: str) -> None:
        """Record that the fix of this cause begins now. Raises StoreUnavailable: then
        it must not begin."""
        await self._change(
            vm_id, lambda fixes: fixes | {cause: {"incident": incident_id, "at": clock.now()}}
        )

    async def take_back(self, vm_id: str, cause: str, incident_id: str) -> None:
        """The fix was refused by a guard before it changed anything: it does not count.
        Raises StoreUnavailable."""
        ours = {cause: incident_id}
        await self._change(
            vm_id,
            lambda fixes: {
                name: fix for name, fix in fixes.items() if ours.get(name) != fix["incident"]
            },
        )

    async def _change(self, vm_id: str, change: Callable[[Fixes], Fixes]) -> None:
        async def apply(body: Body | None) -> Body:
            return {"fixes": change(self._recent(body))}

        await update(self._store, TABLE, PARTITION, key_of_text(vm_id), apply)

    def _recent(self, body: Body | None) -> Fixes:
        since = clock.after(clock.now(), -self._seconds)
        return (
            {cause: fix for cause, fix in body["fixes"].items() if fix["at"] > since}
            if body
            else {}
        )
