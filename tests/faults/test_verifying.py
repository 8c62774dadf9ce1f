"""After the fix: who may say that it worked, and what holds the new backup back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.simulator import ids
from shared.incident.restarts import MOST_RESTARTS
from tests.faults import hands
from tests.faults.azure import locked_groups
from tests.faults.hands import GROUP_ID, OTHER_VM_ID, VM_ID
from tests.faults.runs import Outcome, run
from tests.faults.test_last_looks import Azure, broken_extension, changes, is_backup, locked
from tests.faults.world import Fault, Hand, Place, World

REMOVED: Place = ("after store insert audit outcome uninstall_extension", 1)
STEP_TOLD: Place = ("after store insert audit note step", 1)
BACKUP_BEGUN: Place = ("after store insert audit note backup", 1)
BEFORE_BACKUP: Place = ("before ARM POST backup", 1)
PROBLEM = {"code": "UserErrorFsFreezeFailed", "message": "File system freeze failed."}


def backups(outcome: Outcome) -> int:
    return sum(is_backup(method, path) for method, path in changes(outcome))


async def one(
    folder: Path, azure: Azure, faults: dict[Place, Fault], **more: Any
) -> tuple[Outcome, dict[str, Any]]:
    """The run and its incident; every fault struck, every promise held."""
    outcome = await run(folder, *azure(), faults, **more)
    assert (len(outcome.struck), outcome.broken) == (len(faults), {})
    (incident,) = outcome.incidents
    return outcome, incident


def person(does: Hand) -> Fault:
    return Fault("person", {"does": does})


SWITCHED_OFF: dict[str, Hand] = {
    "the VM is tagged off": hands.tag(VM_ID, "off"),
    "the VM is tagged observe": hands.tag(VM_ID, "observe"),
    "the group is tagged off": hands.tag(GROUP_ID, "off"),
}


@pytest.mark.parametrize("azure", [locked, broken_extension])
@pytest.mark.parametrize("case", SWITCHED_OFF)
async def test_switched_off_after_the_fix_no_backup_is_started(
    tmp_path: Path, case: str, azure: Azure
) -> None:
    outcome, incident = await one(tmp_path, azure, {STEP_TOLD: person(SWITCHED_OFF[case])})
    assert backups(outcome) == 0
    assert incident["status"] == "needs_person"
    assert "backup could not be started" in incident["reason"]
    assert incident["manual_steps"]


async def test_while_the_tags_cannot_be_read_no_backup_is_started(tmp_path: Path) -> None:
    """Once it can be read that the VM is switched off, none is started at all."""

    def hidden(world: World) -> None:
        hands.order(
            {
                "method": "GET",
                "path_regex": r"/virtualMachines/[^/]+$",
                "times": 3,
                "action": {"status": 403},
            }
        )(world)
        hands.tag(VM_ID, "off")(world)

    outcome, incident = await one(tmp_path, broken_extension, {STEP_TOLD: person(hidden)})
    assert (backups(outcome), incident["status"]) == (0, "needs_person")


async def test_of_a_vm_that_is_gone_no_backup_is_waited_for(tmp_path: Path) -> None:
    """What does not exist is known: only what cannot be read is asked for again."""
    gone = Fault("person", {"does": "deletes the VM"})
    outcome, incident = await one(tmp_path, broken_extension, {STEP_TOLD: gone})
    assert (backups(outcome), incident["status"]) == (0, "needs_person")
    assert "does not exist" in incident["reason"]
    assert incident["backup_attempts"] == 0


async def test_a_cause_that_is_still_there_after_its_fix_is_shown_by_the_backup(
    tmp_path: Path,
) -> None:
    """Somebody's automation installs the extension again, and it fails again."""

    def back(world: World) -> None:
        (before,) = [
            each
            for each in world.at_first["resources"]
            if each["id"].startswith(f"{VM_ID}/extensions/")
        ]
        world.simulator.world.state.put(before)

    outcome, incident = await one(tmp_path, broken_extension, {REMOVED: person(back)})
    assert backups(outcome) == 1
    assert incident["status"] == "needs_person"
    assert incident["verification"]["outcome"] == "Failed"
    assert "HandlerState" in str(incident["manual_steps"]), "the steps for the guest"


