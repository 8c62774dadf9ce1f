"""The lock ledger: a row for each lock of each window, written before every request
that changes the lock.

    (none) → PLANNED → SENT → OFF → RETURNING → SETTLED
                                        ├─ WATCHED → SETTLED
                                        └─ NEEDS_PERSON

docs/lock-protocol.md says what each state means and who may write it. A row is written
by its owner: whoever is not the owner learns that by its own conditional write, and
that write is the fence. While a row is open, the lock's absence in Azure is not the
truth (see `count_in`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum, StrEnum

from shared import clock
from shared.arm_ids import fold, is_at_or_above, same
from shared.audit.journal import ChainOf
from shared.codec import from_json, to_json
from shared.errors import NotUsable, RowChanged, RowExists, StoreUnavailable
from shared.execution.lock_window.strange_rows import StrangeRow, read_strange_row
from shared.facts import Lock
from shared.store.contract import Row, Store
from shared.store.keys import key_of_text

LOCKS = "locks"
PARTITION = "locks"
SCHEMA = 1
"""A row of another number is never lifted from: it counts as unreadable."""


class LockState(StrEnum):
    PLANNED = "planned"
    """The body is on record, no DELETE was sent. The proof may be on its way."""
    SENT = "sent"
    """The DELETE goes out."""
    OFF = "off"
    """The DELETE was answered 200."""
    RETURNING = "returning"
    """It is being put back. No DELETE follows on this row."""
    WATCHED = "watched"
    """It is looked at until `watch_until`: a request of ours may still take effect."""
    NEEDS_PERSON = "needs_person"
    """Azure refuses to have it back. It is tried again each minute."""
    SETTLED = "settled"
    """Over. The row is kept for a day."""


OPEN = frozenset(LockState) - {LockState.SETTLED}
IN_A_WINDOW = frozenset({LockState.PLANNED, LockState.SENT, LockState.OFF})
"""A fix has it in hand."""
TO_TAKE_OVER = OPEN - {LockState.WATCHED}
NOT_BACK = TO_TAKE_OVER - {LockState.PLANNED}
"""A DELETE was sent, and nothing has put the lock back yet."""


@dataclass(frozen=True, slots=True)
class LockRow:
    window_id: str
    group_id: str
    """Resource group whose window it belongs to."""
    lock: Lock
    """As it was before it was lifted."""
    incident_id: str
    """The incident that led the window; its audit chain has intents and outcomes."""
    vm_id: str
    deadline: str
    """When the lock should be back, ISO 8601, as are all times here."""
    owner: str
    """Token of the execution that may write the row."""
    epoch: int = 1
    """That of its window when it was written; it grows with each execution that takes
    the row over."""
    schema: int = SCHEMA
    state: LockState = LockState.PLANNED
    writes: int = 0
    """Grows with each write, so that no two bodies are equal."""
    out: bool = False
    """A DELETE of ours was sent and not answered: it may still take effect."""
    lifted: bool = False
    """A DELETE of ours was answered 200."""
    missed: bool = False
    """A PUT of ours had no answer."""
    reopened: bool = False
    put_at: str = ""
    """When a PUT that put it back was answered; "" while none was."""
    noted: Lock | None = None
    """The last body on record, where that is not `lock`: somebody else's."""
    noted_at: str = ""
    """When the body on record was first read, by whoever read it."""
    bodies: tuple[Lock, ...] = ()
    """Every other body that was read."""
    watch_since: str = ""
    watch_until: str = ""
    mends: bool = False
    """In the watch an absent lock is put back, since a DELETE may still take effect."""
    requests: tuple[str, ...] = ()
    """x-ms-client-request-id of each request that wrote the lock, the last ones."""
    problem: str = ""
    """Why the last attempt to put it back failed."""
    attempts: int = 0
    gone: tuple[str, ...] = ()
    """When its group was seen to be gone."""
    decided_by: str = ""
    """The person who decided to leave it off, or to put it back."""
    settled_at: str = ""
    result: str = ""
    """How it ended: the outcome in the audit log."""
    recorded: bool = False
    """The outcome is in the audit log."""
    missing_since: str = ""
    """Once settled: since when it is seen to be absent."""
    looked_at: str = ""
    """Once settled: the last look."""

    @property
    def body(self) -> Lock:
        """The last body on record: the one that is put back."""
        return self.noted or self.lock

    @property
    def chain(self) -> ChainOf:
        """The audit chain that its intents and outcomes are in."""
        return ChainOf(self.incident_id, self.vm_id)

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def overdue(self) -> bool:
        return self.deadline <= clock.now()

    @property
    def red(self) -> bool:
        """It could not be put back so far."""
        return self.open and (self.state is LockState.NEEDS_PERSON or bool(self.problem))

    @property
    def needs_somebody(self) -> bool:
        """Somebody should look: it is not back, or was back and is absent."""
        return self.red or bool(self.missing_since and not self.open)

    def is_young(self, stale_seconds: float) -> bool:
        """Whether the body on record was first read so recently that no read tells
        whether another one is older."""
        return bool(self.noted_at) and clock.after(self.noted_at, stale_seconds) > clock.now()


class Wrote(Enum):
    STORED = "stored"
    ANOTHERS = "another's"
    SILENT = "no answer"


TIMES = (
    "deadline",
    "noted_at",
    "put_at",
    "watch_since",
    "watch_until",
    "settled_at",
    "missing_since",
    "looked_at",
)
NEEDED_TIMES = {
    LockState.WATCHED: ("watch_since", "watch_until"),
    LockState.SETTLED: ("settled_at",),
}


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
    if mistake := _find_wrong_time(row):
        return read_strange_row(place, mistake)
    return Hand(store, row, place)


def _find_wrong_time(row: LockRow) -> str:
    """What reckons with a time that is none would stop there, for other locks too."""
    needed = {"deadline", *NEEDED_TIMES.get(row.state, ())}
    for name in TIMES:
        time = getattr(row, name)
        if (time or name in needed) and not clock.normal(time):
            return f"its {name} is no time: {time[:40]!r}"
    return ""


def key_of(row: LockRow) -> str:
    return f"{row.window_id}-{key_of_text(row.lock.id)}"


def count_in(read: Iterable[Lock], lifted: Iterable[LockRow], scope: str) -> tuple[Lock, ...]:
    """Locks at or above `scope` as they are meant to be: those that Azure shows and
    those that are off because of us."""
    locks = {fold(lock.id): lock for lock in read}
    for row in lifted:
        if is_at_or_above(row.lock.scope, scope):
            locks.setdefault(fold(row.lock.id), row.lock)
    return tuple(locks.values())
