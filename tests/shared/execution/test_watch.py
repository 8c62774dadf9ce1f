"""The watch of a lock that a request of ours may still change: absent is put back where
a deletion may be on its way, nothing is written over, and it ends when its time is over
and a read can be believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared import clock
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.row_changes import begin_watch, settled
from shared.execution.lock_window.words import (
    CHANGED,
    DONE,
    LEFT_OFF,
    NEVER_LIFTED,
    NOTHING_TO_PUT_BACK,
    may_be_off,
    say_state,
)
from tests.shared.execution.bench import THEIRS, Bench
from tests.shared.execution.rows import LATER, LOCK, LONG_AGO, SOON, settled_row, watched

OVER = {"watch_since": LONG_AGO, "watch_until": SOON}


async def look(bench: Bench, given: LockRow) -> LockRow:
    """The row of this lock after one look."""
    hand = await bench.hand(given)
    await bench.watch.look(hand)
    (found,) = [
        each.row for each in await bench.ledger.hands() if each.row.window_id == given.window_id
    ]
    return found


# -- Before its end


@pytest.mark.parametrize("put_at", ["", SOON])
async def test_an_absent_lock_is_put_back_each_time_it_is_seen(bench: Bench, put_at: str) -> None:
    """However often: which absence is ours nobody can tell."""
    found = await look(bench, watched(put_at=put_at))
    assert (found.state, bench.has()) == (LockState.WATCHED, True)
    assert found.put_at > SOON and len(found.requests) == 1
    bench.remove()
    await bench.watch.look((await bench.ledger.hands())[0])
    assert (bench.has(), bench.steps.count("PUT")) == (True, 2)
    assert "if you removed it" in await bench.notes_on_record()


async def test_where_only_a_put_may_land_absent_is_left_alone(bench: Bench) -> None:
    given = watched(mends=False, missed=True)
    assert await look(bench, given) == given
    assert (bench.has(), bench.steps.count("PUT")) == (False, 0)


async def test_what_was_back_and_is_absent_is_told_at_once_and_not_mended(bench: Bench) -> None:
    """No deletion of ours is on its way: a person took it off. It stays red, also once
    the watch is over, until it is there again or a person decides."""
    found = await look(bench, watched(mends=False, lifted=True, put_at=SOON))
    assert (found.state, found.needs_somebody, bench.has()) == (LockState.WATCHED, True, False)
    assert "is absent since" in say_state(found) and may_be_off(found)
    (hand,) = await bench.ledger.hands()
    await bench.watch.look(hand)
    told = (await bench.notes_on_record()).count("no deletion of ours can still take effect")
    assert (told, hand.row.missing_since) == (1, found.missing_since)
    await bench.change(**OVER)
    await bench.watch.look((await bench.ledger.hands())[0])
    settled = await bench.only()
    assert (settled.state, settled.needs_somebody) == (LockState.SETTLED, True)
    assert settled.result.startswith(NOTHING_TO_PUT_BACK)
    bench.make(LOCK)
    await bench.change(settled_at=LONG_AGO, looked_at="")
    await bench.settled.look_at_all()
    assert [hand.row.missing_since for hand in await bench.ledger.hands()] == [""]


async def test_what_is_there_again_in_the_watch_is_missing_no_more(bench: Bench) -> None:
    bench.make(LOCK)
    found = await look(bench, watched(mends=False, put_at=SOON, missing_since=LATER))
    assert (found.missing_since, found.needs_somebody) == ("", False)


async def test_the_last_body_on_record_is_put_back(bench: Bench) -> None:
    await look(bench, watched(noted=THEIRS))
    assert bench.notes() == THEIRS.notes


async def test_the_body_on_record_may_be_in_the_row_of_a_newer_window(bench: Bench) -> None:
    newer = settled_row(DONE, lock=THEIRS, window_id="w2", deadline=LATER, noted_at=LATER)
    await bench.hand(newer)
    await look(bench, watched(deadline=SOON, noted_at=SOON))
    assert bench.notes() == THEIRS.notes


async def test_another_body_is_noted_and_not_written_over(bench: Bench) -> None:
    bench.make(THEIRS)
    found = await look(bench, watched())
    assert (found.state, found.noted, found.bodies) == (LockState.WATCHED, THEIRS, (THEIRS,))
    assert (bench.notes(), bench.steps.count("PUT")) == (THEIRS.notes, 0)


async def test_the_planned_body_does_not_replace_a_young_one(bench: Bench) -> None:
    """No read tells which of two is the younger."""
    bench.make(LOCK)
    found = await look(bench, watched(noted=THEIRS, noted_at=clock.now()))
    assert found.body == THEIRS


async def test_a_lock_that_is_there_stays_watched(bench: Bench) -> None:
    bench.make(LOCK)
    given = watched()
    assert await look(bench, given) == given


async def test_a_put_that_azure_does_not_answer_is_a_problem_and_tried_again(bench: Bench) -> None:
    bench.answer("PUT", status=503)
    found = await look(bench, watched(**OVER))
    assert (found.state, found.red, found.put_at) == (LockState.WATCHED, True, "")
    await bench.watch.look((await bench.ledger.hands())[0])
    found = await bench.only()
    assert (found.state, found.red, bench.has()) == (LockState.SETTLED, False, True)


async def test_a_put_that_azure_refuses_for_good_is_told_with_backoff(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Looks 1, 2 and 4 of five: the trail of a lock that stays off does not grow with
    each look."""
    bench.answer("PUT", times=5, status=403)
    found = await look(bench, watched())
    for _ in range(4):
        await bench.watch.look((await bench.ledger.hands())[0])
    found = await bench.only()
    assert (found.attempts, found.red, bench.steps.count("PUT")) == (5, True, 5)
    assert (await bench.notes_on_record()).count("not back yet: it is absent at") == 3
    assert caplog.text.count("lock not back") == 5
    await bench.watch.look((await bench.ledger.hands())[0])
    found = await bench.only()
    assert (found.attempts, found.red, bench.has()) == (0, False, True)
    assert (await bench.notes_on_record()).count("put back: it was absent at") == 1


