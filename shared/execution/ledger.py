"""The lock ledger: the full body of every lock before it is lifted, and who has a resource group unlocked.

Written ahead, outside the durable engine, so that a lock is put back even when the engine's whole state is lost. One incident at a
time may have the locks of a group off; while it has, the absence of a lock there is not the truth (see `counted_in`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from shared import clock
from shared.arm_ids import is_at_or_above
from shared.codec import from_json, to_json
from shared.errors import RowChanged, RowExists
from shared.facts import Lock
from shared.store.contract import Store

LOCKS, WINDOWS = "locks", "windows"


@dataclass(frozen=True, slots=True)
class OpenLock:
    """A lock that is off, or about to be, because of us."""

    lock: Lock
    incident_id: str
    vm_id: str
    collection_id: str
    deadline: str
    """When the lock must be back at the latest, ISO 8601."""

    @property
    def overdue(self) -> bool:
        return self.deadline <= clock.now()


@dataclass(frozen=True, slots=True)
class Window:
    """A resource group that one incident has unlocked."""

    group_id: str
    incident_id: str
    deadline: str


class LockLedger:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def open_window(self, window: Window) -> Window:
        """Returns the window that is open on the group: ours, new or from before a crash, or another incident's."""
        key = _digest(window.group_id)
        while True:
            try:
                await self._store.insert(WINDOWS, "group", key, to_json(window))
                return window
            except RowExists:
                row = await self._store.get(WINDOWS, "group", key)
            if row is not None:
                return from_json(Window, row.body)

    async def window(self, group_id: str) -> Window | None:
        row = await self._store.get(WINDOWS, "group", _digest(group_id))
        return from_json(Window, row.body) if row else None

    async def close_window(self, group_id: str, incident_id: str) -> None:
        """Give the group back, if it is this incident's and none of its locks is still off."""
        if any(each.incident_id == incident_id and is_at_or_above(group_id, each.lock.scope) for each in await self.open_locks()):
            return
        row = await self._store.get(WINDOWS, "group", _digest(group_id))
        if row is None or from_json(Window, row.body).incident_id != incident_id:
            return
        try:
            await self._store.delete(row)
        except RowChanged:
            return  # someone else closed it first, which is what was wanted

    async def windows(self) -> list[Window]:
        return [from_json(Window, row.body) async for row in self._store.query(WINDOWS, "group")]

    async def record(self, entry: OpenLock) -> OpenLock:
        """Write the lock down before it is lifted. Returns the entry in force: an earlier one keeps its body and its owner."""
        key = _digest(entry.lock.id)
        while True:
            try:
                await self._store.insert(LOCKS, "open", key, to_json(entry))
                return entry
            except RowExists:
                row = await self._store.get(LOCKS, "open", key)
            if row is not None:
                return from_json(OpenLock, row.body)

    async def open_locks(self) -> list[OpenLock]:
        return [from_json(OpenLock, row.body) async for row in self._store.query(LOCKS, "open")]

    async def settle(self, entry: OpenLock) -> None:
        """Take the lock out of the ledger: it is back, or a person has put another in its place."""
        row = await self._store.get(LOCKS, "open", _digest(entry.lock.id))
        if row is None or from_json(OpenLock, row.body).incident_id != entry.incident_id:
            return
        try:
            await self._store.delete(row)
        except RowChanged:
            return  # a second guardian settled it at the same time


def counted_in(read: Iterable[Lock], lifted: Iterable[OpenLock], scope: str) -> tuple[Lock, ...]:
    """Locks at or above `scope` as they are meant to be: those that Azure shows and those that are off because of us."""
    locks = {lock.id.casefold(): lock for lock in read}
    for entry in lifted:
        if is_at_or_above(entry.lock.scope, scope):
            locks.setdefault(entry.lock.id.casefold(), entry.lock)
    return tuple(locks.values())


def _digest(text: str) -> str:
    return hashlib.sha256(text.casefold().encode()).hexdigest()[:32]
