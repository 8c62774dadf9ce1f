"""Health says so whenever a lock that should be back is not, whatever became of the
window that it was lifted in, and whatever of it cannot be known."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from shared import clock, health
from shared.app import App
from shared.codec import to_json
from shared.errors import RemediatorError
from shared.execution.lock_window.ledger import LOCKS, PARTITION
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.words import DONE
from tests.local.simulator import support
from tests.shared.execution.rows import LATER, NEVER, lock_on, row, settled_row, watched


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    made = App(
        {
            "REMEDIATOR_STORE": f"sqlite:{tmp_path / 'store.db'}",
            "REMEDIATOR_SUBSCRIPTION_ID": support.SUB,
        }
    )
    yield made
    await made.close()


def ago(seconds: float) -> str:
    return clock.after(clock.now(), -seconds)


TOLD: dict[str, tuple[Callable[[], LockRow], str]] = {
    "late": (lambda: row(deadline=LATER), "is off, until 2026"),
    "planned, and late": (
        lambda: row(LockState.PLANNED, deadline=LATER),
        "is on; it is about to be lifted",
    ),
    "a problem, in time": (lambda: row(problem="403"), "is NOT back yet: 403"),
    "a person is needed": (
        lambda: row(LockState.NEEDS_PERSON, problem="404"),
        "is NOT back yet: 404",
    ),
    "absent in its watch": (lambda: watched(problem="its PUT: 403"), "its PUT: 403"),
    "watched for too long": (lambda: watched(watch_until=LATER), "is watched until 2026"),
    "missing": (
        lambda: settled_row(DONE, missing_since=LATER),
        "is missing since 2026",
    ),
}
FINE: dict[str, tuple[Callable[[], LockRow], str]] = {
    "off": (row, "1 off at the moment, 0 watched"),
    "late, within the grace": (
        lambda: row(deadline=ago(5)),
        "1 off at the moment, 0 watched",
    ),
    "planned": (lambda: row(LockState.PLANNED), "1 off at the moment, 0 watched"),
    "watched, its deadline over": (
        lambda: watched(deadline=LATER),
        "0 off at the moment, 1 watched",
    ),
    "watched, its end not seen yet": (
        lambda: watched(watch_until=ago(20)),
        "0 off at the moment, 1 watched",
    ),
    "settled": (lambda: settled_row(DONE, deadline=LATER), "none is off"),
}


@pytest.mark.parametrize("name", TOLD)
async def test_a_lock_that_somebody_should_look_at(app: App, name: str) -> None:
    make, words = TOLD[name]
    await app.ledger.insert(row(window_id="w2"))
    await app.ledger.insert(make())
    with pytest.raises(RemediatorError) as told:
        await health.CHECKS["locks"](app)
    assert str(told.value).startswith("not back in time: the lock keep on /subscriptions/")
    assert words in str(told.value)
    assert str(told.value).count("the lock keep") == 1


@pytest.mark.parametrize("name", FINE)
async def test_a_lock_that_is_looked_after(app: App, name: str) -> None:
    make, words = FINE[name]
    await app.ledger.insert(make())
    assert await health.CHECKS["locks"](app) == words


async def test_no_lock_is_off(app: App) -> None:
    assert await health.CHECKS["locks"](app) == "none is off"


@pytest.mark.parametrize("state", ["off", "settled"])
async def test_a_row_that_cannot_be_read(app: App, state: str) -> None:
    body = to_json(row(deadline=NEVER)) | {"schema": 99, "state": state}
    await app.store.insert(LOCKS, PARTITION, "a", body)
    with pytest.raises(RemediatorError, match=r"the row .*keep\): .*number 99"):
        await health.CHECKS["locks"](app)


async def test_the_page_shows_what_it_says(app: App) -> None:
    """docs/http.md: the example of GET /api/health."""
    page = (Path(__file__).parents[2] / "docs/http.md").read_text(encoding="utf-8")
    block = re.search(r"## `GET /api/health`.*?```json\n(.*?)```", page, re.DOTALL)
    assert block
    checks = {each["name"]: each["reason"] for each in json.loads(block[1])["checks"]}
    assert list(checks) == list(health.CHECKS)
    scope = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/app-rg"
    problem = "RequestDisallowedByPolicy: refused"
    incident = {"incident_id": "20260131T020501-11111111-5e6f7a8b", "problem": problem}
    await app.ledger.insert(row(LockState.NEEDS_PERSON, lock_on(scope), **incident))
    with pytest.raises(RemediatorError) as told:
        await health.CHECKS["locks"](app)
    assert str(told.value) == checks["locks"]
