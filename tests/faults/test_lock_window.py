"""What people, Azure and the store do around the moments in which a group's lock is
off.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.promises import COLLECTION, LOCK, kind_of
from local.scenarios import parts
from local.simulator import ids
from shared import clock
from shared.execution.executor import Execution
from shared.execution.lock_window import deletions
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.facts import Lock
from shared.health import report
from shared.incident.model import Awaited, Incident
from shared.incident.status import Status
from tests.faults import hands
from tests.faults.azure import NOTES, POINTS, locked_groups
from tests.faults.hands import GROUP_ID, VM_ID
from tests.faults.matrix import PROBLEM
from tests.faults.runs import Outcome, run
from tests.faults.settings import PATIENT_ALONE
from tests.faults.world import PROCESS, Fault, Hand, Place, World

BEFORE_LIFT: Place = ("after store insert audit intent lift_lock", 1)
PROVED: Place = ("after store replace locks sent", 1)
"""The lock was written once, unchanged; the last look at it is still to come."""
LIFTED: Place = ("after ARM DELETE locks", 1)
BEFORE_PUT: Place = ("before ARM PUT locks", "after ARM DELETE locks")
PUT: Place = ("after ARM PUT locks", "after ARM DELETE locks")
KEEP = parts.lock(GROUP_ID, "keep-rg-one", NOTES)
REFUSED = {"method": "PUT", "path_regex": r"/locks/[^/]+$", "action": {"status": 403}}


def person(does: str | Hand) -> Fault:
    return Fault("person", {"does": does})


async def repaired(
    folder: Path, faults: dict[Place, Fault], count: int = 1, **more: Any
) -> Outcome:
    """A run in which every fault struck and every promise held."""
    state, failures = locked_groups({"rg-one": count})
    outcome = await run(folder, state, failures, faults, **more)
    assert len(outcome.struck) == len(faults)
    assert outcome.broken == {}
    return outcome


def sent(requests: Iterable[Any], method: str, kind: str) -> list[str]:
    return [
        each["path"]
        for each in requests
        if each["method"] == method and kind_of(each["path"]) == kind
    ]


def outcomes(outcome: Outcome, kind: str) -> list[str]:
    return [
        each["result"]
        for each in outcome.entries
        if (each["kind"], each["phase"]) == (kind, "outcome")
    ]


# The moment before the lock is lifted


async def test_a_lock_that_somebody_changed_just_now_is_not_lifted(tmp_path: Path) -> None:
    outcome = await repaired(tmp_path, {BEFORE_LIFT: person("changes the lock")})
    assert (
        sent(outcome.requests, "DELETE", LOCK) == sent(outcome.requests, "DELETE", COLLECTION) == []
    )
    assert [each["status"] for each in outcome.incidents] == ["needs_person"]


async def test_a_lock_that_somebody_took_off_just_now_is_not_ours_to_put_back(
    tmp_path: Path,
) -> None:
    outcome = await repaired(tmp_path, {BEFORE_LIFT: person("takes the lock off")})
    assert sent(outcome.requests, "DELETE", LOCK) == []


async def test_a_lock_that_cannot_be_read_just_now_is_not_lifted(tmp_path: Path) -> None:
    """Once read as it was, then not at all: its state now is unknown, and unknown
    leads to no change.
    """
    one = {"method": "GET", "path_regex": r"/locks/[^/]+$", "times": 1, "action": {"status": 403}}
    outcome = await repaired(tmp_path, {BEFORE_LIFT: person(hands.order(one))})
    assert (
        sent(outcome.requests, "DELETE", LOCK) == sent(outcome.requests, "DELETE", COLLECTION) == []
    )
    assert [each["status"] for each in outcome.incidents] == ["needs_person"]


async def test_a_lock_that_somebody_changed_right_before_it_was_lifted_is_left(
    tmp_path: Path,
) -> None:
    outcome = await repaired(tmp_path, {PROVED: person("changes the lock")})
    assert (
        sent(outcome.requests, "DELETE", LOCK) == sent(outcome.requests, "DELETE", COLLECTION) == []
    )
    assert [each["status"] for each in outcome.incidents] == ["needs_person"]


async def test_a_lock_that_cannot_be_read_right_before_it_was_lifted_is_left(
    tmp_path: Path,
) -> None:
    one = {"method": "GET", "path_regex": r"/locks/[^/]+$", "times": 1, "action": {"status": 403}}
    outcome = await repaired(tmp_path, {PROVED: person(hands.order(one))})
    assert (
        sent(outcome.requests, "DELETE", LOCK) == sent(outcome.requests, "DELETE", COLLECTION) == []
    )
    assert [each["status"] for each in outcome.incidents] == ["needs_person"]


async def test_a_lock_that_somebody_took_off_right_before_it_was_lifted_is_not_put_back(
    tmp_path: Path,
) -> None:
    outcome = await repaired(tmp_path, {PROVED: person("takes the lock off")})
    assert sent(outcome.requests, "DELETE", LOCK) == []


async def test_nothing_is_deleted_under_a_lock_that_could_not_be_lifted(tmp_path: Path) -> None:
    outcome = await repaired(
        tmp_path, {BEFORE_LIFT: person(hands.hide(r"/locks/[^/]+$", "DELETE"))}
    )
    assert len(sent(outcome.requests, "DELETE", LOCK)) == 1
    assert sent(outcome.requests, "DELETE", COLLECTION) == []
    assert [each["status"] for each in outcome.incidents] == ["needs_person"]
    (lifted,) = outcomes(outcome, "lift_lock")
    assert lifted.startswith("failed")


# While it is off


async def test_a_lock_that_somebody_changed_in_the_window_stays_theirs(tmp_path: Path) -> None:
    outcome = await repaired(tmp_path, {LIFTED: person("changes the lock")})
    assert outcomes(outcome, "restore_lock") == ["left alone: a person changed it"]


async def test_a_lock_that_somebody_added_in_the_window_is_not_lifted(tmp_path: Path) -> None:
    outcome = await repaired(tmp_path, {LIFTED: person("adds a lock")})
    assert not any("of-a-person" in path for path in sent(outcome.requests, "DELETE", LOCK))
    assert sent(outcome.requests, "DELETE", COLLECTION) == []
    assert [each["status"] for each in outcome.incidents] == ["needs_person"]


async def test_who_has_a_lock_put_back_stops_the_deletion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lifted lock blocks for a moment longer. A person has it put back, and takes
    it off himself: the fix sends no further deletion."""
    monkeypatch.setattr(deletions, "LOOK_AGAIN_SECONDS", 0.1)
    blocked = {"error": {"code": "ScopeLocked", "message": "m"}}

    async def decides(world: World) -> None:
        action = {"status": 409, "body": blocked}
        fault = {"method": "DELETE", "path_regex": "/restorePointCollections/", "action": action}
        world.simulator.world.faults.add(fault | {"times": 1})
        (outcome,) = await (await execution_of(world)).put_back_lock(KEEP["id"], "me")
        assert outcome.done
        world.simulator.world.state.remove(KEEP["id"])

    state, failures = locked_groups({"rg-one": 1})
    deleting: Place = ("before ARM DELETE restorePointCollections", 1)
    async with World(tmp_path, {deleting: person(decides)}, environment=PATIENT_ALONE) as world:
        world.simulator.world.replace_state(state)
        await world.deliver(failures[0].event)
        await world.rest(1)
        (found,) = [each async for each in world.living().book.all()]
        assert found.status is Status.NEEDS_PERSON
        assert len(sent(asdicts(world), "DELETE", COLLECTION)) == 1, "the one that was refused"
        assert list(world.simulator.world.state.of_type(ids.COLLECTION))


