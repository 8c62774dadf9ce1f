"""What an incident is told of a window: the outcome of each of its steps, and how each
lock ended, from what is on record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from shared.arm_ids import fold, same
from shared.audit.entry import Entry
from shared.codec import from_json
from shared.execution.lock_window.ledger import OpenLock
from shared.execution.lock_window.put_back import (
    CHANGED,
    DONE,
    LIFT,
    NOTHING_TO_PUT_BACK,
    RESTORE,
    in_words,
)
from shared.execution.lock_window.windows import Result
from shared.facts import Lock
from shared.incident.model import Incident
from shared.incident.outcome import Outcome, StepOutcome
from shared.plan.steps import StepKind

TAKEN_OFF = "not begun: somebody else took it off just now"
"""Outcome of a `lift_lock` for which there was nothing to do."""


@dataclass(frozen=True, slots=True)
class LockEnd:
    """How one lock of a window ended."""

    lock: Lock
    lifted: str = ""
    """Outcome of its `lift_lock`; "" while there is none on record."""
    back: str = ""
    """Outcome of its `restore_lock`, which is written only after the lock was read; ""
    while there is none on record."""

    @property
    def settled(self) -> bool:
        """It is back, or was never off because of us, or is as a person made it."""
        return self.back in (DONE, CHANGED) or self.back.startswith(NOTHING_TO_PUT_BACK)


def lock_ends(entries: Iterable[Entry], group_id: str) -> tuple[LockEnd, ...]:
    """The locks of a group that the incident with these entries wanted to lift, by what
    its chain says of them."""
    ends: dict[str, LockEnd] = {}
    for entry in entries:
        key = fold(entry.target)
        if entry.kind == RESTORE and entry.phase == "intent":
            lock = from_json(Lock, entry.detail["lock"])
            if same(lock.scope, group_id):
                ends[key] = LockEnd(lock)
        elif key in ends and (entry.kind, entry.phase) == (LIFT, "outcome"):
            ends[key] = replace(ends[key], lifted=entry.result)
        elif key in ends and (entry.kind, entry.phase) == (RESTORE, "outcome"):
            ends[key] = replace(ends[key], back=entry.result)
    return tuple(ends.values())


def restored(ends: Iterable[LockEnd], off: Iterable[OpenLock]) -> StepOutcome:
    """What is said of the locks; `off` are those that could not be put back yet, with
    the reason."""
    problems = {fold(entry.lock.id): entry.problem for entry in off}
    told = [_told(end, problems.get(fold(end.lock.id), "")) for end in ends]
    if not told:
        return StepOutcome(Outcome.DONE, "no lock was lifted")
    good = all(end.settled and fold(end.lock.id) not in problems for end in ends)
    if good and all(end.back == DONE for end in ends):
        return StepOutcome(Outcome.DONE, "every lock of the window is back, identical")
    return StepOutcome(Outcome.DONE if good else Outcome.FAILED, "; ".join(told))


def _told(end: LockEnd, problem: str) -> str:
    how = (
        f"is NOT back yet: {problem}"
        if problem
        else in_words(end.back)
        if end.back
        else "is NOT known to be back"
    )
    return f"the lock {end.lock.name} on {end.lock.scope} {how}"


def lifted(ends: Iterable[LockEnd]) -> StepOutcome:
    """What is said of the lifting: failed with the reasons where a lock is not known to
    be lifted, and nobody had taken it off."""
    reasons = [
        f"the lock {end.lock.name}: {end.lifted}"
        for end in ends
        if end.lifted not in (DONE, TAKEN_OFF)
    ]
    return (
        StepOutcome(Outcome.FAILED, "; ".join(reasons))
        if reasons
        else StepOutcome(Outcome.DONE, "")
    )


def with_outcomes(
    incident: Incident, *, results: list[Result], lifted: StepOutcome, restored: StepOutcome
) -> Incident:
    """The incident with the outcome of each of its steps in this window."""
    by_target = {fold(result.target): result for result in results}

    def outcome_of(kind: str, target: str) -> tuple[str, str] | None:
        result = by_target.get(fold(target))
        if result is None:
            return None
        if result.result is Outcome.WAITING:
            return "", result.detail  # stays open: it was not begun
        if kind == StepKind.DELETE_COLLECTION:
            return result.result, result.detail
        if kind == StepKind.LIFT_LOCKS and result.result is Outcome.REFUSED:
            return result.result, result.detail
        if (
            kind == StepKind.LIFT_LOCKS
        ):  # where the deletion was done nothing was in its way, known or not
            return ("done" if result.result is Outcome.DONE else lifted.result), lifted.detail
        return restored.result, restored.detail

    actions = tuple(
        (
            replace(action, outcome=told[0], detail=told[1])
            if (told := outcome_of(action.kind, action.target))
            else action
        )
        for action in incident.actions
    )
    return replace(incident, actions=actions)
