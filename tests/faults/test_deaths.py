"""A dead worker is ordinary: the engine fails what it held, and the incident ends as if
nobody had died."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import functions.remediation as shells
from functions import orchestration
from shared.incident import restarts
from shared.incident.model import Incident
from tests.faults import runs
from tests.faults.azure import locked_groups
from tests.faults.world import Died, EngineFault, Fault, Place, World

pytestmark = pytest.mark.timeout(300)
STAGES = (
    "begin_incident",
    "before_diagnosis",
    "check_cause",
    "decide_plan",
    "take_turn",
    "carry_out_unit",
    "settle_fix",
    "start_backup",
    "look_at_backup",
    "conclude_backup",
)
DEATHS = 6


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orchestration, "LONGEST_UNIT_SECONDS", 0.01)


def in_episodes(*stages: str) -> dict[Place, Fault]:
    return {
        (f"episode after {stage}", nth): Fault("die")
        for stage in stages
        for nth in range(1, DEATHS + 1)
    }


async def repaired(folder: Path, faults: dict[Place, Fault]) -> runs.Outcome:
    state, failures = locked_groups({"rg-one": 1})
    return await runs.run(folder, state, failures, faults, lose_engine=False)


def kill_workers_of(monkeypatch: pytest.MonkeyPatch, stage: str, deaths: int = DEATHS) -> list[str]:
    """The worker dies in this activity, its work done: nobody hears of it. Returns
    where that was."""
    activity = getattr(shells, stage)._function
    really, died = activity.get_user_function(), []

    async def dies(work: Any) -> Any:
        answer = await really(work)
        if len(died) < deaths:
            died.append(stage)
            shells.the_app().dead = True  # type: ignore[attr-defined]
            raise Died
        return answer

    monkeypatch.setattr(activity, "get_user_function", lambda: dies)
    return died


@pytest.mark.parametrize("stage", STAGES)
async def test_six_workers_that_die_in_a_stage_end_fixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    died = kill_workers_of(monkeypatch, stage)
    outcome = await repaired(tmp_path, {})
    assert len(died) == DEATHS
    assert outcome.broken == {}
    assert [each["status"] for each in outcome.incidents] == ["fixed"]
    assert outcome.incidents[0]["restarts"] == 0, "the orchestration itself was never lost"


@pytest.mark.parametrize("stage", STAGES)
async def test_six_orchestrations_that_fail_after_a_stage_end_fixed(
    tmp_path: Path, stage: str
) -> None:
    outcome = await repaired(tmp_path, in_episodes(stage))
    assert outcome.struck
    assert outcome.broken == {}
    assert [each["status"] for each in outcome.incidents] == ["fixed"]


async def test_six_workers_that_die_recovering_lost_work_end_fixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The orchestration is lost once its fix is in place."""
    died = kill_workers_of(monkeypatch, "recover_incident")
    outcome = await repaired(tmp_path, {("episode after carry_out_unit", 1): Fault("die")})
    assert len(died) == DEATHS
    assert outcome.broken == {}
    assert [each["status"] for each in outcome.incidents] == ["fixed"]


async def test_six_deaths_in_every_stage_and_after_it_end_fixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than ten in the incident's life, and never ten in a row without progress."""
    died = [kill_workers_of(monkeypatch, stage) for stage in STAGES]
    outcome = await repaired(tmp_path, in_episodes(*STAGES))
    assert sum(len(each) for each in died) > 3 * restarts.MOST_RESTARTS, (
        "a stage whose work is on record is not run again"
    )
    assert len(outcome.struck) > 3 * restarts.MOST_RESTARTS
    assert outcome.broken == {}
    assert [each["status"] for each in outcome.incidents] == ["fixed"]