async def test_a_lock_that_somebody_added_is_not_lifted_for_who_joins(tmp_path: Path) -> None:
    """The group is unlocked, and its owner deletes. A person locks it; then another
    failure joins."""
    state, failures = locked_groups({"rg-one": 2})

    async def locks_and_the_second_comes(world: World) -> None:
        world.simulator.world.state.put(parts.lock(GROUP_ID, "of-a-person", ""))
        await world.deliver(failures[1].event)
        async with asyncio.timeout(60):
            while len((await world.onlooker.windows.all())[0].window.members) < 2:
                await asyncio.sleep(0.02)

    deleting: Place = ("after ARM DELETE restorePointCollections", 1)
    async with World(
        tmp_path, {deleting: person(locks_and_the_second_comes)}, environment=PATIENT_ALONE
    ) as world:
        world.simulator.world.replace_state(state)
        world.simulator.world.change_settings({"lro_s": {"collection_delete": 5}})
        await world.deliver(failures[0].event)
        await world.rest(2)
        found = {each.job_id: each async for each in world.living().book.all()}
        first, second = (found[failure.job_id] for failure in failures)
        assert (first.status, second.status) == (Status.FIXED, Status.NEEDS_PERSON)
        assert "of-a-person" in second.reason and len(second.windows) == 1
        deleted = sent(asdicts(world), "DELETE", LOCK)
        assert len(deleted) == 1 and "of-a-person" not in deleted[0]
        assert len(sent(asdicts(world), "DELETE", COLLECTION)) == 1


