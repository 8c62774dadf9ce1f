"""What the members of a window are told of its locks, by their rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.outcomes import LockEnds
from shared.execution.lock_window.words import CHANGED, DONE, NEVER_LIFTED
from shared.incident.outcome import Outcome
from tests.shared.execution.rows import LOCK, NOW, row, settled_row, watched

ALL_BACK = "every lock of the window is back, identical"
OTHER = replace(LOCK, id=f"{LOCK.id}2", name="other")
BACK = settled_row(DONE, lifted=True)
STATES = [each for each in LockState if each is not LockState.SETTLED]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("problem", ["", "403"])
def test_a_lock_is_said_to_be_back_only_where_it_is(state: LockState, problem: str) -> None:
    given = row(state, OTHER, lifted=True, problem=problem)
    restored = LockEnds.of((BACK, given)).restored
    watched_well = state is LockState.WATCHED and not problem
    assert restored.result is (Outcome.DONE if watched_well else Outcome.FAILED)
    assert ALL_BACK not in restored.detail
    assert "the lock keep" in restored.detail and "the lock other" in restored.detail


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((BACK,), ALL_BACK),
        ((BACK, settled_row(CHANGED, lifted=True)), "was changed by a person meanwhile"),
        ((watched(put_at=NOW, lifted=True),), "is back (answered at"),
        ((settled_row(NEVER_LIFTED),), NEVER_LIFTED),
        ((), "no lock was lifted"),
    ],
)
def test_what_is_over_or_looked_after_is_done(given: tuple[LockRow, ...], says: str) -> None:
    restored = LockEnds.of(given).restored
    assert restored.result is Outcome.DONE and says in restored.detail


@pytest.mark.parametrize(
    ("reason", "says", "result"),
    [
        ("403", "it was never lifted", Outcome.FAILED),
        ("", "somebody else took it off first", Outcome.DONE),
    ],
)
def test_a_lock_that_stayed_on_is_told_with_its_reason(
    reason: str, says: str, result: Outcome
) -> None:
    ends = LockEnds.of((BACK,), [(OTHER, reason)])
    assert (ends.lifted.result, ends.restored.result) == (result, Outcome.DONE)
    assert ends.lifted.detail == reason
    assert says in ends.restored.detail and ALL_BACK not in ends.restored.detail


def test_an_answer_that_nobody_got_is_not_known_to_have_lifted() -> None:
    lifted = LockEnds.of((row(LockState.RETURNING, out=True),)).lifted
    assert lifted.result is Outcome.FAILED and "is not known" in lifted.detail
