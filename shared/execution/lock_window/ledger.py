"""The lock ledger: a row for each lock of each window, written before every request
that changes the lock.

A row is written by its owner: whoever is not the owner learns that by its own
conditional write, and that write is the fence.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from enum import Enum

from shared.arm_ids import same
from shared.codec import from_json, to_json
from shared.errors import NotUsable, RowChanged, RowExists, StoreError, StoreUnavailable
from shared.execution.lock_window.lock_row import SCHEMA, LockRow, LockState, find_wrong_time
from shared.execution.lock_window.strange_rows import StrangeRow, read_strange_row
from shared.store.contract import Row, Store
from shared.store.keys import key_of_text

LOCKS = "locks"
PARTITION = "locks"


class Wrote(Enum):
    STORED = "stored"
    ANOTHERS = "another's"
    SILENT = "no answer"


type Change = Callable[[LockRow], LockRow | None]
"""From the row as it is to the one to write; None: the row no longer allows it."""


class LockLedger:
    """Every method raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def insert(self, row: LockRow) -> Hand:
        """Write the lock down before it is lifted. Raises RowExists."""
        place = await self._store.insert(LOCKS, PARTITION, key_of(row), to_json(row))
        return Hand(self._store, row, place)

    async def read(self) -> AsyncIterator[Hand | StrangeRow]:
        """Every row, those that are settled as well; one that this version cannot read
        as that."""
        async for place in self._store.query(LOCKS, PARTITION):
            yield _read(self._store, place)

    async def read_all(self, group_id: str | None = None) -> tuple[list[Hand], list[StrangeRow]]:
        """As `read`: the rows that can be read, of one group's windows or of all; and
        all that cannot."""
        hands, strange = [], []
        async for each in self.read():
            if isinstance(each, StrangeRow):
                strange.append(each)
            elif group_id is None or same(each.row.group_id, group_id):
                hands.append(each)
        return hands, strange

    async def hands(self, group_id: str | None = None) -> list[Hand]:
        """The readable rows, of one group's windows or of all."""
        hands, _ = await self.read_all(group_id)
        return hands

    async def strange(self) -> list[StrangeRow]:
        """The rows that this version cannot read."""
        _, strange = await self.read_all()
        return strange

    async def forget(self, row: StrangeRow) -> None:
        """Take away exactly this row. Raises RowChanged."""
        await self._store.delete(row.place)

    async def open_locks(self, group_id: str | None = None) -> list[LockRow]:
        """The rows that are not over, of one group's windows or of all."""
        return [hand.row for hand in await self.hands(group_id) if hand.row.open]

    async def of_lock(self, lock_id: str) -> list[LockRow]:
        """The rows of all windows for one lock, the oldest first."""
        found = [each.row for each in await self.hands() if same(each.row.lock.id, lock_id)]
        return sorted(found, key=lambda row: row.deadline)


class Hand:
    """One row as it was read, and the way to write it."""

    def __init__(self, store: Store, row: LockRow, place: Row) -> None:
        self._store = store
        self.row = row
        self._place = place
        self._writing: asyncio.Task[Wrote] | None = None

    async def write(self, token: str, change: Change, seconds: float | None = None) -> Wrote:
        """Write the row, as long as its owner is `token`. A write that has no answer
        within `seconds` goes on, and the next one waits for it.

        ANOTHERS: somebody else owns the row, it is gone, or `change` gave None.
        SILENT: the store did not answer; it may be stored.
        """

        def owned(row: LockRow) -> LockRow | None:
            return change(row) if row.owner == token else None

        return await self.force(owned, seconds)

    async def force(self, change: Change, seconds: float | None = None) -> Wrote:
        """As `write`, whoever owns the row."""
        deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
        before = self._writing
        if before is not None and not await _is_done(before, deadline):
            return Wrote.SILENT
        self._writing = asyncio.ensure_future(self._write(change))
        if not await _is_done(self._writing, deadline):
            return Wrote.SILENT
        return self._writing.result()

    async def _write(self, change: Change) -> Wrote:
        try:
            read = False
            while True:
                changed = change(self.row)
                if changed is None:
                    # By a row that may be old: only the store can say whose it is now.
                    if read or not await self.read_again():
                        return Wrote.ANOTHERS
                    read = True
                    continue
                changed = replace(changed, writes=self.row.writes + 1)
                try:
                    self._place = await self._store.replace(self._place, to_json(changed))
                except RowChanged:
                    # Another's write; or our own, whose answer was lost: then the row
                    # has our token in it, and the change is made on top.
                    if not await self.read_again():
                        return Wrote.ANOTHERS
                    read = True
                else:
                    self.row = changed
                    return Wrote.STORED
        except StoreUnavailable:
            return Wrote.SILENT

    async def read_again(self) -> bool:
        """Read the row as it is now. False: it is gone. Raises StoreUnavailable."""
        place = await self._store.get(LOCKS, PARTITION, self._place.key)
        if place is None:
            return False
        read = _read(self._store, place)
        if isinstance(read, StrangeRow):
            return False
        self.row, self._place = read.row, read._place
        return True

    async def read_within(self, seconds: float) -> bool | None:
        """As `read_again`, for who goes on without the store: None where it does not
        answer within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                return await self.read_again()
        except (StoreError, TimeoutError):
            return None

    async def insert_again(self, row: LockRow) -> Wrote:
        """Write a row that is gone once more."""
        try:
            self._place = await self._store.insert(LOCKS, PARTITION, key_of(row), to_json(row))
        except RowExists:
            return await self._see_what_is_there()
        except StoreUnavailable:
            return Wrote.SILENT
        self.row = row
        return Wrote.STORED

    async def _see_what_is_there(self) -> Wrote:
        """SILENT: it may be written over now; ANOTHERS: it cannot be read."""
        try:
            return Wrote.SILENT if await self.read_again() else Wrote.ANOTHERS
        except StoreUnavailable:
            return Wrote.SILENT

    async def remove(self, token: str, state: LockState) -> bool:
        """Take the row away while it is ours and in this state. Raises
        StoreUnavailable."""
        while self.row.owner == token and self.row.state is state:
            try:
                await self._store.delete(self._place)
            except RowChanged:
                if not await self.read_again():
                    return True
            else:
                return True
        return False


async def _is_done(task: asyncio.Task[Wrote], deadline: float | None) -> bool:
    left = None if deadline is None else max(0.0, deadline - asyncio.get_running_loop().time())
    done, _ = await asyncio.wait({task}, timeout=left)
    return bool(done)


def _read(store: Store, place: Row) -> Hand | StrangeRow:
    if place.body.get("schema") != SCHEMA:
        return read_strange_row(place, f"it has the schema number {place.body.get('schema')!r}")
    try:
        row = from_json(LockRow, place.body)
    except NotUsable as error:
        return read_strange_row(place, str(error))
    if mistake := find_wrong_time(row):
        return read_strange_row(place, mistake)
    return Hand(store, row, place)


def key_of(row: LockRow) -> str:
    return f"{row.window_id}-{key_of_text(row.lock.id)}"
