"""What is said of a lock, computed from its row: in incidents, on pages, in the audit
log."""

from __future__ import annotations

from shared import clock
from shared.diagnosis.by_hand import put_back
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.strange_rows import StrangeRow
from shared.facts import Lock
from shared.sentences import Sentence, phrase, quote
from shared.store.contract import Row

DONE = "done"
CHANGED = "left alone: a person changed it"
GROUP_GONE = "left off: its resource group is gone"
LEFT_OFF = "left off: a person decided so"
LEFT_THERE = "left alone: a person decided so, and it is there"
NOTHING_TO_PUT_BACK = "nothing to put back"
NEVER_LIFTED = f"{NOTHING_TO_PUT_BACK}: it was never lifted"
SOMEBODY_ELSE = f"{NOTHING_TO_PUT_BACK}: somebody else took it off first"
"""Outcomes of a `restore_lock`."""
PUT_BACK = "put back"
"""Begins each note of a `restore_lock` for a PUT that put the lock back."""
TAKEN_OFF = "not begun: somebody else took it off just now"
"""Outcome of a `lift_lock` for which there was nothing to do."""


def name_lock(lock: Lock) -> str:
    return str(name(lock))


def name(lock: Lock) -> Sentence:
    return phrase("the_lock", name=lock.name, scope=lock.scope)


def say_state(row: LockRow) -> str:
    """How the lock of this row stands, as the sentence about it goes on."""
    return str(state_of(row))


def state_of(row: LockRow) -> Sentence:
    """As `say_state`, for every language."""
    if row.state is LockState.SETTLED:
        return _settled(row)
    if row.red:
        return _not_back(row)
    if row.state is LockState.WATCHED:
        return _watched(row)
    if row.state is LockState.PLANNED:
        return phrase("lock_planned")
    if row.state is LockState.RETURNING:
        return phrase("lock_returning")
    return phrase("lock_off", deadline=clock.for_people(row.deadline))


def _settled(row: LockRow) -> Sentence:
    if not row.missing_since:
        return _result(row.result)
    since, at = clock.for_people(row.missing_since), clock.for_people(row.settled_at)
    return phrase("lock_missing", since=since, settled=at)


def _result(result: str) -> Sentence:
    known = {
        DONE: phrase("lock_back"),
        CHANGED: phrase("lock_changed"),
        GROUP_GONE: phrase("lock_group_gone"),
        LEFT_OFF: phrase("lock_left_off"),
        LEFT_THERE: phrase("lock_left_there"),
    }
    return known.get(result) or quote(f"({result})")


def _not_back(row: LockRow) -> Sentence:
    if row.state is LockState.WATCHED:
        until = clock.for_people(row.watch_until)
        return phrase("lock_absent_in_watch", problem=row.problem, until=until)
    if row.problem:
        return phrase("lock_not_back", problem=row.problem)
    return phrase("lock_not_back_at_all")


def _watched(row: LockRow) -> Sentence:
    until = clock.for_people(row.watch_until)
    if row.missing_since:
        since = clock.for_people(row.missing_since)
        return phrase("lock_missing_in_watch", since=since, until=until)
    if row.put_at:
        return phrase("lock_watched", at=clock.for_people(row.put_at), until=until)
    if row.bodies:
        return phrase("lock_changed_watched", until=until)
    if row.mends or row.lifted:
        return phrase("lock_returning_watched", until=until)
    return phrase("lock_proof_watched", until=until)


def unreadable(row: StrangeRow) -> Sentence:
    lock = row.lock.id if row.lock else phrase("lock_not_told")
    return phrase("row_unreadable", name=row.name, lock=lock, reason=row.reason)


def window_unreadable(row: Row) -> str:
    return f"the lock window {row.place} cannot be read, so nobody can enter its group"


def may_be_off(row: LockRow) -> bool:
    """Whether the lock is off because of us, or may be, or is missing: a person may put
    it back by hand."""
    if row.state is LockState.SETTLED:
        return bool(row.missing_since)
    if row.state is LockState.WATCHED:
        return row.needs_somebody
    return row.state is not LockState.PLANNED


def by_hand(lock: Lock) -> str:
    """The command that puts this lock back, for a POSIX shell."""
    return put_back(lock)
