"""Proves, right before a lock is lifted, that it can be put back: writes it once, as it
is, while it is still on.

One PUT asks rights, policies, deny assignments and the network at once, better than any
reasoning could. Its status is evidence only because it is one HTTP request:

    200 and the identical body   It was there and may be written: it may be lifted.
    201                          Somebody took it off just now, and we made it again:
                                 it stays, and nothing is lifted.
    anything else, no answer     It may not come back: nothing is lifted.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.azure.writer import LockAnswer
from shared.codec import to_json
from shared.facts import Absent, Lock, Unreadable, why_unread

MADE, IDENTICAL = 201, 200


@dataclass(frozen=True, slots=True)
class Proof:
    problem: str = ""
    """Why nothing of the window may be lifted, "" when this lock may be."""
    absent: bool = False
    """Somebody took it off before us, so there is nothing to lift, and nothing was
    written."""
    late: bool = False
    """The PUT had no answer: it may still arrive."""


def judge_last_look(lock: Lock, found: Lock | Absent | Unreadable) -> Proof:
    """The PUT writes what is on record: it must not undo what a person changed."""
    if isinstance(found, Absent):
        return Proof(absent=True)
    if isinstance(found, Unreadable):
        return Proof(why_unread(f"the lock {lock.name} is as it was", found))
    if not found.same_content(lock):
        return Proof(f"somebody changed the lock {lock.name} just now; it is not touched")
    return Proof()


def judge_proof(lock: Lock, answer: LockAnswer) -> Proof:
    if answer.error is not None:
        late = "; the PUT may still arrive, and writes what was there before"
        return Proof(
            f"the lock {lock.name} could not be written while it was on, so it might not come"
            f" back: {answer.error}{late if answer.unanswered else ''}",
            late=answer.unanswered,
        )
    if answer.status == MADE:
        return Proof(
            f"somebody took the lock {lock.name} off just now, and our look at it made it again: it"
            " stays, take it off again"
        )
    if answer.status != IDENTICAL:
        return Proof(
            f"the PUT of the lock {lock.name} was answered with status {answer.status}", late=True
        )
    if not answer.shows(lock):
        return Proof(
            f"the lock {lock.name} was written and is answered otherwise: {to_json(answer.lock)}"
        )
    return Proof()