@pytest.mark.parametrize("lose_engine", [True, False])
@pytest.mark.parametrize(
    "label",
    ["before ARM DELETE restorePointCollections", "after ARM DELETE restorePointCollections"],
)
async def test_a_process_that_dies_with_the_lock_off_leaves_it_to_the_ledger(
    tmp_path: Path, label: str, lose_engine: bool
) -> None:
    outcome = await repaired(tmp_path, {(label, 1): Fault("die")}, lose_engine=lose_engine)
    assert set(outcomes(outcome, "restore_lock")) == {"done"}
    assert [each["status"] for each in outcome.incidents] == ["fixed"]


async def test_a_list_that_lags_behind_does_not_make_a_lock_somebody_else_s(tmp_path: Path) -> None:
    """The process that lifted it dies; the list still shows the lock to the next one,
    and the lock itself is gone.
    """
    stale = hands.hide(
        r"/providers/Microsoft.Authorization/locks$", status=200, body={"value": [KEEP]}
    )
    dies: Place = ("before ARM DELETE restorePointCollections", 1)
    outcome = await repaired(
        tmp_path, {LIFTED: person(stale), dies: Fault("die")}, lose_engine=False
    )
    assert set(outcomes(outcome, "restore_lock")) == {"done"}
    assert [each["status"] for each in outcome.incidents] == ["fixed"]


async def test_a_store_that_is_away_does_not_keep_the_lock_off(tmp_path: Path) -> None:
    """It comes back only once the lock is back."""

    def away(world: World) -> None:
        world.store_down_until = math.inf

    def there(world: World) -> None:
        world.store_down_until = 0.0

    await repaired(tmp_path, {LIFTED: person(away), PUT: person(there)})


async def test_a_collection_that_becomes_another_vm_s_is_not_deleted(tmp_path: Path) -> None:
    outcome = await repaired(
        tmp_path,
        {LIFTED: person(hands.change(ids.COLLECTION, "source", {"id": hands.OTHER_VM_ID}))},
    )
    assert sent(outcome.requests, "DELETE", COLLECTION) == []
    assert [each["status"] for each in outcome.incidents] == ["needs_person"]


# The deletion