async def test_a_removal_that_fails_is_on_record_and_no_backup_is_started(tmp_path: Path) -> None:
    at: Place = ("before ARM DELETE extensions", 1)
    outcome, incident = await one(
        tmp_path, broken_extension, {at: Fault("arm", {"action": {"lro_fail": PROBLEM}})}
    )
    (ended,) = [each for each in outcome.entries if each["phase"] == "outcome"]
    assert ended["result"].startswith("failed")
    assert "UserErrorFsFreezeFailed" in str(ended)
    assert (backups(outcome), incident["status"]) == (0, "needs_person")


async def test_an_order_whose_answer_is_lost_is_not_sent_again(tmp_path: Path) -> None:
    outcome, incident = await one(
        tmp_path, broken_extension, {BEFORE_BACKUP: Fault("arm", {"action": {"reset": "after"}})}
    )
    assert (backups(outcome), incident["status"]) == (1, "fixed")


async def test_an_order_that_is_refused_is_sent_three_times(tmp_path: Path) -> None:
    refused = hands.hide("/backup$", "POST", status=503)
    outcome, incident = await one(tmp_path, broken_extension, {STEP_TOLD: person(refused)})
    assert (backups(outcome), incident["status"]) == (3, "needs_person")


async def test_what_healed_by_itself_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """A later backup completed between the diagnosis and the turn of the plan."""
    planned: Place = ("after store insert audit note plan", 1)
    healed = hands.begin_job(status="Completed")
    outcome, incident = await one(tmp_path, broken_extension, {planned: person(healed)})
    assert (changes(outcome), incident["status"]) == ([], "ignored")


async def test_another_vm_s_backup_is_not_taken_for_ours(tmp_path: Path) -> None:
    """It runs when ours is to be started, and it completes."""
    other = hands.begin_job(OTHER_VM_ID)
    outcome, incident = await one(tmp_path, broken_extension, {STEP_TOLD: person(other)})
    (theirs,) = [
        each
        for each in outcome.after["resources"]
        if OTHER_VM_ID.rsplit("/", 1)[1] in str(each.get("properties", {}))
    ]
    assert incident["verification"]["job_id"] != theirs["name"]
    assert (backups(outcome), incident["status"]) == (1, "fixed")


def ends(status: str) -> Hand:
    """The verifying backup ends so, and no other way."""

    def hand(world: World) -> None:
        world.simulator.world.operations.clear()
        for job in world.simulator.world.state.of_type(ids.BACKUP_JOB):
            if job["properties"]["isUserTriggered"]:
                job["properties"]["status"] = status

    return hand


@pytest.mark.parametrize("status", ["Cancelled", "Invalid", "Failed"])
async def test_only_a_completed_backup_makes_it_fixed(tmp_path: Path, status: str) -> None:
    _, incident = await one(tmp_path, broken_extension, {BACKUP_BEGUN: person(ends(status))})
    assert incident["status"] == "needs_person"
    assert incident["verification"]["outcome"] == status


@pytest.mark.parametrize("status", ["Completed", "CompletedWithWarnings"])
async def test_a_completed_backup_makes_it_fixed(tmp_path: Path, status: str) -> None:
    _, incident = await one(tmp_path, broken_extension, {BACKUP_BEGUN: person(ends(status))})
    assert incident["status"] == "fixed"


async def test_a_verifying_backup_that_cannot_be_read_shows_nothing(tmp_path: Path) -> None:
    def gone(world: World) -> None:
        for job in list(world.simulator.world.state.of_type(ids.BACKUP_JOB)):
            world.simulator.world.state.remove(job["id"])

    outcome, incident = await one(tmp_path, broken_extension, {BACKUP_BEGUN: person(gone)})
    assert incident["status"] == "needs_person"
    assert "not shown to work" in incident["reason"]
    assert backups(outcome) == 1


