"""Requests that get no answer and take effect later."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from local.scenarios import parts
from local.simulator import late
from local.simulator.server import Simulator
from local.simulator.world import World
from tests.local.simulator.conftest import Running
from tests.local.simulator.support import COLLECTION_ID, GROUP_ID, LOCKS, Arm, state

LOCK_ID = f"{GROUP_ID}/{LOCKS}/keep"
LATER = 7.5
BODY = {"properties": {"level": "CanNotDelete", "notes": "new"}}


class Time:
    """Passes when a test says so."""

    def __init__(self) -> None:
        self.asked: set[float] = set()
        self._over = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asked.add(seconds)
        await self._over.wait()

    async def land(self, world: World) -> None:
        """Let everything in flight take effect."""
        self._over.set()
        async with asyncio.timeout(30):
            while world.in_flight:
                await asyncio.sleep(0.01)
        self._over.clear()


@pytest.fixture
async def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    passes = Time()
    monkeypatch.setattr(late, "sleep", passes.sleep)
    return passes


@pytest.fixture
async def running(start_with_world) -> Running:
    return await start_with_world(state(lock="CanNotDelete"))


async def send_late(arm: Arm, method: str, path: str, body=None, **action) -> None:
    """Send it to a simulator that answers none of its attempts: aiohttp sends a DELETE
    or PUT again when its connection is reset."""
    fault = {"method": method, "action": {"effect_after_s": LATER, **action}}
    assert (await arm.sim("POST", "faults", fault)).status == 201
    with pytest.raises(aiohttp.ClientError):
        await arm.send(method, path, body)
    assert (await arm.sim("DELETE", "faults")).status == 204


async def test_a_deletion_takes_effect_after_its_connection_is_gone(
    running: Running, time: Time
) -> None:
    arm, world = running
    await send_late(arm, "DELETE", LOCK_ID)
    assert (world.in_flight > 0, world.state.has(LOCK_ID), time.asked) == (True, True, {LATER})
    assert (await arm.sim("GET", "requests")).body == [], "it is logged when it takes effect"
    await time.land(world)
    assert not world.state.has(LOCK_ID)


async def test_the_log_says_that_it_was_late_and_the_answer_that_nobody_got(
    running: Running, time: Time
) -> None:
    arm, world = running
    await send_late(arm, "DELETE", LOCK_ID)
    await arm.get(LOCK_ID)
    await time.land(world)
    *deletions, read = (await arm.sim("GET", "requests")).body
    assert read["n"] > len(deletions) > 0, "in the order in which they were sent"
    assert {(each["method"], each["path"], each["late"]) for each in deletions} == {
        ("DELETE", LOCK_ID, True)
    }
    assert {each["status"] for each in deletions} <= {200, 204}
    assert set(read) == {"n", "at", "method", "path", "status", "duration_ms"}
    assert set(deletions[0]) == {*read, "late"}


async def test_a_write_has_its_whole_body_and_is_in_the_activity_log(
    running: Running, time: Time
) -> None:
    arm, world = running
    await send_late(arm, "PUT", LOCK_ID, BODY)
    assert not world.activity
    await time.land(world)
    assert (await arm.get(LOCK_ID)).body["properties"] == BODY["properties"]
    assert {(each.method, each.status) for each in world.activity} == {("PUT", 200)}


@pytest.mark.parametrize(("sent_under_a_lock", "status"), [(False, 409), (True, 202)])
async def test_the_rules_of_the_later_moment_hold(
    running: Running, time: Time, sent_under_a_lock: bool, status: int
) -> None:
    arm, world = running
    if not sent_under_a_lock:
        world.state.remove(LOCK_ID)
    await send_late(arm, "DELETE", COLLECTION_ID)
    if sent_under_a_lock:
        world.state.remove(LOCK_ID)
    else:
        world.state.put(parts.lock(GROUP_ID, "keep", ""))
    await time.land(world)
    assert (world.requests[-1].status, world.requests[-1].late) == (status, True)


async def test_the_connection_is_reset_after_the_delay(running: Running, time: Time) -> None:
    arm, world = running
    began = asyncio.get_running_loop().time()
    await send_late(arm, "DELETE", LOCK_ID, delay_s=0.2)
    assert asyncio.get_running_loop().time() - began >= 0.2
    assert world.state.has(LOCK_ID)
    await time.land(world)
    assert not world.state.has(LOCK_ID)


async def test_a_new_state_forgets_what_is_in_flight(running: Running, time: Time) -> None:
    arm, world = running
    await send_late(arm, "DELETE", LOCK_ID)
    await arm.sim("PUT", "state", state(lock="CanNotDelete"))
    assert world.in_flight == 0
    await time.land(world)
    assert world.state.has(LOCK_ID) and not world.requests


async def test_the_end_of_the_simulator_cancels_what_is_in_flight(time: Time) -> None:
    landed: list[str] = []

    async def take_effect() -> None:
        landed.append("too late")

    async with Simulator() as simulator:
        simulator.world.late.add(LATER, take_effect)
        assert simulator.world.in_flight == 1
    assert simulator.world.in_flight == 0
    await time.land(simulator.world)
    assert landed == []


async def test_an_exception_in_a_late_request_is_logged(
    running: Running,
    time: Time,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arm, world = running
    await send_late(arm, "DELETE", LOCK_ID)

    def fail() -> None:
        raise RuntimeError("not foreseen")

    monkeypatch.setattr(world.operations, "settle", fail)
    await time.land(world)
    assert world.requests[-1].status == 500
    assert "not foreseen" in caplog.text


async def test_by_default_the_time_is_the_real_one(running: Running) -> None:
    arm, world = running
    await send_late(arm, "DELETE", LOCK_ID, effect_after_s=0.05)
    async with asyncio.timeout(30):
        while world.in_flight:
            await asyncio.sleep(0.01)
    assert not world.state.has(LOCK_ID)