async def test_accepted_is_not_deleted(tmp_path: Path) -> None:
    gone = {
        "method": "DELETE",
        "path_regex": "/restorePointCollections/",
        "times": 1,
        "action": {"status": 204},
    }
    outcome = await repaired(tmp_path, {LIFTED: person(hands.order(gone))})
    assert [each["status"] for each in outcome.incidents] == ["needs_person"]
    assert "Azure still shows it" in outcome.incidents[0]["reason"]
    assert not any(each["path"].split("?")[0].endswith("/backup") for each in outcome.requests), (
        "no backup is started to show it"
    )


async def test_a_deletion_that_fails_is_tried_three_times(tmp_path: Path) -> None:
    fails = {
        "method": "DELETE",
        "path_regex": "/restorePointCollections/",
        "action": {"lro_fail": PROBLEM},
    }
    outcome = await repaired(tmp_path, {LIFTED: person(hands.order(fails))})
    assert len(sent(outcome.requests, "DELETE", COLLECTION)) == 3
    assert [each["status"] for each in outcome.incidents] == ["needs_person"]
    (ended,) = outcomes(outcome, "delete_restore_point_collection")
    assert ended.startswith("failed")


async def test_after_a_failed_group_the_next_one_stays_locked(tmp_path: Path) -> None:
    """A VM with collections in two groups: the first deletion fails, so the second
    group is not unlocked for it.
    """
    state, failures = locked_groups({"rg-one": 1})
    vm = next(each for each in state["resources"] if each["id"] == VM_ID)
    group = parts.group("rg-two")
    state["resources"] += [group, parts.lock(group["id"], "keep-rg-two", NOTES)]
    state["resources"].append(parts.collection("rg-two", "AzureBackup_rg-one-vm1", vm, POINTS))
    fails = {
        "method": "DELETE",
        "path_regex": "/restorePointCollections/",
        "action": {"lro_fail": PROBLEM},
    }
    hand = person(hands.order(fails))
    outcome = await run(tmp_path, state, failures, {LIFTED: hand})
    assert outcome.broken == {}
    assert len(sent(outcome.requests, "DELETE", LOCK)) == 1


# Putting it back


@pytest.mark.parametrize("level", ["CanNotDelete", "ReadOnly"])
@pytest.mark.parametrize("notes", [NOTES, "", "ü 锁 'quoted'", None])
async def test_what_is_put_back_is_identical(tmp_path: Path, level: str, notes: str | None) -> None:
    state, failures = locked_groups({"rg-one": 1})
    (lock,) = [each for each in state["resources"] if kind_of(each["id"]) == LOCK]
    lock["properties"] = {"level": level} | ({"notes": notes} if notes is not None else {})
    outcome = await run(tmp_path, state, failures)
    assert (outcome.broken, [each["status"] for each in outcome.incidents]) == ({}, ["fixed"])


async def test_a_lock_that_does_not_read_back_identical_is_not_called_back(tmp_path: Path) -> None:
    outcome = await repaired(tmp_path, {PUT: person("changes the lock")})
    assert outcomes(outcome, "restore_lock") == ["left alone: a person changed it"]


async def test_a_lock_that_azure_says_is_made_and_is_not_is_made_again(tmp_path: Path) -> None:
    lies = Fault("arm", {"action": {"status": 200, "body": KEEP}})
    outcome = await repaired(tmp_path, {BEFORE_PUT: lies})
    assert outcomes(outcome, "restore_lock") == ["done"]
    assert len(sent(outcome.requests, "PUT", LOCK)) >= 2


async def test_two_that_put_it_back_at_once_write_one_outcome(tmp_path: Path) -> None:
    """The window's time is over, and the guardian comes by while the leader is writing
    the outcome.
    """
    writing: Place = ("before store insert audit outcome restore_lock", 1)
    turned = {PUT: Fault("clock", {"seconds": 3600})}
    guards = {writing: person(lambda world: world.guard())}
    outcome = await repaired(
        tmp_path, turned | guards, environment={"REMEDIATOR_GUARDIAN_GRACE_SECONDS": "60"}
    )
    assert outcomes(outcome, "restore_lock") == ["done"]


