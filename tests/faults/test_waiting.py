"""Waiting: a turned clock, lost engines, and jobs that begin at the worst moment."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from local.promises import COLLECTION, kind_of
from local.scenarios import load
from shared import clock
from shared.incident.model import Incident
from shared.incident.status import Status
from tests.faults.azure import locked_groups
from tests.faults.settings import SETTINGS
from tests.faults.world import Fault, Place, World

LOCKED, EXTENSION = "winmanagedvm", "ExtentionOperationFailed-backup_extension"
JOB = "microsoft.recoveryservices/vaults/backupjobs"
BEFORE_ACTING, WINDOW_OPENED = (
    ("after store insert fixes", 1),
    ("after store transact windows insert", 1),
)
"""Right after the plan took its turn; right after the window's own first look."""


@asynccontextmanager
async def failed(
    folder: Path, state: dict[str, Any], events: list[Any], faults: dict[Place, Fault]
) -> AsyncIterator[World]:
    async with World(folder, faults) as world:
        world.simulator.world.replace_state({"resources": state["resources"]})
        world.at_first = {"resources": state["resources"]}
        await asyncio.gather(*(world.deliver(event) for event in events))
        yield world


async def incidents(world: World) -> list[Incident]:
    return [incident async for incident in world.living().book.all()]


async def until(world: World, holds: Callable[[list[Incident]], bool]) -> list[Incident]:
    """The incidents once this holds of them, the guardian at its rounds meanwhile."""
    async with asyncio.timeout(60):
        while not holds(found := await incidents(world)):
            await world.guard()
            await asyncio.sleep(0.02)
    return found


def all_wait(found: list[Incident]) -> bool:
    return bool(found) and all(each.status is Status.WAITING for each in found)


def all_ended(found: list[Incident]) -> bool:
    return all(each.ended for each in found)


def deletions(world: World) -> list[str]:
    return [each.path for each in world.simulator.world.requests if each.method == "DELETE"]


def a_restore(world: World) -> None:
    """A restore of the first VM begins now."""
    failed_job = next(each for each in world.at_first["resources"] if kind_of(each["id"]) == JOB)
    name = str(uuid.uuid4())
    kept = {
        key: value
        for key, value in failed_job["properties"].items()
        if key not in ("errorDetails", "extendedInfo", "endTime")
    }
    job = {
        "id": failed_job["id"].replace(failed_job["name"], name),
        "name": name,
        "type": failed_job["type"],
        "properties": (
            kept | {"status": "InProgress", "operation": "Restore", "startTime": clock.now()}
        ),
    }
    world.simulator.world.state.put(job)


def end(world: World, kind: str = "Restore") -> None:
    for job in world.simulator.world.state.of_type("Microsoft.RecoveryServices/vaults/backupJobs"):
        if job["properties"]["operation"] == kind and job["properties"]["status"] == "InProgress":
            job["properties"]["status"] = "Completed"


@pytest.mark.parametrize(
    ("name", "moment"),
    [(LOCKED, BEFORE_ACTING), (LOCKED, WINDOW_OPENED), (EXTENSION, BEFORE_ACTING)],
    ids=str,
)
async def test_the_executors_last_look_finds_a_job_and_waits_for_it(
    tmp_path: Path, name: str, moment: Place
) -> None:
    """Nothing was changed, so no action is on record, no place is counted, and the fix
    is made once the job has ended."""
    case = load(name)
    async with failed(
        tmp_path, case, [case["event"]], {moment: Fault("person", {"does": a_restore})}
    ) as world:
        (waiting,) = await until(world, all_wait)
        assert "(Restore)" in waiting.reason
        assert (waiting.actions, waiting.tried) == ((), frozenset())
        assert deletions(world) == []
        limits = await world.store.get("limiter", "changes", "last-hour")
        assert limits is not None and limits.body["begun"] == {}
        end(world)
        await world.rest(1)
        (fixed,) = await incidents(world)
        assert (fixed.status, fixed.waiting) == (Status.FIXED, None)
        assert world.crashes == []


async def test_a_lost_engine_resumes_the_wait_with_its_first_time(tmp_path: Path) -> None:
    case = load(EXTENSION)
    async with failed(tmp_path, case, [], {}) as world:
        a_restore(world)
        await world.deliver(case["event"])
        (before,) = await until(world, all_wait)
        for task in world.tasks.values():
            task.cancel()
        (after,) = await until(world, lambda found: all_wait(found) and bool(found[0].passed))
        assert after.restarts == 0, "a wait that goes on is progress"
        assert before.waiting is not None and after.waiting is not None
        assert after.waiting.since == before.waiting.since
        end(world)
        await world.rest(1)
        assert [each.status for each in await incidents(world)] == [Status.FIXED]


async def test_a_person_is_asked_after_24_hours(tmp_path: Path) -> None:
    case = load(LOCKED)
    async with failed(tmp_path, case, [], {}) as world:
        a_restore(world)
        await world.deliver(case["event"])
        await until(world, all_wait)
        world.clock_offset = 24 * 3600
        (ended,) = await until(world, all_ended)
        assert ended.status is Status.NEEDS_PERSON
        assert ended.reason.startswith("waited for 24 hours") and "(Restore)" in ended.reason
        assert any(step.key == "run_backup" for step in ended.manual_steps)
        assert deletions(world) == []


STEP_SECONDS = 290
"""Shorter than the patience with somebody who waits in line and is silent."""


@pytest.mark.timeout(300)
async def test_more_failures_than_the_limit_end_without_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two changes an hour and six failures: two are fixed in each turned hour, those
    first that have waited longest."""
    monkeypatch.setitem(SETTINGS, "REMEDIATOR_CHANGES_PER_HOUR", "2")
    state, failures = locked_groups({"rg-one": 3, "rg-two": 3})
    async with failed(tmp_path, state, [each.event for each in failures], {}) as world:
        await until(world, rests(fixed=2))
        waiting = [(each.waiting.since, each.id) for each in await incidents(world) if each.waiting]
        line = [incident_id for _, incident_id in sorted(waiting)]
        for turn in (1, 2):
            await turn_an_hour(world)
            found = await until(world, rests(fixed=2 + 2 * turn))
            assert {each.id for each in found if each.ended} >= set(line[: 2 * turn])
        assert len({path for path in deletions(world) if kind_of(path) == COLLECTION}) == 6
        assert world.crashes == []


def rests(fixed: int) -> Callable[[list[Incident]], bool]:
    """So many are fixed and all others wait. Fails when one ends in another way."""

    def holds(found: list[Incident]) -> bool:
        assert [
            each.reason for each in found if each.ended and each.status is not Status.FIXED
        ] == []
        statuses = [each.status for each in found]
        return (statuses.count(Status.FIXED), statuses.count(Status.WAITING)) == (
            fixed,
            len(found) - fixed,
        )

    return holds


async def turn_an_hour(world: World) -> None:
    """In steps, each of which everybody in line sees, as on a clock that runs."""
    for _ in range(3600 // STEP_SECONDS + 1):
        world.clock_offset += STEP_SECONDS
        turned = clock.now()
        async with asyncio.timeout(60):
            while not await all_asked_since(world, turned):
                await asyncio.sleep(0.02)


async def all_asked_since(world: World, moment: str) -> bool:
    row = await world.store.get("limiter", "changes", "last-hour")
    return row is not None and all(each["asked"] >= moment for each in row.body["waiting"].values())
