"""An activity whose answer was lost is called again, and an incident whose engine was
lost is begun again: neither changes what has ended, waits or is shown to work already.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from local.scenarios import load
from local.simulator import ids
from shared.execution.fixes import uninstall_extension
from shared.incident.status import Status
from tests.faults import hands
from tests.faults.azure import broken_extension
from tests.faults.runs import run
from tests.faults.test_last_looks import Azure, locked
from tests.faults.test_lock_window import execution_of
from tests.faults.test_verifying import backups, one, person
from tests.faults.test_waiting import (
    BEFORE_ACTING,
    EXTENSION,
    LOCKED,
    a_restore,
    all_ended,
    end,
    failed,
    incidents,
    until,
)
from tests.faults.world import Died, Fault, Place, World

PUT_OFF: Place = ("after store insert audit note status", "after store insert fixes")
INTENDED: Place = ("after store insert audit intent uninstall_extension", 1)
SHOWN: Place = ("before store insert audit note backup", 2)
"""The verifying backup's end is on the incident; its note and the closing are not."""


def die(world: World) -> None:
    world.process.dead = True
    world.deaths += 1


def the_restore_ends(world: World) -> None:
    end(world)
    die(world)


@pytest.mark.parametrize("name", [LOCKED, EXTENSION])
async def test_a_plan_that_was_put_off_takes_its_turn_again(tmp_path: Path, name: str) -> None:
    """The worker dies with its answer, and the job ends before the unit is called
    again."""
    case = load(name)
    faults = {
        BEFORE_ACTING: Fault("person", {"does": a_restore}),
        PUT_OFF: Fault("person", {"does": the_restore_ends}),
    }
    async with failed(tmp_path, case, [], faults) as world:
        world.lose_engine = False
        await world.deliver(case["event"])
        (found,) = await until(world, all_ended)
        assert (found.status, world.deaths, world.crashes) == (Status.FIXED, 1, [])
        limits = await world.store.get("limiter", "changes", "last-hour")
        assert limits is not None and len(limits.body["begun"]) == 1


async def test_a_change_whose_effect_cannot_be_read_is_not_done(tmp_path: Path) -> None:
    """The worker dies with the intent alone on record, and the engine with it."""

    def hidden(world: World) -> None:
        hands.hide("/extensions(/[^/]+)?$")(world)
        die(world)

    outcome = await run(tmp_path, *broken_extension(), {INTENDED: person(hidden)})
    (incident,) = outcome.incidents
    assert (len(outcome.struck), incident["status"]) == (1, "needs_person")
    assert [each["outcome"] for each in incident["actions"]] == [""]
    assert [each for each in outcome.requests if each["method"] == "DELETE"] == []


@pytest.mark.parametrize("azure", [locked, broken_extension])
async def test_a_backup_that_completed_counts_for_whoever_begins_again(
    tmp_path: Path, azure: Azure
) -> None:
    outcome, incident = await one(tmp_path, azure, {SHOWN: Fault("die")})
    assert (incident["status"], backups(outcome)) == ("fixed", 1)
    assert incident["verification"]["outcome"] == "Completed"


async def test_who_hands_over_and_dies_leaves_no_intent_open(tmp_path: Path) -> None:
    """Nobody looks at an incident that has ended again, so its intents come first."""
    state, failures = broken_extension()
    async with failed(tmp_path, state, [failures[0].event], {}) as world:
        for task in world.tasks.values():
            task.cancel()
        (incident,), execution = await incidents(world), await execution_of(world)
        (extension,) = world.simulator.world.state.of_type(ids.EXTENSION)
        await execution.journal.intent(incident, uninstall_extension.KIND, extension["id"])
        world.faults[
            "after store insert audit note status",
            1 + world.times.get("after store insert audit note status", 0),
        ] = Fault("die")
        with pytest.raises(Died):
            await execution.hand_over(incident.id, "carry_out_unit", "it failed")
        execution = await execution_of(world)
        assert [each.status for each in await incidents(world)] == [Status.NEEDS_PERSON]
        assert await execution.hand_over(incident.id, "carry_out_unit", "it failed") is False
        assert await execution.journal.open_intents(incident.id) == set()
