"""The second try under a turned clock, lost engines and dying processes: one backup is
run again, at the time that is on record, and three are ordered a day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.scenarios import load
from shared import clock
from shared.incident.model import RUN_BACKUP_AGAIN, Answer, Awaited, Incident
from shared.incident.outcome import Outcome
from shared.incident.status import Status
from shared.plan.on_demand import PARTITION, TABLE, OnDemandBackups
from shared.store.keys import key_of_text
from tests.faults.settings import SETTINGS
from tests.faults.test_fence import orders, removals
from tests.faults.test_waiting import EXTENSION, LOCKED, all_ended, all_wait, failed, until
from tests.faults.world import Fault, Place, World

PASSES = "second_try"
PAUSE_SECONDS = 900


@pytest.fixture
def long_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETTINGS, "REMEDIATOR_RETRY_AFTER_SECONDS", str(PAUSE_SECONDS))


async def counted(world: World, vm_id: str) -> dict[str, Any]:
    row = await world.store.get(TABLE, PARTITION, key_of_text(vm_id))
    return dict(row.body["orders"]) if row else {}


def waits_for(awaited: Awaited) -> Any:
    def holds(found: list[Incident]) -> bool:
        return all_wait(found) and all(
            each.waiting is not None and each.waiting.awaited is awaited for each in found
        )

    return holds


async def passed_once(world: World, found: Incident) -> None:
    assert found.status is Status.FIXED, found.reason
    assert found.reason.startswith("no cause found, passed on retry")
    assert [(each.kind, each.outcome) for each in found.actions] == [
        (RUN_BACKUP_AGAIN, Outcome.DONE)
    ]
    assert orders(world) == 1
    assert len(await counted(world, found.vm_id)) == 1
    assert world.crashes == []


@pytest.mark.usefixtures("long_pause")
async def test_the_pause_ends_at_its_time_whatever_is_lost_meanwhile(tmp_path: Path) -> None:
    case = load(PASSES)
    async with failed(tmp_path, case, [case["event"]], {}) as world:
        (before,) = await until(world, waits_for(Awaited.PAUSE))
        assert before.waiting is not None
        assert clock.after(before.waiting.since, PAUSE_SECONDS - 1) < before.retry_at
        assert before.retry_at <= clock.after(before.waiting.since, PAUSE_SECONDS)
        for turned in (300, 600, 890):
            world.clock_offset = turned
            for task in world.tasks.values():
                task.cancel()
            (after,) = await until(
                world, lambda found: waits_for(Awaited.PAUSE)(found) and bool(found[0].passed)
            )
            assert (after.retry_at, after.waiting) == (before.retry_at, before.waiting)
            assert orders(world) == 0
        world.clock_offset = PAUSE_SECONDS + 1
        await world.rest(1)
        (ended,) = await until(world, all_ended)
        await passed_once(world, ended)


@pytest.mark.usefixtures("long_pause")
async def test_a_tenth_of_the_pause_before_its_end_nothing_is_ordered(tmp_path: Path) -> None:
    case = load(PASSES)
    async with failed(tmp_path, case, [case["event"]], {}) as world:
        await until(world, waits_for(Awaited.PAUSE))
        world.clock_offset = PAUSE_SECONDS * 0.9
        asked = world.activities.count("activity take_turn")
        await until(world, lambda _: world.activities.count("activity take_turn") > asked + 1)
        assert orders(world) == 0


DEATHS: dict[str, Place] = {
    "planned": ("after store insert audit note plan", 1),
    "the pause is on record": ("after store insert audit note status", 2),
    "its turn has come": ("after store insert audit note plan", 2),
    "counted": ("after store insert ordered", 1),
    "intent": ("after store insert audit intent backup", 1),
    "about to send": ("before ARM POST backup", 1),
    "sent": ("after ARM POST backup", 1),
    "outcome": ("after store insert audit outcome backup", 1),
    "followed": ("after store insert audit note backup", 1),
    "ended": ("after store insert audit note backup", 2),
}


@pytest.mark.parametrize("lose_engine", [True, False], ids=["engine lost", "engine kept"])
@pytest.mark.parametrize("place", DEATHS)
async def test_a_process_that_dies_orders_no_second_one(
    tmp_path: Path, place: str, lose_engine: bool
) -> None:
    case = load(PASSES)
    async with failed(tmp_path, case, [case["event"]], {DEATHS[place]: Fault("die")}) as world:
        world.lose_engine = lose_engine
        await world.rest(1)
        (ended,) = await until(world, all_ended)
        assert world.deaths == 1
        assert ended.status is Status.FIXED, ended.reason
        assert orders(world) == 1
        assert len(await counted(world, ended.vm_id)) == 1, "an order that is sent again is one"
        assert [each.outcome for each in ended.actions] == [Outcome.DONE]
        assert world.crashes == []


@pytest.mark.parametrize("activity", ["take_turn", "start_backup", "conclude_backup"])
@pytest.mark.parametrize("time", [1, 2])
async def test_a_stage_that_runs_twice_at_once_orders_one(
    tmp_path: Path, activity: str, time: int
) -> None:
    case = load(PASSES)
    place: Place = (f"activity {activity}", time)
    async with failed(tmp_path, case, [case["event"]], {place: Fault("twice")}) as world:
        await world.rest(1)
        (ended,) = await until(world, all_ended)
        await passed_once(world, ended)


def to_midnight() -> float:
    """Seconds until the next 00:00 UTC."""
    now = clock.as_time(clock.now())
    passed = now.hour * 3600 + now.minute * 60 + now.second + now.microsecond / 1e6
    return 24 * 3600 - passed


@pytest.mark.parametrize("name", [EXTENSION, LOCKED])
async def test_where_none_is_left_a_fix_waits_until_midnight_and_is_made_then(
    tmp_path: Path, name: str
) -> None:
    case = load(name)
    async with failed(tmp_path, case, [], {}) as world:
        if to_midnight() < 120:
            world.clock_offset = 180  # the day must not end by itself
        vm_id = next(each["id"] for each in case["resources"] if "virtualMachines" in each["id"])
        for number in range(3):
            await OnDemandBackups(world.store, 3).count(vm_id, f"earlier/{number}")
        await world.deliver(case["event"])
        (waiting,) = await until(world, waits_for(Awaited.BACKUP))
        assert "held back until 00:00 UTC" in waiting.reason and waiting.actions == ()
        left = to_midnight()
        world.clock_offset += left - 30
        await world.guard()
        assert (removals(world), orders(world)) == (0, 0)
        world.clock_offset += 31
        await world.rest(1)
        (ended,) = await until(world, all_ended)
        assert ended.status is Status.FIXED, ended.reason
        assert orders(world) == 1


async def test_a_fix_that_finds_none_left_when_it_orders_asks_a_person(tmp_path: Path) -> None:
    """Somebody else's incident took them between the change and its order."""
    case = load(EXTENSION)

    async def take_all(world: World) -> None:
        vm_id = next(each["id"] for each in case["resources"] if "virtualMachines" in each["id"])
        for number in range(3):
            await OnDemandBackups(world.store, 3).count(vm_id, f"other/{number}")

    strikes: dict[Place, Fault] = {
        ("after store insert audit note step", 1): Fault("person", {"does": take_all})
    }
    async with failed(tmp_path, case, [case["event"]], strikes) as world:
        if to_midnight() < 3600:
            world.clock_offset = 2 * 3600  # beyond what an order waits
        await world.rest(1)
        (ended,) = await until(world, all_ended)
        assert ended.status is Status.NEEDS_PERSON
        assert "the VM has had its 3 on-demand backups of this UTC day" in ended.reason
        assert (removals(world), orders(world)) == (1, 0)
        assert not any(sent.answer is Answer.DONE for sent in ended.orders)
