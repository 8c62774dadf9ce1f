"""What of the lock protocol is not over: locks that may be off because of us, and open
windows. While there is any, nobody deploys over the app or tears it down: what puts a
lock back would be gone."""

from __future__ import annotations

from dataclasses import dataclass

from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.lock_row import LockRow
from shared.execution.lock_window.strange_rows import StrangeRow
from shared.execution.lock_window.windows import LockWindows, Window
from shared.execution.lock_window.words import (
    by_hand,
    may_be_off,
    name_lock,
    say_state,
    unreadable,
    window_unreadable,
)
from shared.store.contract import Row, Store

WAIT = (
    "wait for the app: it puts locks back by itself, and ends the window; if it does not run, start"
    " it"
)

DECIDE = (
    "nobody has decided about it: `remediator locks restore` puts it back, `remediator locks"
    " leave` accepts that somebody removed it:"
)


@dataclass(frozen=True, slots=True)
class Unsettled:
    """`what`: the lock or the window, with its incidents. `mend`: what to do."""

    what: str
    mend: str


async def find_unsettled(store: Store) -> list[Unsettled]:
    """Empty: no row of the ledger is open, and no window, all can be read, and no lock
    is missing that nobody decided about. Raises StoreUnavailable."""
    hands, strange = await LockLedger(store).read_all()
    rows = [hand.row for hand in hands]
    locks = [_describe_lock(row) for row in rows if row.open or row.missing_since]
    locks += map(_describe_strange, strange)
    readable, unreadable_windows = await LockWindows(store).read_all()
    windows = [_describe_window(held.window) for held in readable]
    windows += map(_describe_strange_window, unreadable_windows)
    return locks + windows


def _describe_lock(row: LockRow) -> Unsettled:
    what = f"{name_lock(row.lock)} {say_state(row)} (incident {row.incident_id})"
    if not row.open:
        return Unsettled(what, f"{DECIDE} {row.lock.id}")
    command = f"; or put it back by hand: {by_hand(row.body)}" if may_be_off(row) else ""
    return Unsettled(what, f"{WAIT}{command}")


def _describe_strange(row: StrangeRow) -> Unsettled:
    by_command = f"; where it is not, {by_hand(row.lock)}" if row.lock else ""
    mend = f"see whether its lock is there{by_command}; then `remediator locks leave {row.name}`"
    return Unsettled(str(unreadable(row)), mend)


def _describe_window(window: Window) -> Unsettled:
    members = ", ".join(member.incident_id for member in window.members)
    return Unsettled(
        f"the window of {window.group_id} is {window.state}, for incident {members}", WAIT
    )


def _describe_strange_window(row: Row) -> Unsettled:
    mend = f"see that no lock of its group is off; then `remediator locks leave {row.place}`"
    return Unsettled(window_unreadable(row), mend)