async def test_the_guardian_beside_the_leader_settles_it_once(tmp_path: Path) -> None:
    async def guards(world: World) -> None:
        """The guardian as it runs once the window's time is over."""
        world.clock_offset = 3600
        await world.guard()

    outcome = await repaired(tmp_path, {("before store replace locks settled", 1): person(guards)})
    assert outcomes(outcome, "restore_lock") == ["done"]


# Windows and the guardian


async def execution_of(world: World) -> Execution:
    process = world.living()
    PROCESS.set(process)
    return await process.execution()


async def with_the_lock_off(world: World, count: int = 1) -> list[Any]:
    """A window that ended with its lock refused by Azure. Returns the failures of the
    group; one was delivered.
    """
    state, failures = locked_groups({"rg-one": count})
    world.simulator.world.replace_state(state)
    world.at_first = state
    world.faults[LIFTED] = person(hands.order(REFUSED))
    await world.deliver(failures[0].event)
    (task,) = world.tasks.values()
    await task
    return failures


async def test_while_its_lock_is_off_a_group_is_not_unlocked_again(tmp_path: Path) -> None:
    async with World(
        tmp_path,
        environment={"REMEDIATOR_WINDOW_SECONDS": "600", "REMEDIATOR_GATHER_SECONDS": "0.1"},
    ) as world:
        failures = await with_the_lock_off(world, 2)
        execution = await execution_of(world)
        (first,) = [each async for each in execution.book.all()]
        assert first.status is Status.NEEDS_PERSON
        steps = first.manual_steps
        assert "az lock create" in str(steps[0])
        assert [each.key for each in steps[1:]] == ["run_backup"], "the deletion was done"
        await execution.guard()
        assert [held.window.state for held in await execution.windows.all()] == ["closing"], (
            "the group stays closed for others"
        )
        assert [entry.lock.name for entry in await execution.ledger.open_locks()] == ["keep-rg-one"]

        await world.deliver(failures[1].event)
        assert "the lock keep-rg-one" in (await asked_again(world)).reason
        assert (
            sent(asdicts(world), "DELETE", COLLECTION)
            == sent(asdicts(world), "DELETE", COLLECTION)[:1]
        )
        hands.show_again(world)
        await world.rest(2)
        found = [each async for each in execution.book.all()]
        assert sorted(str(each.status) for each in found) == ["fixed", "needs_person"]
        order = [
            (each["method"], each["status"] < 300)
            for each in asdicts(world)
            if kind_of(each["path"]) == LOCK and each["method"] != "GET"
        ]
        lifted = [number for number, each in enumerate(order) if each == ("DELETE", True)]
        back = [number for number, each in enumerate(order) if each == ("PUT", True)]
        assert len(lifted) == 2
        assert any(lifted[0] < number < lifted[1] for number in back), (
            "the second window opened before the first one's lock was back"
        )


async def asked_again(world: World) -> Incident:
    """The incident that waits for its group, once it has asked again."""

    def asked() -> int:
        return world.times.get("episode after take_turn", 0)

    async with asyncio.timeout(60):
        while not (found := [each async for each in world.living().book.all() if waits(each)]):
            await asyncio.sleep(0.02)
        before = asked()
        while asked() < before + 2:
            await asyncio.sleep(0.02)
    return found[0]


def waits(incident: Incident) -> bool:
    """Whether it waits for its resource group."""
    waiting = incident.waiting
    return (
        incident.status is Status.WAITING
        and waiting is not None
        and waiting.awaited is Awaited.GROUP
    )


def asdicts(world: World) -> list[dict[str, Any]]:
    return [
        {"n": each.n, "method": each.method, "path": each.path, "status": each.status}
        for each in sorted(world.simulator.world.requests, key=lambda each: each.n)
    ]


