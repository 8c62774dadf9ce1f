"""The end of a window on record: how each lock ended, by the entries and what is read,
and the outcome of each step in the members' incidents."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from shared.arm_ids import fold, same
from shared.audit.entry import Entry
from shared.audit.journal import Journal
from shared.codec import from_json
from shared.execution.lock_window.deletions import KIND, LIFT_LOCKS, Deletions
from shared.execution.lock_window.ledger import OpenLock
from shared.execution.lock_window.proof import PROVE
from shared.execution.lock_window.put_back import (
    CHANGED,
    DONE,
    LIFT,
    NOTHING_TO_PUT_BACK,
    RESTORE,
    in_words,
)
from shared.execution.lock_window.windows import Member, TargetOutcome
from shared.facts import Lock
from shared.incident.book import IncidentBook
from shared.incident.model import Action, Incident
from shared.incident.outcome import Outcome, StepOutcome

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


@dataclass(frozen=True, slots=True)
class LockEnds:
    """How the locks of one window ended, for its members."""

    lifted: StepOutcome
    restored: StepOutcome

    @classmethod
    def of(cls, ends: Iterable[LockEnd], off: Iterable[OpenLock]) -> LockEnds:
        """`off`: the locks that could not be put back yet, with the reason."""
        ends = tuple(ends)
        return cls(_sum_up_lifting(ends), _sum_up_restoring(ends, off))


@dataclass(frozen=True, slots=True)
class WindowRecord:
    """Writes the end of a window to its members' incidents and chains."""

    book: IncidentBook
    journal: Journal
    deletions: Deletions

    async def close_lock_intents(self, members: Iterable[Member]) -> None:
        """Give an outcome to each lift and proof whose process died between the call
        and its outcome."""
        for member in members:
            incident = await self.book.get(member.incident_id)
            if incident is not None:
                result = "not known: the answer was not put on record"
                await self.journal.close_intents(
                    incident, result, lambda kind, _: kind in (LIFT, PROVE)
                )

    async def tell(
        self, member: Member, results: Iterable[TargetOutcome], locks: LockEnds, leader: str
    ) -> None:
        """Record in the member's incident, and in its chain, what was lifted, deleted
        and put back for it. `leader`: id of the incident that led the window."""
        incident = await self.book.get(member.incident_id)
        if incident is None:
            return
        mine = await asyncio.gather(*map(self.deletions.confirm_gone, results))
        change = partial(with_outcomes, results=mine, locks=locks)
        await self.book.change(incident.id, change)
        known = await self.journal.open_intents(incident.id)
        for result in mine:
            if (KIND, fold(result.target)) in known:
                text = f"{result.result}: {result.detail} (the answer was not put on record)"
                await self.journal.outcome(incident, KIND, result.target, text, "")
            detail = {
                "detail": result.detail,
                "window_of": leader,
                "locks": locks.restored.detail,
            }
            text = f"{KIND}: {result.result}"
            await self.journal.note(incident, "step", text, target=result.target, detail=detail)


def read_lock_ends(entries: Iterable[Entry], group_id: str) -> tuple[LockEnd, ...]:
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


def with_outcomes(
    incident: Incident, *, results: Iterable[TargetOutcome], locks: LockEnds
) -> Incident:
    """The incident with the outcome of each of its steps in this window."""
    by_target = {fold(result.target): result for result in results}

    def complete(action: Action) -> Action:
        result = by_target.get(fold(action.target))
        return action if result is None else _with_outcome(action, result, locks)

    return replace(incident, actions=tuple(map(complete, incident.actions)))


def _with_outcome(action: Action, result: TargetOutcome, locks: LockEnds) -> Action:
    if result.result is Outcome.WAITING:  # it was not begun, so the action stays open
        return replace(action, outcome=Outcome.UNDER_WAY, detail=result.detail)
    before_the_last = {
        LIFT_LOCKS: _lifted_for(result, locks.lifted),
        KIND: StepOutcome(result.result, result.detail),
    }
    ended = before_the_last.get(action.kind, locks.restored)
    return replace(action, outcome=ended.result, detail=ended.detail)


def _lifted_for(result: TargetOutcome, lifted: StepOutcome) -> StepOutcome:
    """Where the deletion was refused nothing was lifted for it; where it was done
    nothing was in its way, known or not."""
    if result.result is Outcome.REFUSED:
        return StepOutcome(Outcome.REFUSED, result.detail)
    if result.result is Outcome.DONE:
        return StepOutcome(Outcome.DONE, lifted.detail)
    return lifted


def _sum_up_lifting(ends: Iterable[LockEnd]) -> StepOutcome:
    """Failed, with the reasons, where a lock is not known to be lifted and nobody had
    taken it off."""
    reasons = [
        f"the lock {end.lock.name}: {end.lifted}"
        for end in ends
        if end.lifted not in (DONE, TAKEN_OFF)
    ]
    result = Outcome.FAILED if reasons else Outcome.DONE
    return StepOutcome(result, "; ".join(reasons))


def _sum_up_restoring(ends: tuple[LockEnd, ...], off: Iterable[OpenLock]) -> StepOutcome:
    if not ends:
        return StepOutcome(Outcome.DONE, "no lock was lifted")
    problems = {fold(entry.lock.id): entry.problem for entry in off}
    good = all(end.settled and fold(end.lock.id) not in problems for end in ends)
    if good and all(end.back == DONE for end in ends):
        return StepOutcome(Outcome.DONE, "every lock of the window is back, identical")
    sentences = [_describe(end, problems.get(fold(end.lock.id), "")) for end in ends]
    return StepOutcome(Outcome.DONE if good else Outcome.FAILED, "; ".join(sentences))


def _describe(end: LockEnd, problem: str) -> str:
    lock = f"the lock {end.lock.name} on {end.lock.scope}"
    if problem:
        return f"{lock} is NOT back yet: {problem}"
    return f"{lock} {in_words(end.back)}" if end.back else f"{lock} is NOT known to be back"
