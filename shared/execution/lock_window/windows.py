"""Lock windows: who has a resource group unlocked, and what is deleted meanwhile. One
row a group, every move conditional.

    (no row) --open--> gathering --unlock--> open --close--> closing --(row deleted)

1. The incident that opens a window leads it. Until `unlock` others may join; the
   locks are still on.
2. While it is open others may still join, up to `join_until`; the leader finds them in
   the row and deletes for them as well.
3. `close` is refused when somebody joined since the row was read: that member's
   deletion comes first.
4. While it is closing nobody may join: a later failure gets the next window, which
   cannot open before the row is gone.
5. The row is deleted when every lock of the window is back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared import clock
from shared.codec import from_json, to_json
from shared.errors import RowChanged, RowExists
from shared.incident.outcome import Outcome
from shared.store.contract import Row, Store
from shared.store.keys import key_of_text

WINDOWS = "windows"
GATHERING, OPEN, CLOSING = "gathering", "open", "closing"


@dataclass(frozen=True, slots=True)
class TargetOutcome:
    """How the deletion of one target ended. Stored with its window."""

    target: str
    result: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class Member:
    """An incident and what it wants deleted."""

    incident_id: str
    targets: tuple[str, ...]
    results: tuple[TargetOutcome, ...] = ()
    """Filled in at closing."""


@dataclass(frozen=True, slots=True)
class Window:
    group_id: str
    leader: str
    """Id of the incident that lifts the locks, deletes, and puts the locks back."""
    state: str
    gather_until: str
    join_until: str
    deadline: str
    """When the locks must be back, counted from unlocking; while gathering, when the
    window is given up."""
    members: tuple[Member, ...]

    def member(self, incident_id: str) -> Member | None:
        return next((each for each in self.members if each.incident_id == incident_id), None)

    def may_join(self) -> bool:
        return self.state == GATHERING or (self.state == OPEN and clock.now() < self.join_until)


@dataclass(frozen=True, slots=True)
class Held:
    """A window as it was read, with the version that a move is conditional on."""

    window: Window
    row: Row


class LockWindows:
    """Every method raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, group_id: str) -> Held | None:
        row = await self._store.get(WINDOWS, "group", key_of_text(group_id))
        return _held(row) if row else None

    async def all(self) -> list[Held]:
        return [_held(row) async for row in self._store.query(WINDOWS, "group")]

    async def open(self, window: Window) -> Held | None:
        """None: another window is on this group already."""
        key = key_of_text(window.group_id)
        try:
            return Held(window, await self._store.insert(WINDOWS, "group", key, to_json(window)))
        except RowExists:
            return None

    async def move(self, held: Held, window: Window) -> Held | None:
        """Write the window over exactly the version that was read. None: somebody else
        wrote first."""
        try:
            return Held(window, await self._store.replace(held.row, to_json(window)))
        except RowChanged:
            return None

    async def join(self, held: Held, member: Member) -> Held | None:
        return await self.move(held, replace(held.window, members=(*held.window.members, member)))

    async def end(self, held: Held) -> bool:
        """Delete the row: the group may be unlocked again. False: somebody else wrote
        or ended it."""
        try:
            await self._store.delete(held.row)
        except RowChanged:
            return False
        return True


def _held(row: Row) -> Held:
    return Held(from_json(Window, row.body), row)