async def test_the_guardian_puts_a_lock_back_once_azure_takes_it(tmp_path: Path) -> None:
    """Long before the window's time is over: its leader has ended."""
    async with World(tmp_path, environment={"REMEDIATOR_WINDOW_SECONDS": "600"}) as world:
        await with_the_lock_off(world)
        hands.show_again(world)
        execution = await execution_of(world)
        await execution.guard()
        assert world.simulator.world.state.has(KEEP["id"])
        assert (await execution.ledger.open_locks(), await execution.windows.all()) == ([], [])


async def test_the_guardian_puts_a_lock_back_whose_leader_hangs(tmp_path: Path) -> None:
    """Nobody goes on with it, and its heartbeat does not change: that is enough, long
    before the window's time is over."""
    async with World(tmp_path, environment={"REMEDIATOR_WINDOW_SECONDS": "600"}) as world:
        state, failures = locked_groups({"rg-one": 1})
        world.simulator.world.replace_state(state)
        world.faults[LIFTED] = Fault("die")
        await world.deliver(failures[0].event)
        (task,) = world.tasks.values()
        await task
        execution = await execution_of(world)
        await execution.guard()
        assert world.simulator.world.state.has(KEEP["id"])
        assert (await execution.ledger.open_locks(), await execution.windows.all()) == ([], [])


async def test_a_lock_of_before_without_a_window_is_back_before_the_group_is_unlocked(
    tmp_path: Path,
) -> None:
    """The ledger alone knows of it. Meanwhile the lock counts as there, and the group
    is left closed.
    """
    async with World(tmp_path) as world:
        state, failures = locked_groups({"rg-one": 1})
        world.simulator.world.replace_state(state)
        world.simulator.world.state.remove(KEEP["id"])
        world.simulator.world.faults.add(REFUSED)
        execution = await execution_of(world)
        lock = Lock(KEEP["id"], KEEP["name"], "CanNotDelete", NOTES, ())
        row = LockRow("w", GROUP_ID, lock, "of-before", VM_ID, clock.now(), "somebody")
        await execution.ledger.insert(replace(row, state=LockState.OFF, lifted=True))
        await world.deliver(failures[0].event)
        await asked_again(world)
        assert sent(asdicts(world), "DELETE", COLLECTION) == []
        hands.show_again(world)
        await world.rest(1)
        (incident,) = [each async for each in execution.book.all()]
        assert incident.status is Status.FIXED
        assert world.simulator.world.state.has(KEEP["id"])
        changes = [
            each["method"]
            for each in asdicts(world)
            if kind_of(each["path"]) == LOCK and each["status"] < 300
        ]
        assert [each for each in changes if each != "GET"][0] == "PUT"


async def test_health_is_not_ok_while_a_lock_is_not_back(tmp_path: Path) -> None:
    async with World(tmp_path, environment={"REMEDIATOR_WINDOW_SECONDS": "600"}) as world:
        await with_the_lock_off(world)
        assert "keep-rg-one" in await health_of_locks(world)
        hands.show_again(world)
        await (await execution_of(world)).guard()
        assert await health_of_locks(world) == ""


async def health_of_locks(world: World) -> str:
    """What health says is wrong with locks, or ""."""
    health = await report(world.living())
    (check,) = [each for each in health["checks"] if each["name"] == "locks"]
    assert check["ok"] or health["status"] != "ok"
    return "" if check["ok"] else str(check["reason"])


async def test_the_log_of_each_vm_shows_that_its_group_was_unlocked(tmp_path: Path) -> None:
    """Two VMs share a window; the requests are in the log of the one that led it."""
    outcome = await run(tmp_path, *locked_groups({"rg-one": 2}))
    assert outcome.broken == {}
    for each in outcome.incidents:
        mine = [entry for entry in outcome.entries if entry["vm"] == each["vm_id"]]
        for kind in ("lift_lock", "restore_lock"):
            assert any(entry["kind"] == kind for entry in mine), (each["vm_id"], kind)