async def test_deaths_without_progress_end_with_a_person(tmp_path: Path) -> None:
    """Each orchestration fails at the same place."""
    always: dict[Place, Fault] = {
        ("episode after decide_plan", nth): Fault("die") for nth in range(1, 100)
    }
    outcome = await repaired(tmp_path, always)
    assert outcome.broken == {}
    (incident,) = outcome.incidents
    assert incident["status"] == "needs_person" and "without progress" in incident["reason"]
    assert incident["manual_steps"]
    assert restarts.MOST_RESTARTS < len(outcome.struck) <= restarts.MOST_RESTARTS + len(STAGES)


async def test_a_stage_whose_workers_always_die_ends_with_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = kill_workers_of(monkeypatch, "check_cause", deaths=10_000)
    outcome = await repaired(tmp_path, {})
    (incident,) = outcome.incidents
    assert incident["status"] == "needs_person" and "check_cause" in incident["reason"]
    assert len(died) >= len(orchestration.RETRY_PAUSES) + 1


async def the_incident(world: World) -> Incident:
    (incident,) = [each async for each in world.onlooker.book.all()]
    return incident


@pytest.mark.parametrize("healthy", [True, False], ids=["it runs on", "it is gone"])
async def test_an_engine_that_answers_500_gives_no_incident_up(
    tmp_path: Path, healthy: bool
) -> None:
    """More rounds of the guardian than restarts are allowed; afterwards all goes on."""
    state, failures = locked_groups({"rg-one": 1})
    async with World(tmp_path, lose_engine=False) as world:
        world.simulator.world.replace_state(state)
        await world.deliver(failures[0].event)
        while (await the_incident(world)).status == "open":
            await asyncio.sleep(0.01)
        if not healthy:
            for task in world.tasks.values():
                task.cancel()
        world.engine_silent = 10_000
        for _ in range(restarts.MOST_RESTARTS + 2):
            await world.guard()
        assert (await the_incident(world)).restarts == 0
        world.engine_silent = 0
        await world.rest(1)
        assert str((await the_incident(world)).status) == "fixed"


async def test_a_start_that_the_engine_refuses_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, failures = locked_groups({"rg-one": 1})
    async with World(
        tmp_path, {("episode after decide_plan", 1): Fault("die")}, lose_engine=False
    ) as world:
        world.simulator.world.replace_state(state)
        await world.deliver(failures[0].event)
        (task,) = world.tasks.values()
        await task
        refused = []

        def refuse(incident_id: str, _: Any) -> None:
            refused.append(incident_id)
            raise EngineFault("500: the table is busy")

        with monkeypatch.context() as busy:
            busy.setattr(world.host, "start", refuse)
            for _ in range(restarts.MOST_RESTARTS + 2):
                await world.guard()
        assert len(refused) == restarts.MOST_RESTARTS + 2
        assert (await the_incident(world)).restarts == 0
        await world.rest(1)
        assert str((await the_incident(world)).status) == "fixed"


def switch_off(world: World) -> None:
    """The operator sets the mode; the next process reads it."""
    world.environment = {"REMEDIATOR_MODE": "off"}


BROUGHT_TO_ITS_END = {
    "the backup runs": ("start_backup", "look_at_backup", "fixed", "is Completed"),
    "the fix is in place": (
        "carry_out_unit",
        "settle_fix",
        "needs_person",
        "the verifying backup could not be started",
    ),
}


@pytest.mark.parametrize("moment", BROUGHT_TO_ITS_END)
async def test_work_that_was_lost_and_switched_off_is_brought_to_its_end(
    tmp_path: Path, moment: str
) -> None:
    switched, lost, status, reason = BROUGHT_TO_ITS_END[moment]
    faults: dict[Place, Fault] = {(f"episode after {lost}", 1): Fault("die")}
    faults[(f"episode after {switched}", 1)] = Fault("person", {"does": switch_off})
    outcome = await repaired(tmp_path, faults)
    assert outcome.broken == {}
    (incident,) = outcome.incidents
    assert incident["status"] == status and reason in incident["reason"], incident["reason"]
