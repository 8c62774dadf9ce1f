"""The same activity twice at once, two hosts on one store, and pairs of faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import functions.guardian as guardian_shell
import functions.remediation as shells
from tests.faults.azure import broken_extension, locked_groups
from tests.faults.fault import Died, EngineFault, Fault, NotPlayable, Place
from tests.faults.host import Lost
from tests.faults.process import PROCESS, Process
from tests.faults.runs import run
from tests.faults.world import World


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
