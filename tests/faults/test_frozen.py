"""A process that freezes is given up at once, and goes on when it wakes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from shared.errors import Unavailable
from tests.faults.azure import locked_groups
from tests.faults.fault import Died, Fault, Place
from tests.faults.runs import run
from tests.faults.wire import (
    DELETION,
    FIRST_WRITE,
    SOON,
    delete_lock,
    is_locked,
    locks_at,
)
from tests.faults.world import World


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
