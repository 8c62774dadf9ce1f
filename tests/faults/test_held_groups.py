"""A resource group that another incident has unlocked, or whose lock is not back: who
waits for it, for how long, and how many windows an incident may have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from local.promises import COLLECTION, LOCK
from local.scenarios import load
from shared import clock
from shared.execution.lock_window.windows import Member
from shared.incident.model import Incident
from shared.incident.status import Status
from tests.faults.azure import Failure, locked_groups
from tests.faults.fault import Fault, Place
from tests.faults.hands import GROUP_ID, show_again
from tests.faults.settings import PATIENT_ALONE, SETTINGS
from tests.faults.test_lock_window import (
    BEFORE_PUT,
    asdicts,
    asked_again,
    person,
    sent,
    waits,
    with_the_lock_off,
)
from tests.faults.test_waiting import (
    BEFORE_ACTING,
    LOCKED,
    WINDOW_OPENED,
    a_restore,
    all_ended,
    all_wait,
    deletions,
    end,
    failed,
    incidents,
    until,
)
from tests.faults.world import World
from tests.shared.execution.rows import window

WINDOW_SECONDS = float(PATIENT_ALONE["REMEDIATOR_WINDOW_SECONDS"])
SHORT = {
    "REMEDIATOR_GATHER_SECONDS": "0.1",
    "REMEDIATOR_WINDOW_SECONDS": "1",
    "REMEDIATOR_GUARDIAN_GRACE_SECONDS": "0",
    "REMEDIATOR_WATCH_SECONDS": "0",
}
PATIENCE_SECONDS = 2 * (0.1 + 600 + 0.2 + float(SETTINGS["REMEDIATOR_WATCH_SECONDS"]))


@asynccontextmanager
async def a_lock_that_is_off(folder: Path) -> AsyncIterator[tuple[World, list[Failure]]]:
    """The first of two incidents ended with its lock off; nobody may put it back."""
    settings = {"REMEDIATOR_WINDOW_SECONDS": "600", "REMEDIATOR_GATHER_SECONDS": "0.1"}
    async with World(folder, environment=settings) as world:
        yield world, await with_the_lock_off(world, 2)


def of(failure: Failure, found: list[Incident]) -> Incident:
    (incident,) = [each for each in found if each.job_id == failure.job_id]
    return incident


async def waits_on_record(world: World) -> list[str]:
    """Each time that an incident began to wait."""
    notes = [each async for each in world.onlooker.audit.entries() if each.kind == "status"]
    return [each.result for each in notes if each.result.startswith("waiting")]


async def test_who_comes_too_late_to_join_waits_and_goes_on_by_itself(tmp_path: Path) -> None:
    """The second failure is reported while the window is past joining, its lock off."""
    state, failures = locked_groups({"rg-one": 2})
    seen: list[Incident] = []

    async def the_second_comes(world: World) -> None:
        world.clock_offset += WINDOW_SECONDS * 0.9
        await world.deliver(failures[1].event)
        seen.append(await asked_again(world))

    async with World(
        tmp_path, {BEFORE_PUT: person(the_second_comes)}, environment=PATIENT_ALONE
    ) as world:
        world.simulator.world.replace_state(state)
        await world.deliver(failures[0].event)
        await world.rest(2)
        (waited,) = seen
        assert f"the lock keep-rg-one on {GROUP_ID} is being put back, until " in waited.reason
        assert "then its turn comes" in waited.reason
        assert waited.actions == ()
        found = await incidents(world)
        assert [each.status for each in found] == [Status.FIXED, Status.FIXED]
        assert [len(each.windows) for each in found] == [1, 1]
        assert len(sent(asdicts(world), "DELETE", LOCK)) == 2
        assert len(sent(asdicts(world), "DELETE", COLLECTION)) == 2
        assert world.crashes == []


async def test_a_window_that_closes_before_a_member_s_turn_does_not_count(tmp_path: Path) -> None:
    """It joins after the owner has looked for members for the last time, just before
    the window closes: nothing was begun for it, so it has both its windows left."""
    state, failures = locked_groups({"rg-one": 2})
    joined: list[Incident] = []

    async def the_second_joins(world: World) -> None:
        await world.deliver(failures[1].event)
        async with asyncio.timeout(60):
            while not (found := of(failures[1], await incidents(world))).windows:
                await asyncio.sleep(0.02)
        joined.append(found)

    closing = ("before store replace windows closing", 1)
    async with World(
        tmp_path, {closing: person(the_second_joins)}, environment=PATIENT_ALONE
    ) as world:
        world.simulator.world.replace_state(state)
        await world.deliver(failures[0].event)
        await world.rest(2)
        found = await incidents(world)
        assert [each.status for each in found] == [Status.FIXED, Status.FIXED]
        second = of(failures[1], found)
        assert [len(each.windows) for each in found] == [1, 1]
        assert second.windows[0].id != joined[0].windows[0].id
        assert len(sent(asdicts(world), "DELETE", LOCK)) == 2
        assert world.crashes == []


async def test_a_member_of_the_window_never_waits(tmp_path: Path) -> None:
    """It asks for its result while its leader deletes, also past joining."""
    state, failures = locked_groups({"rg-one": 2})

    async def a_member_asks(world: World) -> None:
        world.clock_offset += WINDOW_SECONDS * 0.9
        before = world.times.get("episode after carry_out_unit", 0)
        async with asyncio.timeout(60):
            while world.times.get("episode after carry_out_unit", 0) < before + 2:
                await asyncio.sleep(0.02)

    settings = PATIENT_ALONE | {"REMEDIATOR_GATHER_SECONDS": "60"}
    async with World(tmp_path, {BEFORE_PUT: person(a_member_asks)}, environment=settings) as world:
        world.simulator.world.replace_state(state)
        await asyncio.gather(*(world.deliver(each.event) for each in failures))
        await world.rest(2)
        assert world.struck == ["before ARM PUT locks"]
        found = await incidents(world)
        assert [each.status for each in found] == [Status.FIXED, Status.FIXED]
        assert len(sent(asdicts(world), "DELETE", LOCK)) == 1
        assert await waits_on_record(world) == []


async def test_who_waits_for_a_group_holds_no_place_of_the_limit(tmp_path: Path) -> None:
    async with a_lock_that_is_off(tmp_path) as (world, failures):
        await world.deliver(failures[1].event)
        waiting = await asked_again(world)
        limits = await world.store.get("limiter", "changes", "last-hour")
        assert limits is not None
        assert not any(name.startswith(waiting.id) for name in limits.body["begun"])
        assert limits.body["waiting"] == {}
        assert (waiting.actions, waiting.tried, waiting.windows) == ((), frozenset(), ())


async def test_a_group_that_is_found_held_only_by_the_executor_is_waited_for(
    tmp_path: Path,
) -> None:
    """Another incident's window opens after the plan took its turn: the place that was
    taken is given back."""

    async def somebody_unlocks(world: World) -> None:
        far = clock.after(clock.now(), 3600)
        await world.onlooker.windows.open(
            window(
                group_id=GROUP_ID,
                leader="another",
                join_until=clock.now(),
                deadline=far,
                members=(Member("another", ()),),
            )
        )

    state, failures = locked_groups({"rg-one": 1})
    async with World(tmp_path, {BEFORE_ACTING: person(somebody_unlocks)}) as world:
        world.simulator.world.replace_state(state)
        await world.deliver(failures[0].event)
        waiting = await asked_again(world)
        assert "the incident another has the lock window" in waiting.reason
        assert len(await waits_on_record(world)) == 1, "it waits for the group from the first"
        assert waiting.actions == ()
        limits = await world.store.get("limiter", "changes", "last-hour")
        assert limits is not None and limits.body["begun"] == {}
        await world.rest(1)  # the guardian ends a window that nobody leads
        (fixed,) = await incidents(world)
        assert (fixed.status, fixed.waiting, len(fixed.windows)) == (Status.FIXED, None, 1)


async def test_once_its_patience_is_over_a_person_is_told_which_lock_it_is(
    tmp_path: Path,
) -> None:
    async with a_lock_that_is_off(tmp_path) as (world, failures):
        await world.deliver(failures[1].event)
        waiting = await asked_again(world)
        world.clock_offset = PATIENCE_SECONDS - 60
        await asked_again(world)
        assert waits(of(failures[1], await incidents(world)))
        world.clock_offset = PATIENCE_SECONDS
        ended = of(failures[1], await until(world, all_ended))
        assert waiting.waiting is not None
        assert ended.status is Status.NEEDS_PERSON
        assert ended.reason.startswith(
            f"waited for the group rg-one since {waiting.waiting.group_since}: the lock keep-rg-one"
        )
        assert "is NOT back yet" in ended.reason
        by_hand = [str(each) for each in ended.manual_steps]
        assert "az lock create" in by_hand[0]
        assert any(each.key == "run_backup" for each in ended.manual_steps)
        assert len(sent(asdicts(world), "DELETE", COLLECTION)) == 1


async def test_a_lost_engine_keeps_the_beginning_of_the_patience(tmp_path: Path) -> None:
    async with a_lock_that_is_off(tmp_path) as (world, failures):
        await world.deliver(failures[1].event)
        before = await asked_again(world)
        for task in world.tasks.values():
            task.cancel()

        def goes_on(found: list[Incident]) -> bool:
            second = of(failures[1], found)
            return bool(second.passed) and waits(second)

        after = of(failures[1], await until(world, goes_on))
        assert before.waiting is not None and after.waiting is not None
        assert after.waiting.group_since == before.waiting.group_since
        show_again(world)
        await world.rest(2)
        assert of(failures[1], await incidents(world)).status is Status.FIXED


async def test_a_member_whose_leader_never_ends_goes_to_a_person(tmp_path: Path) -> None:
    async def another_leads(world: World) -> None:
        (incident,) = await incidents(world)
        members = Member("another", ()), Member(incident.id, ())
        far = clock.after(clock.now(), 3600)
        await world.onlooker.windows.open(
            window(
                group_id=GROUP_ID, leader="another", join_until=far, deadline=far, members=members
            )
        )

    state, failures = locked_groups({"rg-one": 1})
    async with World(tmp_path, {BEFORE_ACTING: person(another_leads)}, environment=SHORT) as world:
        world.simulator.world.replace_state(state)
        await world.deliver(failures[0].event)
        (task,) = world.tasks.values()
        await task
        (ended,) = await incidents(world)
        assert ended.status is Status.NEEDS_PERSON
        assert "deletes for this one too" in ended.reason
        assert deletions(world) == []


# Two windows


async def test_after_two_windows_a_person_is_asked(tmp_path: Path) -> None:
    """Each time a restore begins once its window is there, so that nothing is
    lifted."""
    case = load(LOCKED)
    opened, _ = WINDOW_OPENED
    faults: dict[Place, Fault] = {(opened, each): person(a_restore) for each in (1, 2, 3)}
    async with failed(tmp_path, case, [case["event"]], faults) as world:
        for had in (1, 2):
            (waiting,) = await until(world, partial(wait_after, had))
            assert "(Restore)" in waiting.windows[-1].end
            end(world)
        (ended,) = await until(world, all_ended)
        assert ended.status is Status.NEEDS_PERSON
        assert ended.reason.startswith("two windows of ") and ended.reason.count("(Restore)") == 2
        assert len(ended.windows) == 2
        assert (world.times[opened], deletions(world), world.crashes) == (2, [], [])


def wait_after(windows: int, found: list[Incident]) -> bool:
    """All wait, and have had so many windows."""
    return all_wait(found) and all(
        [bool(window.end) for window in each.windows] == [True] * windows for each in found
    )


@pytest.mark.parametrize("lose_engine", [True, False])
async def test_a_window_whose_opener_dies_at_once_is_counted(
    tmp_path: Path, lose_engine: bool
) -> None:
    """Whoever begins again, or is called again, only ends that window, and opens
    another one."""
    state, failures = locked_groups({"rg-one": 1})
    faults: dict[Place, Fault] = {WINDOW_OPENED: Fault("die")}
    async with World(tmp_path, faults, lose_engine) as world:
        world.simulator.world.replace_state(state)
        await world.deliver(failures[0].event)
        await world.rest(1)
        (fixed,) = await incidents(world)
        assert (fixed.status, world.deaths) == (Status.FIXED, 1)
        assert [bool(each.end) for each in fixed.windows][-1:] == [True]
        assert len(fixed.windows) == (1 if lose_engine else 2), "counted once it was found"
        assert fixed.windows[-1].end.startswith("done")