def test_a_watch_counts_its_own_attempts() -> None:
    """Else its first failure would be one of many, and told to nobody."""
    assert begin_watch(replace(watched(), attempts=5), 60, mends=True).attempts == 0


async def test_a_404_of_its_put_is_a_problem_until_the_group_is_known_to_be_gone(
    bench: Bench,
) -> None:
    gone = {"error": {"code": "SubscriptionNotFound", "message": "m"}}
    bench.answer("PUT", status=404, body=gone)
    found = await look(bench, watched())
    assert (found.state, found.red, found.attempts) == (LockState.WATCHED, True, 1)


# -- Its end


async def test_at_its_end_what_is_there_as_it_was_is_settled(bench: Bench) -> None:
    bench.make(LOCK)
    found = await look(bench, watched(**OVER))
    assert (found.state, found.result, found.recorded) == (LockState.SETTLED, DONE, True)
    assert "the watch is over" in await bench.notes_on_record()


async def test_at_its_end_a_person_s_change_is_settled_as_that(bench: Bench) -> None:
    bench.make(THEIRS)
    found = await look(bench, watched(noted=THEIRS, noted_at=SOON, **OVER))
    assert (found.state, found.result) == (LockState.SETTLED, CHANGED)
    assert bench.notes() == THEIRS.notes


async def test_it_does_not_end_while_the_body_on_record_is_young(bench: Bench) -> None:
    bench.make(THEIRS)
    found = await look(bench, watched(noted=THEIRS, noted_at=clock.now(), **OVER))
    assert found.state is LockState.WATCHED


