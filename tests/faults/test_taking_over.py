"""The traces of the lock protocol, C1 to C14 of docs/lock-protocol.md, in which the
owner's window is taken over; test_protocol.py has the others, and the words."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from shared.execution.lock_window.lock_row import LockState
from shared.execution.lock_window.standing import read_standing
from shared.execution.lock_window.windows import OPEN, LockWindows, Member
from tests.faults.at_will import FROZEN, Woken, hold, land, writes_of
from tests.faults.azure import locked_groups
from tests.faults.cell import MADE
from tests.faults.hands import GROUP_ID
from tests.faults.process import Process
from tests.faults.traces import (
    DELETION,
    MENDED,
    OFF,
    SETTLED,
    WATCHED,
    blames_somebody,
    named,
    person,
    repaired,
    rows_of,
    told,
)
from tests.faults.world import Fault, Place, World


async def test_c3_each_absence_in_the_watch_is_mended(tmp_path: Path) -> None:
    """DELETE sent, O dies; the taker puts back; the late DELETE lands; two watchers see
    the same absence, "ours" is used up → "somebody else"."""

    async def watches_too(world: World) -> None:
        execution = await Process(world).execution()
        watched = [hand for hand in await execution.ledger.hands() if hand.row.open]
        assert [hand.row.state for hand in watched] == [LockState.WATCHED]
        await execution._keeping().watch.look(watched[0])

    faults: dict[Place, Fault] = {
        DELETION: person(hold("DELETE")),
        ("before store replace locks returning", 1): Fault("die"),
        WATCHED: person(land),
        ("before ARM PUT locks", WATCHED[0]): person(watches_too),
    }
    outcome = await repaired(tmp_path, faults)
    assert len([text for text in told(outcome) if MENDED in text]) >= 2
    assert blames_somebody(outcome) == []
    first, *_ = await rows_of(tmp_path)
    assert (first.state, first.result, first.epoch) == (LockState.SETTLED, "done", 2)


OVER: Place = ("after store transact windows delete", 1)
"""The window is gone."""


@pytest.mark.parametrize(
    ("woken", "lose_engine"),
    [(WATCHED, True), (WATCHED, False), (SETTLED, False), (OVER, True)],
    ids=["watched, engine lost", "watched, engine kept", "settled", "over"],
)
async def test_c7_who_sends_late_opens_the_row_again(
    tmp_path: Path, woken: Place, lose_engine: bool
) -> None:
    """O frozen between check and send; taken over and put back; O wakes late, sends,
    and looks again (rule 6)."""
    zombie = Woken()
    faults = {DELETION: FROZEN, woken: person(zombie.wake_to_the_end)}
    outcome = await repaired(tmp_path, faults, lose_engine=lose_engine)
    assert writes_of(outcome.requests)[:3] == ["PUT", "PUT", "DELETE"], "proof, taker, zombie"
    assert set(zombie.lock_writes) == {"PUT"}
    first, *_ = await rows_of(tmp_path)
    assert first.reopened


async def test_c7_who_dies_right_after_the_late_send_is_reported(tmp_path: Path) -> None:
    """With death right after the send: the case that cannot be promised. The hourly
    look at settled rows finds the lock absent, and somebody is told."""
    state, failures = locked_groups({"rg-one": 1})
    dies = Fault("freeze", {**FROZEN.args, "die": True})
    async with World(tmp_path, {DELETION: dies, SETTLED: person(Woken().wake_to_the_end)}) as world:
        world.simulator.world.replace_state(state)
        world.at_first = state
        await world.deliver(failures[0].event)
        await world.rest(1)
        assert not world.simulator.world.state.has(MADE["id"])
        world.clock_offset = 3601
        await world.guard()
        app = world.onlooker
        (row,) = (await read_standing(app.ledger)).for_somebody
        assert row.missing_since and row.state is LockState.SETTLED
        entries = [entry.to_json() async for entry in app.audit.entries()]
        assert any("decide to put it back" in each["result"] for each in entries)
        assert world.crashes == []


async def test_c10_who_joins_does_not_keep_a_dead_owner_alive(tmp_path: Path) -> None:
    """Joiners' writes count as life: a dead owner looks alive.

    Others join until the lock is back, and the window's deadline is beyond any run:
    only its heartbeat shows that the owner is dead.
    """
    joining: list[asyncio.Task[int]] = []

    def dies_while_others_join(world: World) -> None:
        world.process.dead = True
        world.deaths += 1
        joining.append(asyncio.create_task(join_until_it_is_back(world)))

    long = {"REMEDIATOR_WINDOW_SECONDS": "600", "REMEDIATOR_UNLOCK_WAIT_SECONDS": "600"}
    await repaired(tmp_path, {OFF: person(dies_while_others_join)}, environment=long)
    assert await joining[0] > 3, "nobody joined"


async def join_until_it_is_back(world: World) -> int:
    """Returns how many joined."""
    windows, count = LockWindows(world.store), 0
    while not world.simulator.world.state.has(MADE["id"]):
        held = await windows.get(GROUP_ID)
        if held is not None and held.window.state == OPEN and held.window.may_join():
            count += await windows.join(held, Member(f"joiner-{count}", ())) is not None
        await asyncio.sleep(0.1)
    return count


IN_THE_NEXT_WINDOW: list[Place] = [
    ("after store insert locks", 2),
    ("after store replace locks sent", 2),
    OFF,  # the first window did not come so far
]


@pytest.mark.parametrize("woken", IN_THE_NEXT_WINDOW, ids=named)
async def test_c12_the_youngest_body_is_put_back(tmp_path: Path, woken: Place) -> None:
    """A person writes body 1; the watch settles "different"; a new window plans 1; the
    zombie's DELETE lands; the zombie re-opens with body 0 and puts that back."""
    zombie = Woken()
    faults = {
        DELETION: FROZEN,
        WATCHED: person("changes the lock"),
        woken: person(zombie.wake),
    }
    outcome = await repaired(tmp_path, faults)
    assert set(zombie.lock_writes) == {"PUT"}, "after its DELETE"
    first, *_ = await rows_of(tmp_path)
    assert first.reopened and first.lock.notes == MADE["properties"]["notes"]
    assert "left alone: a person changed it" in told(outcome)


