"""Putting one lock back: never by a read alone, never held up by the store, and
settled at once only where nothing of ours can be on its way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared import clock
from shared.execution.lock_window.lease import NoLease
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.row_changes import settled
from shared.execution.lock_window.words import DONE, GROUP_GONE, LEFT_OFF
from shared.incident.outcome import Outcome, StepOutcome
from tests.shared.execution.bench import THEIRS, Bench
from tests.shared.execution.rows import GROUP, LATER, LOCK, OWNER, SOON, row, settled_row

LIFTED = row(LockState.OFF, lifted=True)
"""Its DELETE was answered 200."""
UNHEARD = row(LockState.SENT, out=True)
"""Its DELETE had no answer."""
PATIENCE = 30.0


async def put_back(bench: Bench, given: LockRow, **how: Any) -> StepOutcome:
    how = {"first": True, "patience": PATIENCE} | how
    return await bench.restorer.put_back(await bench.hand(given), NoLease(OWNER), **how)


async def test_what_was_lifted_and_put_back_with_every_answer_is_settled_at_once(
    bench: Bench,
) -> None:
    outcome = await put_back(bench, LIFTED)
    found = await bench.only()
    assert (found.state, found.result, found.recorded) == (LockState.SETTLED, DONE, True)
    assert (outcome.result, bench.has(), bench.steps.count("PUT")) == (Outcome.DONE, True, 1)
    assert len(found.requests) == 1


# -- What a read says


@pytest.mark.parametrize("given", [LIFTED, UNHEARD])
async def test_a_read_that_shows_the_lock_ends_nothing(bench: Bench, given: LockRow) -> None:
    """It is off, and the read is old."""
    bench.shows(LOCK)
    await put_back(bench, given)
    assert (bench.has(), bench.steps.count("PUT")) == (True, 1)


async def test_a_lock_that_cannot_be_read_is_put_back(bench: Bench) -> None:
    bench.answer("GET", status=503)
    await put_back(bench, LIFTED)
    assert (bench.has(), bench.steps.count("PUT")) == (True, 1)


async def test_another_body_is_noted_and_watched_as_for_a_delete(bench: Bench) -> None:
    """It may be an old read of a lock that our DELETE has taken off."""
    bench.make(THEIRS)
    outcome = await put_back(bench, LIFTED)
    found = await bench.only()
    assert (found.state, found.mends, found.noted) == (LockState.WATCHED, True, THEIRS)
    assert (outcome.result, bench.steps.count("PUT")) == (Outcome.DONE, 0)
    assert bench.notes() == THEIRS.notes


async def test_a_young_body_on_record_is_not_replaced_by_another(bench: Bench) -> None:
    await bench.hand(replace(LIFTED, noted_at=clock.now()))
    bench.make(THEIRS)
    (hand,) = await bench.ledger.hands()
    await bench.restorer.put_back(hand, NoLease(OWNER), first=True)
    found = await bench.only()
    assert (found.body, found.bodies, found.mends) == (LOCK, (THEIRS,), True)


async def test_the_body_on_record_is_put_back_not_the_planned_one(bench: Bench) -> None:
    await put_back(bench, replace(LIFTED, state=LockState.RETURNING, noted=THEIRS))
    assert bench.notes() == THEIRS.notes


async def test_an_accepted_put_that_cannot_be_seen_is_watched(bench: Bench) -> None:
    body = {"id": LOCK.id, "name": LOCK.name, "properties": {"level": LOCK.level, "notes": "why"}}
    bench.answer("PUT", status=201, body=body)
    await put_back(bench, LIFTED)
    found = await bench.only()
    assert (found.state, found.mends, bench.has()) == (LockState.WATCHED, True, False)


async def test_another_body_that_is_read_back_is_noted(bench: Bench) -> None:
    bench.steps.hands["PUT answered"] = lambda: bench.make(THEIRS)
    await put_back(bench, LIFTED)
    found = await bench.only()
    assert (found.state, found.noted) == (LockState.WATCHED, THEIRS)


async def test_a_lock_that_was_there_when_it_was_put_back_is_reported(bench: Bench) -> None:
    bench.make(LOCK)
    await put_back(bench, LIFTED)
    assert "somebody had made a lock of that name" in await bench.notes_on_record()


# -- What is watched


async def test_a_delete_without_an_answer_is_watched_for(bench: Bench) -> None:
    await put_back(bench, UNHEARD)
    found = await bench.only()
    assert (found.state, found.mends) == (LockState.WATCHED, True)
    assert found.watch_until > clock.after(clock.now(), bench.times.watch - 60)
    assert found.put_at and found.correlation_id
    (told,) = [each async for each in bench.journal.log.entries() if each.phase == "note"]
    assert told.result.startswith("put back: answered at ")
    assert told.correlation_id == found.correlation_id, "on record now, not when the watch ends"


async def test_a_put_without_an_answer_is_sent_again_and_watched_for(bench: Bench) -> None:
    bench.answer("PUT", reset="after")
    await put_back(bench, LIFTED)
    found = await bench.only()
    assert (found.state, found.missed, found.mends) == (LockState.WATCHED, True, False)
    assert bench.steps.count("PUT") == len(found.requests) == 2


async def test_what_another_execution_puts_back_is_watched(bench: Bench) -> None:
    await put_back(bench, LIFTED, first=False)
    found = await bench.only()
    assert (found.state, found.mends, bench.has()) == (LockState.WATCHED, False, True)


# -- Whose row it is


async def test_a_row_of_another_is_left_to_it(bench: Bench) -> None:
    outcome = await put_back(bench, replace(LIFTED, owner="taker"))
    assert await bench.only() == replace(LIFTED, owner="taker")
    assert (outcome.result, bench.steps.count("PUT")) == (Outcome.DONE, 0)


async def test_who_is_told_to_leave_it_off_between_two_attempts_stops(bench: Bench) -> None:
    bench.answer("PUT", status=429, headers={"Retry-After": "0"})

    async def decide() -> None:
        (hand,) = await bench.ledger.hands()
        await hand.force(lambda each: replace(settled(each, LEFT_OFF), owner="a person"))

    bench.steps.hands["PUT answered"] = decide
    await put_back(bench, LIFTED)
    found = await bench.only()
    assert (found.state, found.result, bench.has()) == (LockState.SETTLED, LEFT_OFF, False)
    assert bench.steps.count("PUT") == 1


async def test_who_stops_while_its_put_may_still_land_leaves_the_row_watched(
    bench: Bench,
) -> None:
    """Somebody took the row, put the lock back and settled it meanwhile."""
    bench.answer("PUT", reset=True)

    async def somebody_settles() -> None:
        (hand,) = await bench.ledger.hands()
        await hand.force(lambda each: replace(settled(each, DONE), owner="taker"))

    bench.steps.hands["PUT answered"] = somebody_settles
    await put_back(bench, LIFTED)
    found = await bench.only()
    assert (found.state, found.missed, found.mends) == (LockState.WATCHED, True, False)
    assert bench.steps.count("PUT") == 1


# -- The store


async def test_the_store_is_no_condition(bench: Bench) -> None:
    hand = await bench.hand(LIFTED)
    bench.store.down = True
    outcome = await bench.restorer.put_back(hand, NoLease(OWNER), first=True, patience=0)
    assert (bench.has(), outcome.result) == (True, Outcome.FAILED)
    assert (await bench.only()).state is LockState.OFF, "the guardian looks for itself"


# -- Who finds its lease lost after its DELETE went out


@pytest.mark.parametrize("heard_off", [True, False])
async def test_whatever_was_settled_is_opened_again(bench: Bench, heard_off: bool) -> None:
    """The late DELETE took it off after somebody had put it back and settled it."""
    given = settled_row(DONE, owner="taker", out=True, recorded=True)
    await put_back(bench, given, reopen=True, heard_off=heard_off)
    found = await bench.only()
    assert (found.state, found.owner, found.reopened) == (LockState.WATCHED, OWNER, True)
    assert (found.mends, found.lifted, found.recorded) == (not heard_off, heard_off, False)
    assert bench.has()


async def test_a_row_that_is_forgotten_is_written_again(bench: Bench) -> None:
    hand = await bench.hand(settled_row(DONE))
    assert await hand.remove(OWNER, LockState.SETTLED)
    await bench.restorer.put_back(hand, NoLease(OWNER), first=True, reopen=True)
    assert (await bench.only()).state is LockState.WATCHED


async def test_the_reopening_is_repeated_until_the_store_takes_it(bench: Bench) -> None:
    """And nothing waits for it: the PUT is answered first."""
    hand = await bench.hand(settled_row(DONE, owner="taker"))
    bench.times = replace(bench.times, store_seconds=0.5)
    bench.store.down = True
    bench.steps.hands["PUT answered"] = bench.come_back
    await bench.restorer.put_back(hand, NoLease(OWNER), first=True, reopen=True, patience=0)
    found = await bench.only()
    assert (found.state, found.owner, found.reopened) == (LockState.WATCHED, OWNER, True)
    assert bench.has()


async def test_it_is_repeated_past_all_patience(bench: Bench) -> None:
    hand = await bench.hand(settled_row(DONE, owner="taker"))
    bench.times = replace(bench.times, store_seconds=0.5)
    bench.store.down = True
    bench.answer("PUT", status=503)

    def the_second_time() -> None:
        if bench.steps.count("PUT") == 2:
            bench.come_back()

    bench.steps.every["PUT answered"] = the_second_time
    await bench.restorer.put_back(hand, NoLease(OWNER), first=True, reopen=True, patience=0)
    found = await bench.only()
    assert (found.owner, found.reopened, bench.has()) == (OWNER, True, True)


async def test_a_refusal_of_azure_does_not_end_the_reopening(bench: Bench) -> None:
    hand = await bench.hand(settled_row(DONE, owner="taker"))
    bench.times = replace(bench.times, store_seconds=0.5)
    bench.store.down = True
    bench.answer("PUT", status=403)
    bench.steps.hands["PUT answered"] = bench.come_back
    await bench.restorer.put_back(hand, NoLease(OWNER), first=True, reopen=True)
    found = await bench.only()
    assert (found.state, found.owner, found.reopened) == (LockState.NEEDS_PERSON, OWNER, True)


@pytest.mark.parametrize(
    ("newer", "noted_at", "notes"),
    [
        (settled_row(DONE, lock=THEIRS), SOON, THEIRS.notes),
        (settled_row(DONE, lock=LOCK), LATER, THEIRS.notes),
    ],
)
async def test_who_was_overtaken_puts_back_the_youngest_body_on_record(
    bench: Bench, newer: LockRow, noted_at: str, notes: str
) -> None:
    """In the row of a newer window, or noted in its own since then."""
    await bench.hand(
        replace(newer, window_id="w2", deadline=LATER, noted_at="2026-01-01T00:01:30.000000Z")
    )
    own = THEIRS if noted_at == LATER else None
    await put_back(
        bench, replace(UNHEARD, deadline=SOON, noted=own, noted_at=noted_at), reopen=True
    )
    assert bench.notes() == notes


# -- What Azure refuses


@pytest.mark.parametrize(("status", "puts"), [(403, 1), (400, 1), (401, 2)])
async def test_a_refusal_needs_a_person(bench: Bench, status: int, puts: int) -> None:
    bench.answer("PUT", status=status, times=2)
    outcome = await put_back(bench, LIFTED)
    found = await bench.only()
    assert (found.state, outcome.result) == (LockState.NEEDS_PERSON, Outcome.FAILED)
    assert (bench.steps.count("PUT"), found.attempts, bool(found.problem)) == (puts, 1, True)
    assert "is NOT back yet" in outcome.detail


def gone_since(*seconds: float) -> LockRow:
    return replace(LIFTED, gone=tuple(clock.after(clock.now(), -each) for each in seconds))


@pytest.mark.parametrize(
    ("seen", "code", "readable", "believed"),
    [
        ((400.0, 200.0), "ResourceGroupNotFound", True, True),
        ((), "ResourceGroupNotFound", True, False),
        ((400.0,), "ResourceGroupNotFound", True, False),
        ((0.4, 0.2), "ResourceGroupNotFound", True, False),
        ((400.0, 200.0), "SubscriptionNotFound", True, False),
        ((400.0, 200.0), "NotFound", True, False),
        ((400.0, 200.0), "ResourceGroupNotFound", False, False),
        ((400.0, 200.0), "", True, False),
    ],
)
async def test_a_group_is_gone_only_where_azure_says_so_long_enough(
    bench: Bench, seen: tuple[float, ...], code: str, readable: bool, believed: bool
) -> None:
    bench.times = replace(bench.times, lease=15)
    bench.answer("PUT", status=404)
    if code:
        body = {"error": {"code": code, "message": "m"}}
        bench.answer("GET", path="/resourceGroups/rg$", status=404, body=body)
    if not readable:
        bench.answer("GET", path="^/subscriptions$", status=403)
    await put_back(bench, gone_since(*seen))
    found = await bench.only()
    expected = LockState.SETTLED if believed else LockState.NEEDS_PERSON
    assert (found.state, found.result) == (expected, GROUP_GONE if believed else "")
    assert GROUP in found.group_id
