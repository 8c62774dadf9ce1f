"""Reads of locks that lag behind."""

from __future__ import annotations

import pytest

from local.scenarios import parts
from local.simulator import ids
from local.simulator.history import KEPT_SECONDS, History
from local.simulator.state import State
from tests.local.simulator.support import COLLECTION_ID, GROUP_ID, LOCKS, VM_ID, Arm, Clock, state

LIST = f"{GROUP_ID}/{LOCKS}"
LOCK_ID = f"{LIST}/keep"
BODY = {"properties": {"level": "CanNotDelete", "notes": "new"}}


async def a_stale_read(arm: Arm, seconds: float, path: str = LOCK_ID, **more):
    fault = {"method": "GET", "times": 1, "action": {"stale_s": seconds}, **more}
    assert (await arm.sim("POST", "faults", fault)).status == 201
    return await arm.get(path)


def names(reply) -> list[str]:
    return [each["name"] for each in reply.body["value"]]


async def test_a_lock_that_is_gone_is_still_shown(start) -> None:
    arm = await start(state(lock="CanNotDelete"))
    await arm.delete(LOCK_ID)
    assert (await a_stale_read(arm, 10)).status == 200
    assert names(await a_stale_read(arm, 10, LIST)) == ["keep"]
    assert (await arm.get(LOCK_ID)).status == 404
    arm.clock.turn(11)
    assert (await a_stale_read(arm, 10)).status == 404
    assert names(await a_stale_read(arm, 10, LIST)) == []


async def test_a_lock_that_was_made_is_not_shown_yet(start) -> None:
    arm = await start(state())
    arm.clock.turn(100)
    assert (await arm.send("PUT", LOCK_ID, BODY)).status == 201
    stale = await a_stale_read(arm, 10)
    assert (stale.status, stale.code) == (404, "LockNotFound")
    assert names(await a_stale_read(arm, 10, LIST)) == []
    assert (await arm.get(LOCK_ID)).status == 200
    arm.clock.turn(11)
    assert (await a_stale_read(arm, 10)).status == 200


async def test_an_older_body_is_shown(start) -> None:
    arm = await start(state(lock="CanNotDelete"))
    await arm.send("PUT", LOCK_ID, BODY)
    assert (await a_stale_read(arm, 10)).body["properties"]["notes"] == "Keep this."
    assert (await arm.get(LOCK_ID)).body["properties"]["notes"] == "new"


async def test_only_reads_of_locks_are_stale(start) -> None:
    """Another GET neither shows an old state nor uses the fault up, and what is deleted
    with its scope is a lock that is gone."""
    arm = await start(state(parts.lock(VM_ID, "own", "")))
    await arm.sim("POST", "faults", {"method": "GET", "times": 1, "action": {"stale_s": 10}})
    assert (await arm.get(VM_ID)).status == 200
    assert (await arm.get(COLLECTION_ID)).status == 200
    assert len((await arm.sim("GET", "faults")).body) == 1
    await arm.delete(f"{VM_ID}/{LOCKS}/own")
    assert (await arm.get(f"{VM_ID}/{LOCKS}/own")).status == 200
    assert (await arm.sim("GET", "faults")).body == []


async def test_every_read_lags_with_the_setting_and_what_locks_block_does_not(start) -> None:
    arm = await start(state(lock="CanNotDelete"))
    assert (await arm.sim("PUT", "settings", {"lock_read_lag_s": 10})).status == 200
    await arm.delete(LOCK_ID)
    assert [(await arm.get(LOCK_ID)).status for _ in range(2)] == [200, 200]
    assert names(await arm.get(LIST)) == ["keep"]
    assert (await arm.delete(COLLECTION_ID)).status == 202, "the lock itself is off"
    arm.clock.turn(11)
    assert (await arm.get(LOCK_ID)).status == 404
    assert (await arm.send("PUT", LOCK_ID, BODY)).status == 201, "a write sees what is"


async def test_the_older_of_fault_and_setting_counts(start) -> None:
    arm = await start(state(lock="CanNotDelete"))
    await arm.sim("PUT", "settings", {"lock_read_lag_s": 10})
    await arm.delete(LOCK_ID)
    arm.clock.turn(11)
    assert (await a_stale_read(arm, 5)).status == 404
    assert (await a_stale_read(arm, 60)).status == 200


@pytest.mark.parametrize("lag", [-1, "1", True, KEPT_SECONDS + 1])
async def test_a_bad_lag_is_refused(start, lag) -> None:
    arm = await start(state())
    reply = await arm.sim("PUT", "settings", {"lock_read_lag_s": lag})
    assert reply.status == 400 and "lock_read_lag_s" in reply.body["error"]["message"]


async def test_a_new_state_has_no_past(start) -> None:
    arm = await start(state())
    arm.clock.turn(100)
    await arm.sim("PUT", "state", state(lock="CanNotDelete"))
    assert (await a_stale_read(arm, 60)).status == 200


def test_versions_that_nobody_may_ask_for_are_forgotten() -> None:
    clock = Clock()
    held = State([parts.group("rg-app")])
    history = History(held, ids.LOCK, clock)
    for _ in range(3):
        held.put(parts.lock(GROUP_ID, "keep", ""))
        held.remove(LOCK_ID)
        clock.turn(KEPT_SECONDS + 1)
    held.put(parts.lock(GROUP_ID, "another", ""))
    assert list(history._versions) == [ids.key(f"{LIST}/another")]
    clock.turn(KEPT_SECONDS + 1)
    held.put(parts.lock(GROUP_ID, "another", "new"))
    assert len(history._versions[ids.key(f"{LIST}/another")]) == 2
    assert history.as_of(KEPT_SECONDS).has(f"{LIST}/another")
