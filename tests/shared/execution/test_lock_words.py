"""What is said of a lock follows from its row: never that it is back while it may be
off, never that a person did what we did."""

from __future__ import annotations

from dataclasses import replace

import pytest

from functions.pages.texts import LANGUAGES
from shared.execution.lock_window import words
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.words import by_hand, may_be_off, name_lock, say_state, state_of
from shared.sentences import render
from tests.shared.execution.rows import LATER, LOCK, NOW, SOON, row, settled_row

OTHER = replace(LOCK, notes="a person's")


def watched(*, mends: bool, **given: object) -> LockRow:
    watch = {"watch_since": NOW, "watch_until": SOON}
    return row(LockState.WATCHED, mends=mends, **(watch | given))


SAID: dict[str, tuple[LockRow, str, bool]] = {
    "planned": (row(LockState.PLANNED), "is on; it is about to be lifted", False),
    "sent": (row(LockState.SENT, deadline=SOON), "is off, until 2026-01-01 00:01:00 UTC at", True),
    "off": (row(deadline=SOON), "is off, until 2026-01-01 00:01:00 UTC at the latest", True),
    "off, with a problem": (row(problem="403"), "is NOT back yet: 403; it is tried again", True),
    "returning": (row(LockState.RETURNING), "is being put back", True),
    "returning, with a problem": (
        row(LockState.RETURNING, problem="503"),
        "is NOT back yet: 503",
        True,
    ),
    "a person is needed": (
        row(LockState.NEEDS_PERSON, problem="404"),
        "is NOT back yet: 404",
        True,
    ),
    "a person is needed, and why is not known": (
        row(LockState.NEEDS_PERSON),
        "is NOT back yet; it is tried again",
        True,
    ),
    "watched for a DELETE, put back": (
        watched(mends=True, put_at=NOW),
        "is back (answered at 2026-01-01 00:00:00 UTC) and is watched until 2026-01-01 00:01:00",
        False,
    ),
    "watched for a PUT, put back": (
        watched(mends=False, put_at=NOW, lifted=True, missed=True),
        "is back (answered at",
        False,
    ),
    "watched for a PUT, put back by a person who decided": (
        watched(mends=False, put_at=NOW),
        "is back (answered at",
        False,
    ),
    "watched, and a person changed it": (
        watched(mends=True, bodies=(OTHER,), lifted=True),
        "was changed by a person meanwhile: it is left as that, and is watched until",
        False,
    ),
    "watched for its proof": (
        watched(mends=False, missed=True),
        "was never lifted; it is watched until",
        False,
    ),
    "watched for its proof, changed by a person": (
        watched(mends=False, missed=True, bodies=(OTHER,)),
        "was changed by a person meanwhile",
        False,
    ),
    "watched, and not seen yet": (watched(mends=True), "is being put back and is watched", False),
    "watched, put back, absent again, and refused": (
        watched(mends=True, put_at=NOW, problem="it is absent, and its PUT: 403"),
        "is NOT back: it is absent, and its PUT: 403; it is tried again, and watched until",
        True,
    ),
    "back": (settled_row(words.DONE), "is back, identical", False),
    "changed": (settled_row(words.CHANGED), "was changed by a person meanwhile", False),
    "its group is gone": (
        settled_row(words.GROUP_GONE),
        "is left off: its resource group is gone",
        False,
    ),
    "left off": (settled_row(words.LEFT_OFF), "is left off: a person decided so", False),
    "never lifted": (settled_row(words.NEVER_LIFTED), f"({words.NEVER_LIFTED})", False),
    "missing": (
        settled_row(words.DONE, missing_since=LATER),
        "is missing since 2026-01-01 00:02:00 UTC, although it was settled at 20",
        True,
    ),
}
"""The row, what is said, and whether a person gets the command that puts it back."""


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_of_a_lock(name: str) -> None:
    found, said, off = SAID[name]
    assert say_state(found).startswith(said) and "  " not in say_state(found)
    assert may_be_off(found) is off


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_said_in_every_language_with_its_times(name: str, language: str) -> None:
    found, _, _ = SAID[name]
    said = render(state_of(found), language)
    assert said and "None" not in said and "T00:0" not in said
    assert (said == say_state(found)) is (language == "en" or name == "never lifted")
    times = [each for each in ("00:00:00", "00:01:00", "00:02:00") if each in say_state(found)]
    assert [each for each in times if each not in said] == []
    if found.red:
        assert found.problem in said and "NOT back" in said


def test_every_state_is_said() -> None:
    assert {found.state for found, _, _ in SAID.values()} == set(LockState)


def test_a_lock_is_named_with_its_scope() -> None:
    assert name_lock(LOCK) == f"the lock keep on {LOCK.scope}"


def test_the_command_puts_back_the_body_that_is_given() -> None:
    assert "--notes='a person'\"'\"'s'" in by_hand(OTHER)
