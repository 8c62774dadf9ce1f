"""Why a resource group may not be unlocked for an incident now, by the store alone."""

from __future__ import annotations

from shared import clock
from shared.arm_ids import same
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.lock_row import NOT_BACK, LockRow, LockState
from shared.execution.lock_window.windows import LockWindows, Window
from shared.execution.lock_window.words import by_hand, name_lock, say_state, unreadable
from shared.incident.outcome import GroupHeld
from shared.sentences import Sentence, quote


async def why_held(
    windows: LockWindows,
    ledger: LockLedger,
    group_id: str,
    incident_id: str,
    grace_seconds: float,
) -> GroupHeld | None:
    """None: the incident may open a window of this group, or join its window, or is a
    member whom that window still serves. Raises StoreUnavailable.

    `grace_seconds`: how long after its deadline a window is left to its owner.
    """
    found = await windows.get(group_id)
    window = found.window if found else None
    if window is not None and (window.may_join() or serves(window, incident_id)):
        return None
    if held := await held_by_rows(ledger, group_id, grace_seconds):
        return held
    if window is None:
        return None
    until = clock.after(window.deadline, grace_seconds)
    what = f"the incident {window.leader} has the lock window of {group_id}"
    return _held(group_id, what, until)


async def why_in_hand(windows: LockWindows, ledger: LockLedger, incident_id: str) -> str:
    """Why the lock windows of this incident are not over: one serves it, or a row of
    one that it led is open or cannot be read; "" where they are.

    Raises StoreUnavailable.
    """
    for held in await windows.all():
        if held.window.leader == incident_id or held.window.member(incident_id):
            return f"its lock window of {held.window.group_id} is not over"
    hands, unreadable = await ledger.read_all()
    for hand in hands:
        if hand.row.open and hand.row.incident_id == incident_id:
            return f"{name_lock(hand.row.lock)} {say_state(hand.row)}"
    for strange in unreadable:
        if strange.incident_id == incident_id:
            return f"the row {strange.name} of the lock ledger cannot be read: {strange.reason}"
    return ""


def serves(window: Window, incident_id: str) -> bool:
    """Whether its owner still deletes for this member, or is about to say how that
    ended. A member whose window was taken over comes again."""
    member = window.member(incident_id)
    return member is not None and not window.told and window.epoch == 1


async def held_by_rows(ledger: LockLedger, group_id: str, grace_seconds: float) -> GroupHeld | None:
    """By a row of any window that is not over, or that cannot be read. Raises
    StoreUnavailable."""
    hands, strange_rows = await ledger.read_all(group_id)
    rows = [hand.row for hand in hands if hand.row.open]
    if rows:
        return _held_by(rows, group_id, grace_seconds)
    for strange in strange_rows:
        if not strange.group_id or same(strange.group_id, group_id):
            return GroupHeld(group_id, str(unreadable(strange)), "", ())
    return None


def _held_by(rows: list[LockRow], group_id: str, grace_seconds: float) -> GroupHeld:
    last = max(rows, key=lambda row: _ends_at(row, grace_seconds))
    what = f"{name_lock(last.lock)} {say_state(last)}"
    if len(rows) > 1:
        what += f", and {len(rows) - 1} more of the group"
    steps = tuple(quote(by_hand(row.body)) for row in rows if row.state in NOT_BACK)
    ends_at = _ends_at(last, grace_seconds)
    if last.state is LockState.WATCHED and ends_at > clock.now():  # its words have the time
        return GroupHeld(group_id, what, ends_at, steps)
    return _held(group_id, what, ends_at, steps)


def _ends_at(row: LockRow, grace_seconds: float) -> str:
    if row.state is LockState.WATCHED:
        return row.watch_until
    return clock.after(row.deadline, grace_seconds)


def _held(group_id: str, what: str, until: str, steps: tuple[Sentence, ...] = ()) -> GroupHeld:
    """A time that is over says nothing of when the group will be free."""
    if until <= clock.now():
        return GroupHeld(group_id, f"{what}, which should have been over at {until}", "", steps)
    return GroupHeld(group_id, f"{what}, until {until} at the latest", until, steps)