async def test_another_body_at_its_end_makes_it_go_on(bench: Bench) -> None:
    bench.make(THEIRS)
    found = await look(bench, watched(**OVER))
    assert (found.state, found.noted) == (LockState.WATCHED, THEIRS)
    assert found.is_young(bench.times.stale)


async def test_at_its_end_an_absent_lock_is_put_back_once_more(bench: Bench) -> None:
    found = await look(bench, watched(**OVER))
    assert (found.state, bench.has(), bench.steps.count("PUT")) == (LockState.SETTLED, True, 1)


async def test_a_put_that_was_decided_in_time_does_not_end_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer comes after the end; the DELETE may have come in between."""
    bench.steps.hands["PUT"] = lambda: turn(monkeypatch, 3600)
    found = await look(bench, watched())
    assert (found.state, bench.has()) == (LockState.WATCHED, True)


async def test_a_look_that_began_in_time_does_not_end_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.make(LOCK)
    bench.steps.hands["GET answered"] = lambda: turn(monkeypatch, 3600)
    assert (await look(bench, watched())).state is LockState.WATCHED


@pytest.mark.parametrize("mends", [True, False])
async def test_what_cannot_be_read_neither_ends_it_nor_is_written(
    bench: Bench, mends: bool
) -> None:
    bench.answer("GET", status=503)
    given = watched(mends=mends, **OVER)
    assert await look(bench, given) == given
    assert bench.steps.count("PUT") == 0


PROOF: dict[str, Any] = {"mends": False, "missed": True} | OVER


async def test_a_proof_that_never_came_is_told_with_its_span(bench: Bench) -> None:
    found = await look(bench, watched(**PROOF))
    assert (found.state, bench.has()) == (LockState.SETTLED, False)
    assert found.result.startswith(NEVER_LIFTED)
    assert f"between {LONG_AGO} and {SOON}" in found.result


async def test_a_lock_that_was_back_and_is_absent_at_the_end_is_a_person_s_doing(
    bench: Bench,
) -> None:
    found = await look(bench, watched(put_at=SOON, lifted=True, **PROOF))
    assert found.state is LockState.SETTLED
    assert found.result.startswith(NOTHING_TO_PUT_BACK) and "somebody removed it" in found.result


async def test_what_a_person_decided_meanwhile_is_not_written_over(bench: Bench) -> None:
    async def decide() -> None:
        (hand,) = await bench.ledger.hands()
        await hand.force(lambda each: replace(settled(each, LEFT_OFF), owner="a person"))

    bench.make(LOCK)
    bench.steps.hands["GET"] = decide
    found = await look(bench, watched(**OVER))
    assert (found.state, found.result) == (LockState.SETTLED, LEFT_OFF)


async def test_a_failed_attempt_takes_nothing_back_that_is_settled(bench: Bench) -> None:
    async def somebody_settles() -> None:
        (hand,) = await bench.ledger.hands()
        await hand.force(lambda each: settled(each, DONE))

    bench.answer("PUT", status=503)
    bench.steps.hands["PUT answered"] = somebody_settles
    found = await look(bench, watched())
    assert (found.state, found.result, found.problem) == (LockState.SETTLED, DONE, "")


@pytest.mark.parametrize(("looks", "believed"), [((400.0, 200.0), True), ((), False)])
async def test_a_group_that_is_gone_ends_it_once_that_is_believed(
    bench: Bench, looks: tuple[float, ...], believed: bool
) -> None:
    bench.times = replace(bench.times, lease=15)
    bench.answer("PUT", status=404)
    gone = {"error": {"code": "ResourceGroupNotFound", "message": "m"}}
    bench.answer("GET", path="/resourceGroups/rg$", status=404, body=gone)
    seen = tuple(clock.after(clock.now(), -each) for each in looks)
    found = await look(bench, watched(gone=seen))
    assert found.state is (LockState.SETTLED if believed else LockState.WATCHED)


def turn(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The clock goes on by so many seconds."""
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: clock.after(now(), seconds))
