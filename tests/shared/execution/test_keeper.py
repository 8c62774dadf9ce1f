"""The keeper of a group: takes over from the dead and from nobody else, puts back what
they left, and ends a window only once nothing of it is open."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from shared import clock
from shared.codec import to_json
from shared.errors import StoreUnavailable
from shared.execution.guardian import Guardian
from shared.execution.lock_window.deletions import KIND
from shared.execution.lock_window.ledger import LOCKS, PARTITION
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.windows import (
    CLOSING,
    Beat,
    Member,
    TargetOutcome,
    Window,
)
from shared.execution.lock_window.words import CHANGED, DONE, GROUP_GONE, LEFT_OFF
from shared.incident.model import Incident
from shared.incident.outcome import Outcome
from shared.incident.status import Status
from tests.shared.execution.bench import GROUP_2, Bench, once
from tests.shared.execution.rows import (
    GROUP,
    LATER,
    LOCK,
    LONG_AGO,
    NOW,
    SOON,
    VM,
    lock_on,
    row,
    settled_row,
    window,
)

LIFTED = row(LockState.OFF, lifted=True)
UNHEARD = row(LockState.SENT, out=True)
LONG = 20.0
LOCK_2 = lock_on(GROUP_2)


async def a_window(bench: Bench, given: Window | None = None) -> Beat:
    """One whose owner does nothing by itself. Returns its first heartbeat."""
    made = await bench.windows.open(given or window())
    assert made is not None
    return made[1]


async def a_living_owner(bench: Bench, given: Window | None = None) -> None:
    """One that beats before each look at it."""
    beat: Beat | None = await a_window(bench, given)

    async def beats() -> None:
        nonlocal beat
        if beat is not None:
            beat = await bench.windows.beat(beat)

    bench.steps.every["heartbeat read"] = beats


async def the_window(bench: Bench) -> Window:
    (held,) = await bench.windows.all()
    return held.window


# -- The dead


@pytest.mark.parametrize(
    ("given", "mends"),
    [(LIFTED, False), (UNHEARD, True), (replace(UNHEARD, state=LockState.RETURNING), True)],
)
async def test_what_a_dead_owner_left_off_is_back_and_watched(
    bench: Bench, given: LockRow, mends: bool
) -> None:
    await a_window(bench)
    await bench.hand(given)
    outcomes = await bench.keeper().close_if_dead(LONG)
    found, taken = await bench.only(), await the_window(bench)
    assert (found.state, found.mends, bench.has()) == (LockState.WATCHED, mends, True)
    assert (taken.state, taken.epoch, found.owner) == (CLOSING, 2, taken.token)
    assert [each.result for each in outcomes] == [Outcome.DONE]


async def test_a_row_is_written_before_any_request_for_it(bench: Bench) -> None:
    await a_window(bench)
    await bench.hand(LIFTED)
    await bench.keeper().close_if_dead(LONG)
    passed = bench.steps.passed
    order = ("windows transacted", "locks returning stored", "PUT")
    assert [passed.index(each) for each in order] == sorted(map(passed.index, order))
    assert bench.steps.count("DELETE") == 0


async def test_a_planned_lock_gets_no_put_and_is_watched_for_its_proof(bench: Bench) -> None:
    """It is absent, since a person removed it: no DELETE of ours was ever sent."""
    await a_window(bench)
    await bench.hand(row(LockState.PLANNED))
    await bench.keeper().close_if_dead(LONG)
    found = await bench.only()
    assert (found.state, found.mends, found.missed) == (LockState.WATCHED, False, True)
    assert found.watch_until > clock.after(clock.now(), bench.times.watch - 60)
    assert (bench.has(), bench.steps.count("PUT")) == (False, 0)


async def test_who_joins_makes_no_dead_owner_alive(bench: Bench) -> None:
    await a_window(bench)
    await bench.hand(LIFTED)
    joined = 0

    async def join() -> None:
        nonlocal joined
        if joined < 4:
            joined += 1
            del bench.steps.every["window read"]
            held = await bench.windows.get(GROUP)
            assert held is not None
            await bench.windows.join(held, Member(f"member {joined}", ("c",)))
            bench.steps.every["window read"] = join

    bench.steps.every["window read"] = join
    await bench.keeper().close_if_dead(LONG)
    assert bench.has() and joined > 1


@pytest.mark.parametrize(("hidden", "seconds"), [(True, LONG), (False, LONG)])
async def test_a_store_that_takes_no_row_keeps_no_lock_off(
    bench: Bench, hidden: bool, seconds: float
) -> None:
    await a_window(bench)
    await bench.hand(LIFTED)

    def goes_down() -> None:
        bench.store.down, bench.store.hidden = True, hidden

    bench.steps.hands["windows transacted"] = goes_down
    bench.steps.hands["PUT answered"] = bench.come_back
    bench.times = replace(bench.times, store_seconds=0.5)
    await bench.keeper().close_if_dead(seconds)
    assert ((await bench.only()).state, bench.has()) == (LockState.WATCHED, True)


async def test_rows_whose_window_is_gone_are_taken_over_at_once(bench: Bench) -> None:
    await bench.hand(LIFTED)
    bench.times = replace(bench.times, lease=60)
    await bench.keeper().close_if_dead(LONG)
    assert ((await bench.only()).state, bench.has()) == (LockState.WATCHED, True)


async def test_an_owner_that_has_left_its_window_is_not_waited_for(bench: Bench) -> None:
    """Its activity has ended; a lock is not back."""
    left = replace(window(CLOSING), told=True)
    await a_living_owner(bench, left)
    await bench.hand(row(LockState.NEEDS_PERSON, lifted=True, problem="403"))
    bench.times = replace(bench.times, lease=60)
    await bench.keeper().close_if_dead(LONG)
    assert ((await bench.only()).state, bench.has()) == (LockState.WATCHED, True)


# -- The living


async def test_a_living_owner_keeps_its_window_and_its_rows(bench: Bench) -> None:
    await a_living_owner(bench)
    await bench.hand(LIFTED)
    assert await bench.keeper().close_if_dead(LONG) == []
    assert (await the_window(bench), await bench.only()) == (window(), LIFTED)
    assert bench.steps.count("PUT") == 0


async def test_one_that_is_slow_is_not_dead_before_its_lease_is_over(bench: Bench) -> None:
    await a_window(bench)
    await bench.hand(LIFTED)
    bench.times = replace(bench.times, lease=30)
    await bench.keeper().close_if_dead(0.2)
    assert (await the_window(bench), await bench.only()) == (window(), LIFTED)


async def test_an_open_window_whose_time_is_over_is_closed_though_its_owner_lives(
    bench: Bench,
) -> None:
    await a_living_owner(bench, window(deadline=LONG_AGO))
    await bench.hand(LIFTED)
    await bench.keeper().close_if_dead(LONG)
    assert ((await the_window(bench)).state, bench.has()) == (CLOSING, True)


async def test_a_living_owner_that_is_putting_back_is_left_to_it(bench: Bench) -> None:
    given = window(CLOSING, deadline=LONG_AGO)
    await a_living_owner(bench, given)
    await bench.hand(replace(LIFTED, state=LockState.RETURNING))
    await bench.keeper().close_if_dead(LONG)
    assert (await the_window(bench), bench.has()) == (given, False)


# -- Windows end


async def test_a_window_stays_while_a_row_of_it_is_watched(bench: Bench) -> None:
    await a_window(bench)
    await bench.hand(UNHEARD)
    await bench.keeper().close_if_dead(LONG)
    await bench.keeper().keep(asyncio.get_running_loop().time() + 0.2)
    assert (await the_window(bench)).state == CLOSING


async def test_a_window_whose_rows_are_over_is_ended(bench: Bench) -> None:
    await a_window(bench)
    await bench.hand(settled_row(DONE))
    bench.make(LOCK)
    await bench.keeper().keep(asyncio.get_running_loop().time() + LONG)
    assert await bench.windows.all() == []


async def test_a_watch_goes_on_in_a_window_that_another_has(bench: Bench) -> None:
    """No lease is needed for it."""
    told = Member("20260101T000000-lead", ("c1",), (TargetOutcome("c1", Outcome.DONE, ""),))
    await a_living_owner(bench, replace(window(CLOSING), members=(told,), told=True))
    await bench.hand(
        row(LockState.WATCHED, watch_since=LONG_AGO, watch_until=SOON, mends=True, lifted=True)
    )
    await bench.keeper().keep(asyncio.get_running_loop().time() + LONG)
    assert ((await bench.only()).state, bench.has()) == (LockState.SETTLED, True)
    assert await bench.windows.all() == [], "and then the window is over"


# -- Side by side


async def test_a_lock_that_hangs_keeps_no_other_one_off_or_unwatched(bench: Bench) -> None:
    other = lock_on(name="other")
    await bench.hand(LIFTED)
    await bench.hand(row(LockState.WATCHED, other, mends=True, watch_since=clock.now()))
    back = asyncio.Event()
    bench.steps.every["PUT keep"] = lambda: once(back)
    bench.steps.hands["PUT other"] = back.set
    await bench.keeper().close_if_dead(LONG)
    assert bench.has(LOCK) and bench.has(other)


def guardian_of(bench: Bench) -> Guardian:
    """Its tick is 3.7 s, and watches are over at once."""
    bench.times = replace(bench.times, lease=1, watch=0, grace=0)
    return bench.guardian


async def test_a_group_that_hangs_keeps_no_other_one_waiting(bench: Bench) -> None:
    """Each one's PUT hangs until the other one's has begun."""
    sick = lock_on(name="sick")
    await bench.hand(row(LockState.OFF, sick, lifted=True))
    await bench.hand(row(LockState.OFF, LOCK_2, lifted=True))
    both = asyncio.Barrier(2)

    async def meet() -> None:
        async with asyncio.timeout(15):
            await both.wait()

    bench.steps.hands["PUT sick"] = bench.steps.hands["PUT keep"] = meet
    _, problems = await guardian_of(bench).guard()
    assert (problems, bench.has(sick), bench.has(LOCK_2)) == ([], True, True)


async def test_a_part_that_fails_stops_no_other(bench: Bench) -> None:
    class Failing:
        async def look_at_all(self) -> None:
            raise StoreUnavailable("no answer")

    await bench.hand(LIFTED)
    guardian = replace(guardian_of(bench), settled=Failing())
    outcomes, problems = await guardian.guard()
    assert [type(each) for each in problems] == [StoreUnavailable]
    assert ([each.result for each in outcomes], bench.has()) == ([Outcome.DONE], True)


async def test_what_an_ended_leader_left_open_in_its_record_is_closed(bench: Bench) -> None:
    """The store did not take it when the leader ended."""
    leader = Incident(
        LIFTED.incident_id, Status.NEEDS_PERSON, "s", "v", VM, "c", "i", "j", "Code", NOW
    )
    await bench.book.open(leader)
    await bench.journal.intent(leader, KIND, f"{GROUP}/c")
    await bench.hand(LIFTED)
    await guardian_of(bench).guard()
    assert await bench.journal.open_intents(leader.id) == set()


async def test_a_tick_with_nothing_open_ends_at_once_and_looks_at_what_is_settled(
    bench: Bench,
) -> None:
    await bench.hand(settled_row(DONE, settled_at=clock.after(clock.now(), -7200)))
    assert await guardian_of(bench).guard() == ([], [])
    assert (await bench.only()).missing_since


# -- Rows that cannot be read


@pytest.mark.parametrize(
    ("state", "there", "puts"),
    [("off", False, 1), ("off", True, 0), ("planned", False, 0), ("settled", False, 0)],
)
async def test_a_row_of_another_version_is_put_back_from_its_text(
    bench: Bench, state: str, there: bool, puts: int
) -> None:
    await bench.hand(row(LockState.OFF, LOCK_2, lifted=True))
    body = to_json(LIFTED) | {"schema": 99, "state": state}
    await bench.store.insert(LOCKS, PARTITION, "a", body)
    if there:
        bench.make(LOCK)
    _, problems = await guardian_of(bench).guard()
    assert (problems, bench.has(LOCK_2)) == ([], True)
    assert (bench.steps.count("PUT") - 1, bench.has()) == (puts, there or puts == 1)
    assert [each.place.body for each in await bench.ledger.strange()] == [body]


# -- Settled rows


def settled_for(seconds: float, result: str = DONE, **given: Any) -> LockRow:
    return settled_row(
        result, settled_at=clock.after(clock.now(), -seconds), recorded=True, **given
    )


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (settled_for(7200), True),
        (settled_for(7200, CHANGED), True),
        (settled_for(7200, LEFT_OFF), False),
        (settled_for(7200, GROUP_GONE), False),
        (settled_for(60), False),
        (settled_for(7200, looked_at=clock.after(clock.now(), -60)), False),
        (settled_for(80000, looked_at=clock.after(clock.now(), -7200)), True),
    ],
)
async def test_a_settled_lock_that_is_absent_is_reported_and_not_put_back(
    bench: Bench, given: LockRow, missing: bool
) -> None:
    await bench.hand(given)
    await bench.settled.look_at_all()
    found = await bench.only()
    assert (bool(found.missing_since), found.needs_somebody) == (missing, missing)
    assert ("decide to put it back" in await bench.notes_on_record()) is missing
    assert bench.steps.count("PUT") == 0


@pytest.mark.parametrize("unread", [False, True])
async def test_one_that_is_there_again_is_no_longer_missing(bench: Bench, unread: bool) -> None:
    await bench.hand(settled_for(7200, missing_since=SOON))
    bench.make(LOCK)
    if unread:
        bench.answer("GET", status=503)
    await bench.settled.look_at_all()
    assert (await bench.only()).missing_since == (SOON if unread else "")
    assert ("left alone: it is there again" in await bench.notes_on_record()) is not unread


async def test_a_lock_with_an_open_row_is_not_reported(bench: Bench) -> None:
    await bench.hand(settled_for(7200))
    await bench.hand(row(window_id="w2", deadline=LATER))
    await bench.settled.look_at_all()
    assert bench.steps.count("GET") == 0


@pytest.mark.parametrize(("missing", "kept"), [("", False), (SOON, True)])
async def test_a_settled_row_is_kept_for_a_day_or_until_somebody_decides(
    bench: Bench, missing: str, kept: bool
) -> None:
    await bench.hand(settled_for(90000, missing_since=missing))
    await bench.settled.look_at_all()
    assert bool(await bench.ledger.hands()) is kept


async def test_an_outcome_that_nobody_wrote_is_written(bench: Bench) -> None:
    await bench.hand(replace(settled_for(60), recorded=False))
    await bench.settled.look_at_all()
    await bench.settled.look_at_all()
    assert (await bench.only()).recorded
    assert (await bench.notes_on_record()).count(DONE) == 1


async def test_an_outcome_is_left_for_a_while_to_who_settled_it(bench: Bench) -> None:
    await bench.hand(replace(settled_for(0), recorded=False))
    await bench.settled.look_at_all()
    assert not (await bench.only()).recorded


# -- Opening


@pytest.mark.parametrize(
    ("given", "waits"),
    [
        (row(LockState.WATCHED, window_id="w0"), True),
        (row(LockState.RETURNING, window_id="w0"), True),
        (row(LockState.SETTLED, window_id="w0"), False),
    ],
)
async def test_rows_are_asked_again_once_a_window_is_there(
    bench: Bench, given: LockRow, waits: bool
) -> None:
    """Another window came, left this row, and went since they were asked."""
    await bench.hand(given)
    opened = await bench.turns._open(window())
    assert (getattr(opened, "result", None) is Outcome.WAITING) is waits
    assert bool(await bench.windows.all()) is not waits
