"""Every fault of these runs does what it says: a fault that is not played would make
each cell that has it green."""

from __future__ import annotations

import re

import pytest
from azure.core.exceptions import AzureError

from shared.errors import StoreUnavailable
from tests.faults.fault import Died, Fault, NotPlayable
from tests.faults.hands import GROUP_ID
from tests.faults.strikes import STRIKES
from tests.faults.wire import (
    DELETION,
    FIRST_WRITE,
    SOON,
    delete_lock,
    is_locked,
    landed,
    locks_at,
    make_lock,
)
from tests.faults.world import World


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
