"""Health says so whenever a lock that should be back is not: whatever became of the
window that it was lifted in."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared import clock, health
from shared.app import App
from shared.errors import RemediatorError
from shared.execution.lock_window.ledger import OpenLock
from shared.execution.lock_window.windows import CLOSING, GATHERING, OPEN, Member, Window
from shared.facts import Lock
from shared.incident.model import Incident
from shared.incident.status import Status
from tests.local.simulator import support

LOCK = Lock(f"{support.GROUP_ID}/{support.LOCKS}/keep", "keep", "CanNotDelete", None, ())


@pytest.mark.parametrize(
    ("window", "leader", "seconds_left", "problem", "told"),
    [
        (OPEN, Status.FIXING, 60, "", False),
        (GATHERING, Status.FIXING, 60, "", False),
        (OPEN, Status.FIXING, -1, "", True),
        (OPEN, Status.FIXING, 60, "403", True),
        (CLOSING, Status.FIXING, 60, "", True),
        (None, Status.FIXING, 60, "", True),
        (OPEN, Status.NEEDS_PERSON, 60, "", True),
        (OPEN, None, 60, "", True),
    ],
)
async def test_a_lock_that_should_be_back(
    tmp_path: Path,
    window: str | None,
    leader: Status | None,
    seconds_left: int,
    problem: str,
    told: bool,
) -> None:
    app = App(
        {
            "REMEDIATOR_STORE": f"sqlite:{tmp_path / 'store.db'}",
            "REMEDIATOR_SUBSCRIPTION_ID": support.SUB,
        }
    )
    deadline = clock.after(clock.now(), seconds_left)
    if leader is not None:
        await app.book.open(
            Incident("i1", leader, support.SUB, "v", support.VM_ID, "c", "i", "j", "", clock.now())
        )
    if window is not None:
        until = clock.after(clock.now(), 60)
        await app.windows.open(
            Window(support.GROUP_ID, "i1", window, until, until, deadline, (Member("i1", ()),))
        )
    entry = OpenLock(
        LOCK,
        support.GROUP_ID,
        "i1",
        support.VM_ID,
        support.COLLECTION_ID,
        deadline,
        problem=problem,
    )
    await app.ledger.record(entry)
    try:
        if told:
            with pytest.raises(RemediatorError, match="not back in time: keep on"):
                await health.CHECKS["locks"](app)
        else:
            assert await health.CHECKS["locks"](app) == "1 off at the moment"
    finally:
        await app.close()
