"""What of the lock protocol is not over: locks that may be off because of us, and open
windows. While there is any, nobody deploys over the app or tears it down: what puts a
lock back would be gone."""

from __future__ import annotations

from dataclasses import dataclass

from shared.execution.lock_window.ledger import LockLedger, OpenLock
from shared.execution.lock_window.put_back import by_hand
from shared.execution.lock_window.windows import LockWindows, Window
from shared.store.contract import Store

WAIT = (
    "wait for the app: it puts locks back by itself, and ends the window; if it does not run, start"
    " it"
)


@dataclass(frozen=True, slots=True)
class Unsettled:
    """`what`: the lock or the window, with its incidents. `mend`: what to do."""

    what: str
    mend: str


async def find_unsettled(store: Store) -> list[Unsettled]:
    """Empty: no lock is off, and no window is open. Raises StoreUnavailable, or
    NotUsable for a row that cannot be read."""
    locks = [_describe_lock(entry) for entry in await LockLedger(store).open_locks()]
    windows = [_describe_window(held.window) for held in await LockWindows(store).all()]
    return locks + windows


def _describe_lock(entry: OpenLock) -> Unsettled:
    what = (
        f"the lock {entry.lock.id} is off, or may be, for incident {entry.incident_id}; it must be"
        f" back by {entry.deadline}"
    )
    problem = f"; last problem: {entry.problem}" if entry.problem else ""
    return Unsettled(f"{what}{problem}", f"{WAIT}; or put it back by hand: {by_hand(entry.lock)}")


def _describe_window(window: Window) -> Unsettled:
    members = ", ".join(member.incident_id for member in window.members)
    return Unsettled(
        f"the window of {window.group_id} is {window.state}, for incident {members}", WAIT
    )
