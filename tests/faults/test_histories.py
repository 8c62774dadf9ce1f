"""The orchestration's histories, as the durable library makes them: long waits stay
small, and a dead worker is got over."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions import orchestration
from functions.activities import Done, Remediate
from shared.incident.next_step import STOP, Next, NextStep
from shared.verification.follow import Look
from tests.faults.histories import START, Engine, WorkerGone
from tests.faults.long_work import GIVEN, JOB, PACE, WAIT, followed, waited

MOST_EVENTS, MOST_BYTES = 1_000, 200_000
"""Of one history: it is read and replayed whole in each episode."""


def test_a_backup_of_23_hours_is_followed_in_small_histories() -> None:
    engine = followed()
    assert JOB <= engine.now - START <= JOB + 2 * timedelta(seconds=PACE.longest_pause_seconds)
    assert max(len(each.events) for each in engine.histories) <= MOST_EVENTS
    assert max(each.bytes for each in engine.histories) <= MOST_BYTES
    called = Counter(name for name, _ in engine.calls)
    assert len(engine.histories) == 2
    assert (called["begin_incident"], called["conclude_backup"]) == (1, 1)
    assert 150 <= called["look_at_backup"] <= 250


@pytest.mark.parametrize("stage", ["before_diagnosis", "take_turn"])
def test_a_wait_of_24_hours_goes_on_where_it_was(stage: str) -> None:
    engine = waited(stage)
    assert engine.now - START >= WAIT
    assert max(len(each.events) for each in engine.histories) <= MOST_EVENTS
    called = Counter(name for name, _ in engine.calls)
    assert len(engine.histories) == 2
    assert called["begin_incident"] == 1, "a new history does not begin the work again"
    asked = [work for name, work in engine.calls if name == stage]
    assert {work["failed_at"] for work in asked} == {"2026-01-31T00:00:00.000000Z"}
    if stage == "take_turn":
        unread = [work["unread"] for work in asked]
        assert unread == list(range(len(asked))), "what was counted goes along"
        assert {work["plan"]["cause"] for work in asked} == {"no_internet"}


def test_pauses_grow_to_the_longest_and_stay_there_in_a_new_history() -> None:
    second = waited().histories[1]
    fired = [event["FireAt"] for event in second.events if event["EventType"] == 10]
    moments = [timedelta(0)] + [_moment(text) - START for text in fired]
    pauses = [
        (later - earlier).total_seconds() for earlier, later in itertools.pairwise(moments[1:])
    ]
    assert min(pauses[:-1]) >= PACE.longest_pause_seconds


def _moment(text: str) -> Any:
    return START.fromisoformat(text).replace(tzinfo=START.tzinfo)


def dying(stage: str, deaths: int) -> Engine:
    """The follow-up of a backup that has ended; the workers of one stage die."""
    left = itertools.chain([True] * deaths, itertools.repeat(False))

    def answers(name: str, _: Any) -> Any:
        if name == stage and next(left):
            raise WorkerGone("the language worker process exited with code 137")
        return {
            "begin_incident": NextStep(Next.VERIFY),
            "look_at_backup": Look(ended=True, seconds=60.0),
            "conclude_backup": STOP,
            "hand_over_incident": Done(),
            "note_progress": Done(),
        }[name]

    return Engine(answers)


STAGES = ("begin_incident", "look_at_backup", "conclude_backup")


@pytest.mark.parametrize("stage", STAGES)
def test_nine_deaths_of_a_stage_are_got_over(stage: str) -> None:
    engine = dying(stage, len(orchestration.RETRY_PAUSES))
    engine.run(GIVEN)
    called = Counter(name for name, _ in engine.calls)
    assert called == {each: 10 if each == stage else 1 for each in STAGES}
    assert (engine.now - START).total_seconds() >= sum(orchestration.RETRY_PAUSES) * 10


@pytest.mark.parametrize("stage", STAGES)
def test_ten_deaths_in_a_row_are_handed_over(stage: str) -> None:
    engine = dying(stage, 10)
    engine.run(GIVEN)
    name, told = engine.calls[-1]
    assert (name, told["stage"]) == ("hand_over_incident", stage)
    assert "exited with code 137" in told["error"]


def test_a_hand_over_that_dies_is_tried_again() -> None:
    engine = dying("conclude_backup", 10)
    answers, left = engine._activities, [True] * 5
    engine._activities = lambda name, work: (
        _dies() if name == "hand_over_incident" and left and left.pop() else answers(name, work)
    )
    engine.run(GIVEN)
    assert [name for name, _ in engine.calls].count("hand_over_incident") == 6


def _dies() -> Any:
    raise WorkerGone("the language worker process exited")


@pytest.mark.parametrize(
    ("given", "noted"),
    [(GIVEN, []), (replace(GIVEN, restarted=True), list(STAGES))],
    ids=["first", "restarted"],
)
def test_progress_goes_on_record_only_in_work_that_was_lost(
    given: Remediate, noted: list[str]
) -> None:
    engine = dying("", 0)
    engine.run(given)
    assert [work["stage"] for name, work in engine.calls if name == "note_progress"] == noted