@pytest.mark.parametrize("lost", [True, False], ids=["stored, answer lost", "not stored"])
async def test_c13_the_re_opening_is_repeated_until_the_store_answers(
    tmp_path: Path, lost: bool
) -> None:
    """The re-opening write gets no answer; O puts back, finds the row settled, stops;
    the late DELETE lands."""

    def is_silent(world: World) -> None:
        world.store_down_until = asyncio.get_running_loop().time() + 600

    def answers(world: World) -> None:
        world.store_down_until = 0.0

    faults: dict[Place, Fault] = {
        DELETION: FROZEN,
        SETTLED: person(hold("DELETE"), *([] if lost else [is_silent]), Woken().wake_to_the_end),
        ("after store replace locks watched", 2): person(land),
    }
    if lost:
        faults["before store replace locks returning", 2] = Fault("store lost")
    else:
        faults["after ARM PUT locks", 3] = person(answers)
    outcome = await repaired(tmp_path, faults)
    assert writes_of(outcome.requests)[:5] == ["PUT", "PUT", "DELETE", "PUT", "PUT"]
    assert any(MENDED in text for text in told(outcome))


def freeze_at_its_next_effect(world: World) -> None:
    """After the last look: it stops before it asks for window and clock."""
    world.process.freeze(FROZEN.args["seconds"])


FROZEN_BEFORE_THE_CLOCK: dict[str, dict[Place, Fault]] = {
    "at the row": {("after store replace locks sent", 1): FROZEN},
    "at the last look": {("before ARM GET locks", "after store replace locks sent"): FROZEN},
    "at the window": {
        ("after ARM GET locks", "after store replace locks sent"): person(freeze_at_its_next_effect)
    },
}


@pytest.mark.parametrize(
    ("frozen", "woken"),
    [
        ("at the row", WATCHED),
        ("at the last look", SETTLED),
        ("at the window", SETTLED),
        ("at the window", OVER),
    ],
    ids=str,
)
async def test_c14_who_wakes_after_a_take_over_sends_nothing(
    tmp_path: Path, frozen: str, woken: Place
) -> None:
    """O frozen before its clock check, taken over and put back; wakes, beats
    unconditionally, "in time", sends.

    Between its look at the window and the one at its clock O does nothing outside, so
    no freeze can be put there; tests/shared/execution has the clock by itself.
    """
    zombie = Woken()
    outcome = await repaired(
        tmp_path, FROZEN_BEFORE_THE_CLOCK[frozen] | {woken: person(zombie.wake_to_the_end)}
    )
    assert writes_of(outcome.requests)[:2] == ["PUT", "PUT"], "the proof, and the taker's"
    assert "DELETE" not in zombie.lock_writes
