"""The lock ledger: the full body of every lock before it is lifted, until it is back.

    record --> planned --begin_lift--> off --mark_back--> back --settle--> (no row)
                  └──── mark_back (it was never lifted) ───┘

Written ahead, outside the durable engine, so that a lock is put back even when the
engine's whole state is lost. While a lock is in the ledger, its absence in Azure is not
the truth (see `count_in`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from shared import clock
from shared.arm_ids import fold, is_at_or_above, same
from shared.audit.journal import ChainOf
from shared.codec import from_json, to_json
from shared.errors import RowChanged, StoreUnavailable
from shared.facts import Lock
from shared.store.contract import Body, Row, Store
from shared.store.keys import key_of_text
from shared.store.update import update

LOCKS = "locks"
PLANNED, OFF, BACK = "planned", "off", "back"


@dataclass(frozen=True, slots=True)
class OpenLock:
    """A lock that is off, or about to be, because of us."""

    lock: Lock
    group_id: str
    """Resource group whose window it belongs to."""
    incident_id: str
    """The incident that led the window; its audit chain holds the intent and the
    outcome."""
    vm_id: str
    collection_id: str
    """The first collection that the lock kept from being deleted."""
    deadline: str
    """When the lock must be back at the latest, ISO 8601."""
    state: str = OFF
    """planned: no DELETE was ever sent. off: to be put back. back: how it ended is
    known, and is being recorded."""
    back_at: str = ""
    """When a process began to record how it ended. Long ago: it died before it had."""
    problem: str = ""
    """Why the last attempt to put it back failed."""
    attempts: int = 0

    @property
    def chain(self) -> ChainOf:
        """The audit chain that its intents and outcomes are in."""
        return ChainOf(self.incident_id, self.vm_id)

    @property
    def may_be_off(self) -> bool:
        return self.state != PLANNED

    @property
    def overdue(self) -> bool:
        return self.deadline <= clock.now()


class LockLedger:
    """Every method raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def record(self, entry: OpenLock) -> OpenLock:
        """Write the lock down before it is lifted. Returns the entry in force: an
        earlier one keeps its body and its owner."""

        async def keep_first(there: Body | None) -> Body:
            return dict(to_json(entry)) if there is None else there

        in_force = await update(self._store, LOCKS, "open", _key(entry), keep_first)
        return from_json(OpenLock, in_force)

    async def open_locks(self, group_id: str | None = None) -> list[OpenLock]:
        """All entries, or those of one resource group's windows."""
        found = [_entry(row) async for row in self._store.query(LOCKS, "open")]
        return [entry for entry in found if group_id is None or same(entry.group_id, group_id)]

    async def current(self, entry: OpenLock) -> OpenLock | None:
        """The entry as the ledger has it now; None: it is settled."""
        row = await self._row(entry)
        return _entry(row) if row else None

    async def begin_lift(self, entry: OpenLock) -> OpenLock | None:
        """Record that its DELETE is about to be sent. Returns the entry as it now is;
        None: the DELETE must not be sent.

        Called only once the lock is proved: a process that later finds it off knows
        that it could be put back.
        """
        row = await self._row(entry)
        if row is None or _entry(row).state == BACK:
            return None
        lifting = replace(_entry(row), state=OFF)
        return lifting if await self._replace(row, lifting) else None

    async def count_failure(self, entry: OpenLock, problem: str) -> OpenLock:
        """Count a failed attempt to put the lock back. Returns the entry as it is
        now."""
        counted = replace(entry, problem=problem, attempts=entry.attempts + 1)
        row = await self._row(entry)
        if row is None or _entry(row).state != OFF:
            return counted
        return counted if await self._replace(row, counted) else entry  # another is at work on it

    async def mark_back(self, entry: OpenLock) -> bool:
        """Claim the recording of how the lock ended. False: the row has moved on since
        `entry` was read, so another process records it."""
        row = await self._row(entry)
        if row is None or _entry(row).state != entry.state:
            return False
        return await self._replace(row, replace(_entry(row), state=BACK, back_at=clock.now()))

    async def settle(self, entry: OpenLock) -> None:
        """Take the lock out of the ledger: all is recorded."""
        row = await self._row(entry)
        if row is None:
            return
        try:
            await self._store.delete(row)
        except RowChanged as error:
            raise StoreUnavailable(
                "the ledger's entry was written while it was being settled"
            ) from error

    async def _row(self, entry: OpenLock) -> Row | None:
        return await self._store.get(LOCKS, "open", _key(entry))

    async def _replace(self, row: Row, entry: OpenLock) -> bool:
        """False: somebody else wrote the row since it was read."""
        try:
            await self._store.replace(row, to_json(entry))
        except RowChanged:
            return False
        return True


def count_in(read: Iterable[Lock], lifted: Iterable[OpenLock], scope: str) -> tuple[Lock, ...]:
    """Locks at or above `scope` as they are meant to be: those that Azure shows and
    those that are off because of us."""
    locks = {fold(lock.id): lock for lock in read}
    for entry in lifted:
        if is_at_or_above(entry.lock.scope, scope):
            locks.setdefault(fold(entry.lock.id), entry.lock)
    return tuple(locks.values())


def _entry(row: Row) -> OpenLock:
    return from_json(OpenLock, row.body)


def _key(entry: OpenLock) -> str:
    return key_of_text(entry.lock.id)