async def test_with_the_mode_off_azure_is_not_even_asked(tmp_path: Path) -> None:
    outcome, incident = await one(tmp_path, locked, {}, environment={"REMEDIATOR_MODE": "off"})
    assert incident["status"] == "ignored"
    assert [each["path"] for each in outcome.requests if "/backupJobs/" in each["path"]] == []


@pytest.mark.parametrize("mode", ["observe", "approve"])
@pytest.mark.parametrize("azure", [locked, broken_extension])
async def test_a_stricter_mode_changes_nothing(tmp_path: Path, azure: Azure, mode: str) -> None:
    outcome, incident = await one(tmp_path, azure, {}, environment={"REMEDIATOR_MODE": mode})
    assert changes(outcome) == []
    assert (
        incident["status"]
        in {"observe": ["observed"], "approve": ["needs_person", "awaiting_approval"]}[mode]
    )
    assert incident["actions"] == [], "nothing was begun"
    assert mode in incident["reason"]


@pytest.mark.parametrize("limit", [0, 1, 2])
async def test_no_more_changes_an_hour_than_the_limit(tmp_path: Path, limit: int) -> None:
    """Three groups fail at once."""
    state, failures = locked_groups({"rg-one": 1, "rg-two": 1, "rg-three": 1})
    limited = {"REMEDIATOR_CHANGES_PER_HOUR": str(limit)}
    outcome = await run(tmp_path, state, failures, environment=limited, waiting=True)
    assert outcome.broken == {}
    deleted = [
        path
        for method, path in changes(outcome)
        if method == "DELETE" and "/restorePointCollections/" in path
    ]
    assert len(deleted) == limit
    assert [each["status"] for each in outcome.incidents].count("fixed") == limit


async def test_what_was_fixed_a_short_while_ago_is_not_fixed_the_same_way_again(
    tmp_path: Path,
) -> None:
    """The same VM fails twice in a row, as itself the second time: another job, the
    same broken extension.
    """
    state, failures = broken_extension()
    async with World(tmp_path) as world:
        world.simulator.world.replace_state(state)
        await world.deliver(failures[0].event)
        await world.rest(1)
        again, second = broken_extension()
        world.simulator.world.replace_state(again)
        await world.deliver(second[0].event)
        await world.rest(2)
        found = {each.job_id: each async for each in world.living().book.all()}
        assert str(found[failures[0].job_id].status) == "fixed"
        assert str(found[second[0].job_id].status) == "needs_person"
        assert "a short while ago" in found[second[0].job_id].reason
        sent = [each for each in world.simulator.world.requests if each.method == "DELETE"]
        assert len(sent) == 1


async def test_what_a_guard_refused_is_fixed_the_next_time(tmp_path: Path) -> None:
    """Tagged off between plan and change: nothing was fixed, so nothing has to cool."""
    state, failures = broken_extension()
    async with World(tmp_path) as world:
        world.simulator.world.replace_state(state)
        world.faults[("after store insert audit note plan", 1)] = person(hands.tag(VM_ID, "off"))
        await world.deliver(failures[0].event)
        await world.rest(1)
        again, second = broken_extension()
        world.simulator.world.replace_state(again)
        await world.deliver(second[0].event)
        await world.rest(2)
        found = {each.job_id: str(each.status) async for each in world.living().book.all()}
        assert found == {failures[0].job_id: "needs_person", second[0].job_id: "fixed"}


async def test_the_guardian_begins_a_lost_incident_again_a_few_times_only(tmp_path: Path) -> None:
    state, failures = locked()
    async with World(tmp_path) as world:
        world.simulator.world.replace_state(state)
        world.faults[("after store insert audit note diagnosis", 1)] = Fault("die")
        await world.deliver(failures[0].event)
        (task,) = world.tasks.values()
        await task
        app = world.living()
        (incident_id,) = [each.id for each in await app.restarts.unfinished()]
        begun = []
        for _ in range(MOST_RESTARTS + 2):
            begun.append(await app.restarts.may_restart(incident_id))
            if begun[-1]:
                await app.restarts.count_restart(incident_id)
        assert begun == [True] * MOST_RESTARTS + [False, False]
        incident = await app.book.get(incident_id)
        assert incident is not None and incident.ended and incident.manual_steps
