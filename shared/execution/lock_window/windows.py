"""Lock windows: who has a resource group unlocked, and what is deleted meanwhile.

    (no row) --open--> gathering --unlock--> open --close--> closing --(row deleted)

1. One execution opens a window and owns it, by a random token. The incident that it
   works for leads the window. Until `unlock` others may join; the locks are still on.
2. While it is open others may still join, up to `join_until`; the owner finds them in
   the row and deletes for them as well.
3. `close` is refused when somebody joined since the row was read: that member's
   deletion comes first.
4. While it is closing nobody may join, and nothing is lifted or deleted.
5. The row is deleted when no ledger row of the window is open any more.

Each group is a partition with two rows: the window, and beside it the heartbeat of its
owner, so that who joins does not compete with it. Whoever takes a window over writes
both in one transaction; no owner becomes the next one's by a late beat.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from shared import clock
from shared.codec import from_json, to_json
from shared.errors import NotUsable, RowChanged, RowExists
from shared.incident.outcome import Outcome
from shared.store.contract import Delete, Insert, Replace, Row, Store, Write
from shared.store.keys import key_of_text

WINDOWS = "windows"
WINDOW, HEARTBEAT = "window", "heartbeat"
GATHERING, OPEN, CLOSING = "gathering", "open", "closing"


@dataclass(frozen=True, slots=True)
class TargetOutcome:
    """How the deletion of one target ended. Stored with its window."""

    target: str
    result: Outcome
    detail: str
    code: str = ""
    """ARM's `error.code`, where Azure refused the deletion or it failed."""


@dataclass(frozen=True, slots=True)
class Member:
    """An incident and what it wants deleted."""

    incident_id: str
    targets: tuple[str, ...]
    results: tuple[TargetOutcome, ...] = ()
    """Filled in at closing."""


@dataclass(frozen=True, slots=True)
class Window:
    id: str
    group_id: str
    leader: str
    """Id of the incident whose execution opened it."""
    token: str
    """Of the execution that owns it now: of the first owner, or of who took over."""
    state: str
    gather_until: str
    join_until: str
    deadline: str
    """When the locks must be back, counted from unlocking; while gathering, when the
    window is given up."""
    members: tuple[Member, ...]
    epoch: int = 1
    """Grows with each owner."""
    told: bool = False
    """The results are on record with the members."""

    def member(self, incident_id: str) -> Member | None:
        return next((each for each in self.members if each.incident_id == incident_id), None)

    def may_join(self) -> bool:
        return self.state == GATHERING or (self.state == OPEN and clock.now() < self.join_until)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    token: str
    count: int


@dataclass(frozen=True, slots=True)
class Held:
    """A window as it was read, with the version that a move is conditional on."""

    window: Window
    row: Row


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat as it was read or written, with its version."""

    heartbeat: Heartbeat
    row: Row


class LockWindows:
    """Every method raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, group_id: str) -> Held | None:
        row = await self._store.get(WINDOWS, key_of_text(group_id), WINDOW)
        return _held(row) if row else None

    async def read_all(self) -> tuple[list[Held], list[Row]]:
        """The windows that can be read, and those that this version cannot: nobody can
        enter their group."""
        readable, unreadable = [], []
        async for row in self._store.query(WINDOWS):
            if row.key == WINDOW and (held := _held_or_none(row)):
                readable.append(held)
            elif row.key == WINDOW:
                unreadable.append(row)
        return readable, unreadable

    async def all(self) -> list[Held]:
        """Those that can be read; one that cannot holds up no other."""
        readable, _ = await self.read_all()
        return readable

    async def unreadable(self) -> list[Row]:
        """Those that cannot."""
        _, unreadable = await self.read_all()
        return unreadable

    async def forget(self, row: Row) -> None:
        """Take away exactly this window, with its heartbeat. Raises RowChanged."""
        beat = await self._store.get(WINDOWS, row.partition, HEARTBEAT)
        writes = [Delete(row), *([Delete(beat)] if beat else [])]
        await self._store.transact(WINDOWS, row.partition, writes)

    async def open(self, window: Window) -> tuple[Held, Beat] | None:
        """None: another window is on this group already."""
        beat = Heartbeat(window.token, 1)
        writes = (Insert(WINDOW, to_json(window)), Insert(HEARTBEAT, to_json(beat)))
        try:
            made = await self._store.transact(WINDOWS, key_of_text(window.group_id), writes)
        except RowExists:
            return None
        return Held(window, _row(made[0])), Beat(beat, _row(made[1]))

    async def move(self, held: Held, window: Window) -> Held | None:
        """Write the window over exactly the version that was read. None: somebody else
        wrote first."""
        try:
            return Held(window, await self._store.replace(held.row, to_json(window)))
        except RowChanged:
            return None

    async def join(self, held: Held, member: Member) -> Held | None:
        return await self.move(held, replace(held.window, members=(*held.window.members, member)))

    async def heartbeat(self, group_id: str) -> Beat | None:
        row = await self._store.get(WINDOWS, key_of_text(group_id), HEARTBEAT)
        return Beat(from_json(Heartbeat, row.body), row) if row else None

    async def beat(self, beat: Beat) -> Beat | None:
        """The next heartbeat, over exactly the last one. None: somebody else wrote."""
        following = replace(beat.heartbeat, count=beat.heartbeat.count + 1)
        try:
            return Beat(following, await self._store.replace(beat.row, to_json(following)))
        except RowChanged:
            return None

    async def take_over(
        self, held: Held, beat: Beat | None, token: str
    ) -> tuple[Held, Beat] | None:
        """Become the owner of exactly this window with exactly this last heartbeat, and
        close it. None: somebody wrote first, so its owner may be alive."""
        epoch = held.window.epoch + 1
        taken = replace(held.window, token=token, state=CLOSING, epoch=epoch)
        following = Heartbeat(token, beat.heartbeat.count + 1 if beat else 1)
        second: Write = (
            Replace(beat.row, to_json(following)) if beat else Insert(HEARTBEAT, to_json(following))
        )
        writes = (Replace(held.row, to_json(taken)), second)
        partition = key_of_text(held.window.group_id)
        try:
            made = await self._store.transact(WINDOWS, partition, writes)
        except (RowChanged, RowExists):
            return None
        return Held(taken, _row(made[0])), Beat(following, _row(made[1]))

    async def end(self, window: Window) -> bool:
        """Delete the window of this id with its heartbeat: the group may be unlocked
        again. False: it is gone already, or somebody writes it just now."""
        held, beat = await self.get(window.group_id), await self.heartbeat(window.group_id)
        if held is None or held.window.id != window.id or held.window.token != window.token:
            return False
        writes = [Delete(held.row), *([Delete(beat.row)] if beat else [])]
        try:
            await self._store.transact(WINDOWS, key_of_text(window.group_id), writes)
        except RowChanged:
            return False
        return True


def is_of(held: Held | None, window_id: str, token: str) -> bool:
    """Whether this window is still there and owned by that execution."""
    return held is not None and (held.window.id, held.window.token) == (window_id, token)


def _held(row: Row) -> Held:
    return Held(from_json(Window, row.body), row)


def _held_or_none(row: Row) -> Held | None:
    try:
        return _held(row)
    except NotUsable as error:
        logging.error("the lock window %s cannot be read: %s", row.place, error)
        return None


def _row(made: Row | None) -> Row:
    if made is None:
        raise TypeError("an insert and a replacement give a row")
    return made
