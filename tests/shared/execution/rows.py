"""Rows of the lock ledger and of lock windows, for tests."""

from __future__ import annotations

from typing import Any

from shared import clock
from shared.audit.journal import Journal
from shared.audit.log import AuditLog
from shared.execution.lock_window.lock_journal import LockJournal
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.windows import OPEN, Member, Window
from shared.facts import Lock
from shared.store.contract import Store

GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm"
OWNER = "the owner's token"
LONG_AGO, NOW, SOON, LATER, NEVER = (
    "2025-01-01T00:00:00.000000Z",
    "2026-01-01T00:00:00.000000Z",
    "2026-01-01T00:01:00.000000Z",
    "2026-01-01T00:02:00.000000Z",
    "2999-01-01T00:00:00.000000Z",
)


def lock_on(scope: str = GROUP, name: str = "keep", notes: str | None = "why") -> Lock:
    lock_id = f"{scope}/providers/Microsoft.Authorization/locks/{name}"
    return Lock(lock_id, name, "CanNotDelete", notes, ())


LOCK = lock_on()


def row(state: LockState = LockState.OFF, lock: Lock = LOCK, **given: Any) -> LockRow:
    """A row of a window on the lock's own scope, whose deadline is ahead."""
    values = {
        "window_id": "w1",
        "group_id": lock.scope,
        "incident_id": "20260101T000000-lead",
        "vm_id": VM,
        "deadline": NEVER,
        "owner": OWNER,
    }
    if state is LockState.WATCHED:
        values |= {"watch_since": NOW, "watch_until": NEVER}
    if state is LockState.SETTLED:
        values["settled_at"] = NOW
    return LockRow(lock=lock, state=state, **(values | given))


def watched(*, mends: bool = True, **given: Any) -> LockRow:
    """Watched for a minute from now, for a DELETE or for a PUT."""
    now = clock.now()
    watch = {"watch_since": now, "watch_until": clock.after(now, 60), "mends": mends}
    return row(LockState.WATCHED, **(watch | given))


def settled_row(result: str, **given: Any) -> LockRow:
    return row(LockState.SETTLED, **({"result": result, "settled_at": clock.now()} | given))


def window(state: str = OPEN, **given: Any) -> Window:
    """One that its leader has for itself."""
    leader = given.get("leader", "20260101T000000-lead")
    values = {
        "id": "w1",
        "group_id": GROUP,
        "leader": leader,
        "token": OWNER,
        "gather_until": NOW,
        "join_until": SOON,
        "deadline": NEVER,
        "members": (Member(leader, ("c1",)),),
    }
    return Window(state=state, **(values | given))


def lock_journal(store: Store) -> LockJournal:
    return LockJournal(Journal(AuditLog(store)))
