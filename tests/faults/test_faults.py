"""Every fault of these runs does what it says: a fault that is not played would make
each cell that has it green."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import AzureError

import functions.guardian as guardian_shell
import functions.remediation as shells
from local.promises import locks_of
from shared.errors import StoreUnavailable, Unavailable
from tests.faults.azure import broken_extension, locked_groups
from tests.faults.fault import Died, EngineFault, Fault, NotPlayable, Place
from tests.faults.hands import GROUP_ID, VM_ID
from tests.faults.host import Lost
from tests.faults.process import PROCESS, Process
from tests.faults.runs import run
from tests.faults.strikes import STRIKES
from tests.faults.world import World

LOCK_ID = f"{GROUP_ID}/providers/Microsoft.Authorization/locks/keep-rg-one"
DELETION: Place = ("before ARM DELETE locks", 1)
MAKING: Place = ("before ARM PUT locks", 1)
FIRST_WRITE: Place = ("before store insert things", 1)
TEST_BODY = {"level": "CanNotDelete", "notes": "written by a test"}
SOON = {"seconds": 0.2}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    state, _ = locked_groups({"rg-one": 1})
    async with World(tmp_path) as made:
        made.simulator.world.replace_state(state)
        made.expected = locks_of(state)
        yield made


def locks_at(process: Process) -> Any:
    return process._clients_of("any").locks.management_locks


async def delete_lock(process: Process) -> None:
    await locks_at(process).delete_by_scope(GROUP_ID, "keep-rg-one")


async def make_lock(process: Process) -> None:
    await locks_at(process).create_or_update_by_scope(GROUP_ID, "keep-rg-one", TEST_BODY)


def is_locked(world: World) -> bool:
    return world.simulator.world.state.has(LOCK_ID)


async def landed(world: World) -> None:
    async with asyncio.timeout(60):
        while world.simulator.world.in_flight:
            await asyncio.sleep(0.01)


def test_every_kind_is_described() -> None:
    described = re.findall(r"^([a-z]\S*(?: \S+)*) {2,}", Fault.__doc__ or "", re.MULTILINE)
    assert sorted(described) == sorted(STRIKES)


# Requests that are late


async def test_late_lands_later_and_its_process_lives_on(world: World) -> None:
    world.faults[DELETION] = Fault("late", SOON)
    with pytest.raises(AzureError):
        await delete_lock(world.process)
    assert (world.simulator.world.in_flight, is_locked(world)) == (1, True)
    assert await world.process.store.get("things", "p", "k") is None, "it lives"
    await landed(world)
    assert not is_locked(world)
    assert [each.late for each in world.simulator.world.requests] == [True]


async def test_late_is_one_request_unless_it_says_more(world: World) -> None:
    world.faults[DELETION] = Fault("late", {"seconds": 0.2, "times": 2})
    for _ in range(2):
        with pytest.raises(AzureError):
            await delete_lock(world.process)
    await delete_lock(world.process)
    await landed(world)
    late = [each.late for each in world.simulator.world.requests]
    assert sorted(late) == [False, True, True]


async def test_who_dies_late_has_one_effect_more(world: World) -> None:
    world.faults[DELETION] = Fault("die late", SOON)
    process = world.process
    with pytest.raises(Died):
        await delete_lock(process)
    assert (process.dead, world.deaths, world.simulator.world.in_flight) == (True, 1, 1)
    with pytest.raises(Died):
        await make_lock(process)
    assert world.living() is not process
    await landed(world)
    assert not is_locked(world)
    assert world.simulator.world.faults.to_json() == [], "the next one is not late"


@pytest.mark.parametrize("times", [1, 2])
async def test_a_fault_of_arm_is_for_requests_like_that_one(world: World, times: int) -> None:
    other = {"status": 418}
    world.faults[DELETION] = Fault("arm", {"action": lambda _: other, "times": times})
    locks = locks_at(world.process)
    with pytest.raises(Exception, match="Simulated fault: 418"):
        await delete_lock(world.process)
    await locks.delete_by_scope(GROUP_ID, "another")
    if times == 2:
        with pytest.raises(Exception, match="Simulated fault: 418"):
            await delete_lock(world.process)
    await delete_lock(world.process)
    assert not is_locked(world)


@pytest.mark.parametrize("kind", ["late", "die late", "arm", "reset", "twice"])
async def test_a_fault_that_cannot_happen_at_its_boundary_is_an_error(
    world: World, kind: str
) -> None:
    fault = Fault(kind, {"seconds": 1, "action": {"status": 500}})
    world.faults[FIRST_WRITE] = fault
    with pytest.raises(NotPlayable):
        await world.process.store.insert("things", "p", "k", {})
    assert (world.struck, len(world.crashes)) == ([], 1)
    world.faults[len(world.boundaries)] = fault
    await world.process.store.insert("things", "p", "k", {})
    assert (world.struck, len(world.crashes)) == ([], 1), "a mere number is passed over"


async def test_a_lost_answer_needs_a_write_of_the_store(world: World) -> None:
    world.faults[DELETION] = Fault("store lost")
    with pytest.raises(NotPlayable):
        await delete_lock(world.process)


# Processes that freeze


async def frozen(world: World, work: Callable[[], Awaitable[None]], seconds: float = 0.3) -> None:
    """The process freezes at the first write of `work`, and is given up at once."""
    world.faults[FIRST_WRITE] = Fault("freeze", {"seconds": seconds})

    async def carried_out() -> None:
        await work()

    with pytest.raises(Died):
        await world.host.run_in(world.process, carried_out())


async def test_who_froze_wakes_and_goes_on_with_what_it_had_in_mind(world: World) -> None:
    process = world.process

    async def work() -> None:
        await process.store.insert("things", "p", "k", {"by": "the zombie"})
        await delete_lock(process)

    await frozen(world, work)
    successor = world.living()
    assert successor is not process and len(world.zombies) == 1
    assert await successor.store.get("things", "p", "k") is None
    assert is_locked(world), "it does nothing while it is frozen"
    async with asyncio.timeout(60):
        while world.zombies:
            await asyncio.sleep(0.01)
    assert not is_locked(world)
    assert world.crashes == []


async def test_all_that_runs_in_a_frozen_process_stands_still(world: World) -> None:
    """Its heartbeat, and a read; it is the process that stops, not one call."""
    process, beats = world.process, []

    async def beat() -> None:
        for number in range(1000):
            await process.store.insert("beats", "p", str(number), {})
            beats.append(number)

    async def work() -> None:
        beating = asyncio.create_task(beat())
        while len(beats) < 3:
            await asyncio.sleep(0)
        await process.store.insert("things", "p", "k", {})
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)

    await frozen(world, work, seconds=0.5)
    reading = asyncio.create_task(process.store.get("things", "p", "k"))
    count = len(beats)
    await asyncio.sleep(0.1)
    assert len(beats) <= count + 1 and not reading.done()
    await reading
    await world.rest(0)


@pytest.mark.parametrize("does", ["writes", "deletes"])
async def test_a_time_limit_that_passes_meanwhile_is_seen_after_the_call_went_out(
    world: World, does: str
) -> None:
    """The process stood between two instructions: nothing could cancel it."""
    process, seen = world.process, []
    locks_at(process)
    slow = Fault("freeze", {"seconds": 2})
    world.faults[FIRST_WRITE if does == "writes" else DELETION] = slow

    async def work() -> None:
        try:
            async with asyncio.timeout(1):
                if does == "writes":
                    await process.store.insert("things", "p", "k", {})
                else:
                    await delete_lock(process)
        except TimeoutError:
            gone = await process.store.get("things", "p", "k") is None
            seen.append((gone, is_locked(world)))

    with pytest.raises(Died):
        await world.host.run_in(process, work())
    assert seen == []
    await world.rest(0)
    assert seen == [(does != "writes", does == "writes")]
    assert world.crashes == []


async def test_a_time_limit_after_the_call_is_seen_when_it_wakes(world: World) -> None:
    process, seen = world.process, []
    locks_at(process)
    world.faults["after ARM DELETE locks", 1] = Fault("freeze", {"seconds": 2})

    async def work() -> None:
        try:
            async with asyncio.timeout(1):
                await delete_lock(process)
        except TimeoutError:
            seen.append("no answer")

    with pytest.raises(Died):
        await world.host.run_in(process, work())
    assert (seen, is_locked(world)) == ([], False)
    await world.rest(0)
    assert seen == ["no answer"]


async def test_nothing_is_at_rest_while_a_zombie_lives(world: World) -> None:
    process, ended = world.process, []

    async def work() -> None:
        await process.store.insert("things", "p", "k", {})
        ended.append("the zombie")

    await frozen(world, work)
    await world.rest(0)
    assert ended == ["the zombie"]


async def test_what_nobody_waits_for_is_a_zombie_as_well(world: World) -> None:
    process, ended = world.process, []

    async def aside() -> None:
        await process.store.insert("others", "p", "k", {})
        await asyncio.sleep(0.2)
        ended.append("aside")

    async def work() -> None:
        begun.append(asyncio.create_task(aside()))
        await process.store.insert("things", "p", "k", {})

    begun: list[asyncio.Task[None]] = []
    await frozen(world, work)
    await world.rest(0)
    assert ended == ["aside"]


async def test_an_error_that_a_zombie_should_not_raise_is_a_crash(world: World) -> None:
    process = world.process

    async def fails(error: Exception) -> None:
        await process.store.insert("things", "p", "k", {})
        raise error

    await frozen(world, lambda: fails(RuntimeError("a bug")))
    await world.rest(0)
    assert world.crashes == ["a zombie: RuntimeError: a bug"]
    process = world.living()
    world.times.clear()
    await frozen(world, lambda: fails(Unavailable("ordinary")))
    await world.rest(0)
    assert len(world.crashes) == 1


@pytest.mark.parametrize("does", ["writes", "deletes"])
async def test_who_froze_to_death_finishes_the_call_that_it_is_at(world: World, does: str) -> None:
    process = world.process
    dies = Fault("freeze", {"seconds": 0.1, "die": True})
    world.faults[FIRST_WRITE if does == "writes" else DELETION] = dies
    ended: list[str] = []

    async def work() -> None:
        if does == "writes":
            await process.store.insert("things", "p", "k", {})
        else:
            await delete_lock(process)
        ended.append("no")

    with pytest.raises(Died):
        await world.host.run_in(process, work())
    await world.rest(0)
    written = await world.living().store.get("things", "p", "k")
    assert (written is None, is_locked(world)) == (does != "writes", does == "writes")
    assert (ended, process.dead, world.deaths) == ([], True, 1)


@pytest.mark.parametrize("lose_engine", [True, False])
@pytest.mark.parametrize(
    "label", ["before store insert claims", "episode after begin_incident", "before ARM GET locks"]
)
async def test_a_repair_goes_on_in_another_process(
    tmp_path: Path, label: str, lose_engine: bool
) -> None:
    faults: dict[Place, Fault] = {(label, 1): Fault("freeze", SOON)}
    outcome = await run(tmp_path, *locked_groups({"rg-one": 1}), faults, lose_engine=lose_engine)
    assert (outcome.struck, outcome.broken) == ([label], {})
    assert [each["status"] for each in outcome.incidents] == ["fixed"]


# The store


async def test_a_write_whose_answer_is_lost_is_carried_out(world: World) -> None:
    store = world.process.store
    world.faults[FIRST_WRITE] = Fault("store lost")
    with pytest.raises(StoreUnavailable):
        await store.insert("things", "p", "k", {"a": 1})
    row = await store.get("things", "p", "k")
    assert row is not None and row.body == {"a": 1}
    world.faults["before store insert things", 2] = Fault("store lost")
    with pytest.raises(StoreUnavailable):
        await store.insert("things", "p", "k", {"a": 2})
    unchanged = await store.get("things", "p", "k")
    assert unchanged is not None and unchanged.body == {"a": 1}, "it would have been refused"


async def test_reads_fail_for_a_while_and_writes_do_not(world: World) -> None:
    store = world.process.store
    world.faults[FIRST_WRITE] = Fault("store reads fail", {"seconds": 60})
    row = await store.insert("things", "p", "k", {})
    with pytest.raises(StoreUnavailable):
        await store.get("things", "p", "k")
    with pytest.raises(StoreUnavailable):
        [each async for each in store.query("things")]
    await store.replace(row, {"a": 1})
    assert not await world._nothing_left(0, waiting=False)
    world.store_unread_until = 0.0
    assert await store.get("things", "p", "k") is not None


async def test_neither_reads_nor_writes_work_while_the_store_is_away(world: World) -> None:
    store = world.process.store
    world.faults[FIRST_WRITE] = Fault("store", {"seconds": 60})
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await store.insert("things", "p", "k", {})
    with pytest.raises(StoreUnavailable):
        await store.get("things", "p", "k")


# An activity twice


def played(monkeypatch: pytest.MonkeyPatch, activity: Callable[[Process, int], Any]) -> list[Any]:
    """`activity` is what start_backup does, given its process and how-manieth it is.
    Returns the processes that began it."""
    began: list[Process] = []

    async def user_function(_: Any) -> Any:
        process = PROCESS.get()
        began.append(process)
        return await activity(process, len(began))

    monkeypatch.setattr(shells.start_backup._function, "get_user_function", lambda: user_function)
    return began


async def test_an_activity_runs_twice_at_once_in_two_processes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, slow = asyncio.Event(), asyncio.Event()

    async def activity(_: Process, number: int) -> str:
        if number == 2:
            both.set()
            return "the second"
        await both.wait()
        await slow.wait()
        return "the first"

    began = played(monkeypatch, activity)
    world.faults["activity start_backup", 1] = Fault("twice")
    assert await world.host.run_activity("start_backup", {}) == "the second"
    assert len(set(began)) == 2 and began[0] is world.process
    assert len(world.zombies) == 1
    slow.set()
    await world.rest(0)
    assert (world.zombies, world.struck, world.crashes) == (set(), ["activity start_backup"], [])
    await world.host.run_activity("start_backup", {})
    assert len(began) == 3, "only once twice"


@pytest.mark.parametrize("dies", [1, 2])
async def test_who_dies_gives_no_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, dies: int
) -> None:
    async def activity(process: Process, number: int) -> str:
        if number == dies:
            process.dead = True
            raise Died
        await asyncio.sleep(0.05)
        return "lives"

    played(monkeypatch, activity)
    world.faults["activity start_backup", 1] = Fault("twice")
    assert await world.host.run_activity("start_backup", {}) == "lives"


async def test_where_both_die_the_activity_failed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def activity(process: Process, _: int) -> None:
        process.dead = True
        raise Died

    played(monkeypatch, activity)
    world.faults["activity start_backup", 1] = Fault("twice")
    with pytest.raises((Lost, EngineFault)):
        await world.host.run_activity("start_backup", {})


async def test_only_twice_stands_at_an_activity(world: World) -> None:
    world.faults["activity start_backup", 1] = Fault("die")
    with pytest.raises(NotPlayable):
        await world.host.run_activity("start_backup", {})
    assert len(world.crashes) == 1


# Two hosts, and pairs of faults


async def test_each_host_takes_every_event_and_has_an_engine_and_a_guardian(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded: set[Process] = set()
    really = guardian_shell._resume

    async def resume(*given: Any) -> Any:
        guarded.add(PROCESS.get())
        return await really(*given)

    monkeypatch.setattr(guardian_shell, "_resume", resume)
    state, failures = broken_extension()
    async with World(tmp_path, host_count=2) as world:
        world.simulator.world.replace_state(state)
        await world.deliver(failures[0].event)
        await world.rest(1)
        incidents = [each async for each in world.onlooker.book.all()]
        assert len(incidents) == 1
        assert [[*host.tasks] for host in world.hosts] == [[incidents[0].id]] * 2
        assert guarded == {host.process for host in world.hosts}


async def test_two_faults_strike_in_one_run(tmp_path: Path) -> None:
    faults: dict[Place, Fault] = {
        ("before store insert claims", 1): Fault("store lost"),
        ("episode after begin_incident", 1): Fault("die"),
    }
    outcome = await run(tmp_path, *locked_groups({"rg-one": 1}), faults)
    assert sorted(outcome.struck) == sorted(place[0] for place in faults)  # type: ignore[index]
    assert outcome.broken == {}


# The judge


async def test_a_run_is_at_rest_only_when_the_wire_is_quiet(world: World) -> None:
    world.faults[DELETION] = Fault("late", SOON)
    with pytest.raises(AzureError):
        await delete_lock(world.process)
    await world.rest(0)
    assert world.simulator.world.in_flight == 0
    assert world.off_at_rest == set(world.expected)


async def test_a_lock_that_only_something_late_puts_back_was_lost(tmp_path: Path) -> None:
    """Nothing was left to do, and the lock was off: luck does not count."""

    async def unlucky(world: World) -> None:
        world.simulator.world.state.remove(LOCK_ID)
        (lock,) = [each for each in world.at_first["resources"] if each["id"] == LOCK_ID]

        async def lands() -> None:
            world.simulator.world.state.put(lock)

        world.simulator.world.late.add(1.0, lands)

    conclude: Place = ("episode after conclude_backup", 1)
    outcome = await run(
        tmp_path, *locked_groups({"rg-one": 1}), {conclude: Fault("person", {"does": unlucky})}
    )
    assert outcome.struck
    (lost,) = outcome.broken["locks lost"]
    assert lost.startswith("off when all was at rest")


@pytest.mark.parametrize("kind", ["collection", "extension"])
async def test_what_went_away_twice_was_fixed_twice(tmp_path: Path, kind: str) -> None:
    """Something that had gone was put back, and goes again."""
    state, failures = locked_groups({"rg-one": 1}) if kind == "collection" else broken_extension()
    (target,) = [
        each
        for each in state["resources"]
        if each["id"].endswith(
            "AzureBackup_rg-one-vm1" if kind == "collection" else "/extensions/VMSnapshot"
        )
    ]
    assert target["id"].startswith(VM_ID if kind == "extension" else GROUP_ID)

    def again(world: World) -> None:
        for _ in range(2):
            world.simulator.world.state.put(target)
            world.simulator.world.state.remove(target["id"])

    conclude: Place = ("episode after conclude_backup", 1)
    outcome = await run(tmp_path, state, failures, {conclude: Fault("person", {"does": again})})
    assert "fixed twice" in outcome.broken
