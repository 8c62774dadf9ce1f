"""A simulator that runs for days keeps a bounded memory; the oldest goes first."""

from __future__ import annotations

import pytest

from local.simulator import operations, throttle, world
from local.simulator.world import World
from tests.local.simulator.support import GROUP_ID, SUB, VM_ID, state


async def test_the_log_drops_its_oldest_and_keeps_counting(start, monkeypatch):
    monkeypatch.setattr(world, "MAX_LOGGED_REQUESTS", 3)
    arm = await start(state())
    for _ in range(5):
        await arm.get(VM_ID)
    assert [each["n"] for each in (await arm.sim("GET", "requests")).body] == [3, 4, 5]


def test_ended_operations_are_forgotten_and_running_ones_are_not(monkeypatch):
    monkeypatch.setattr(operations, "MAX_OPERATIONS", 3)
    now = 0.0
    held = World(None, lambda: now).operations
    running = held.start("backup", GROUP_ID, 1000, lambda failure: failure)
    ended = [held.start("backup", GROUP_ID, 0, lambda failure: failure) for _ in range(2)]
    held.settle()
    assert all(held.find(each.id) is each for each in (running, *ended))
    newest = held.start("backup", GROUP_ID, 1000, lambda failure: failure)
    remembered = [held.find(each.id) for each in (running, *ended, newest)]
    assert remembered == [running, None, ended[1], newest]


def test_full_buckets_are_dropped_and_empty_ones_are_not(monkeypatch):
    monkeypatch.setattr(throttle, "MANY_BUCKETS", 20)
    now = 0.0
    buckets = throttle.Throttle(lambda: now)

    def poll(number: int) -> int:
        """Poll an operation; the tokens that its bucket has left."""
        location = f"/subscriptions/{SUB}/providers/Microsoft.Compute/locations/westeurope"
        headers = buckets.charge("GET", f"{location}/operations/{number}").headers
        return int(headers["x-ms-ratelimit-remaining-resource"].split(",")[0].split(";")[1])

    for number in range(40):
        poll(number)
    assert len(buckets._buckets) > 40, "none of them is full yet"
    now += 1000
    assert [poll(99) for _ in range(3)] == [44, 43, 42]
    assert len(buckets._buckets) < 20
    assert poll(99) == 41


@pytest.mark.parametrize("body", [b"[" * 100_000, b"\xff\xfe", b"{"])
async def test_bodies_that_cannot_be_read_are_400(start, body):
    arm = await start(state())
    headers = {"Authorization": "Bearer sim"}
    url = f"{arm.url}{GROUP_ID}/providers/Microsoft.Authorization/locks/mine?api-version=2020-05-01"
    async with arm.session.put(url, data=body, headers=headers) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == "InvalidRequestContent"
    async with arm.session.put(f"{arm.url}/_sim/state", data=body) as answer:
        assert answer.status == 400
