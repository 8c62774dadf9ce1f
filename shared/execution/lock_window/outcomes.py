"""The end of a window on record: how each lock stands, by its row, and the outcome of
each step in the members' incidents."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from shared.arm_ids import fold
from shared.audit.journal import Journal
from shared.codec import to_json
from shared.execution.lock_window.deletions import KIND, LIFT_LOCKS, RESTORE_LOCKS, Deletions
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.windows import Member, TargetOutcome, Window
from shared.execution.lock_window.words import (
    DONE,
    NEVER_LIFTED,
    SOMEBODY_ELSE,
    name_lock,
    say_state,
)
from shared.facts import Lock
from shared.incident.book import IncidentBook
from shared.incident.model import LIFT, PROVE, RESTORE, Action, Incident
from shared.incident.outcome import Outcome, StepOutcome

type NeverLifted = Iterable[tuple[Lock, str]]
"""Locks of a window that stayed on, each with the reason; "" where somebody else had
taken it off."""


@dataclass(frozen=True, slots=True)
class LockEnds:
    """How the locks of one window ended, or stand, for its members."""

    lifted: StepOutcome
    restored: StepOutcome
    rows: tuple[LockRow, ...] = ()
    """Of the locks that it had in hand."""

    @classmethod
    def of(cls, rows: Iterable[LockRow], never_lifted: NeverLifted = ()) -> LockEnds:
        rows, never_lifted = tuple(rows), tuple(never_lifted)
        return cls(_sum_up_lifting(rows, never_lifted), _sum_up_restoring(rows, never_lifted), rows)


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

    async def tell_all(self, window: Window, ends: LockEnds) -> None:
        """Record the results that the window has in each member's incident. A member
        without one asks again."""
        await asyncio.gather(
            *(
                self._tell(member, ends, window.leader)
                for member in window.members
                if member.results
            )
        )

    async def _tell(self, member: Member, locks: LockEnds, leader: str) -> None:
        """Record in the member's incident, and in its chain, what was lifted, deleted
        and put back for it. `leader`: id of the incident that led the window."""
        incident = await self.book.get(member.incident_id)
        if incident is None:
            return
        mine = await asyncio.gather(*map(self.deletions.confirm_gone, member.results))
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
        if incident.id != leader:
            await self._tell_locks(incident, locks.rows, leader)

    async def _tell_locks(self, incident: Incident, rows: tuple[LockRow, ...], leader: str) -> None:
        """The intents and outcomes of the locks are in the leader's chain. Whoever asks
        for the log of this VM alone has to see that its group was unlocked."""
        for row in rows:
            if row.state is LockState.SETTLED and row.result.startswith(NEVER_LIFTED):
                continue
            known = "was lifted" if row.lifted else "may have been lifted"
            where = f"in the lock window that the incident {leader} led"
            detail = {"window_of": leader, "group": row.group_id, "lock": to_json(row.lock)}
            text = f"{known}: {name_lock(row.lock)}, {where}"
            await self.journal.note(incident, LIFT, text, target=row.lock.id, detail=detail)
            text = f"how it stands: {name_lock(row.lock)} {say_state(row)}, {where}"
            await self.journal.note(incident, RESTORE, text, target=row.lock.id, detail=detail)

    async def say_how_locks_ended(self, window: Window, ends: LockEnds) -> None:
        """Once nothing of the window is watched any more: its members' incidents say
        how each lock ended, no longer how it stood."""
        for member in window.members:
            targets = {fold(result.target) for result in member.results}
            if targets and await self.book.get(member.incident_id) is not None:
                change = partial(_with_lock_ends, targets=targets, restored=ends.restored)
                await self.book.change(member.incident_id, change)


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
    code = result.code if action.kind == KIND else ""
    return replace(action, outcome=ended.result, detail=ended.detail, code=code)


def _lifted_for(result: TargetOutcome, lifted: StepOutcome) -> StepOutcome:
    """Where the deletion was refused nothing was lifted for it; where it was done
    nothing was in its way, known or not."""
    if result.result is Outcome.REFUSED:
        return StepOutcome(Outcome.REFUSED, result.detail)
    if result.result is Outcome.DONE:
        return StepOutcome(Outcome.DONE, lifted.detail)
    return lifted


def _with_lock_ends(incident: Incident, *, targets: set[str], restored: StepOutcome) -> Incident:
    def complete(action: Action) -> Action:
        if action.kind != RESTORE_LOCKS or fold(action.target) not in targets:
            return action
        return replace(action, outcome=restored.result, detail=restored.detail)

    return replace(incident, actions=tuple(map(complete, incident.actions)))


def _sum_up_lifting(rows: tuple[LockRow, ...], never_lifted: NeverLifted) -> StepOutcome:
    """Failed, with the reasons, where a lock is not known to be lifted and nobody had
    taken it off."""
    reasons = [reason for _, reason in never_lifted if reason]
    reasons += [
        f"the lock {row.lock.name}: whether it was lifted is not known"
        for row in rows
        if not row.lifted
    ]
    result = Outcome.FAILED if reasons else Outcome.DONE
    return StepOutcome(result, "; ".join(dict.fromkeys(reasons)))


def _sum_up_restoring(rows: tuple[LockRow, ...], never_lifted: NeverLifted) -> StepOutcome:
    kept = [
        f"{name_lock(lock)} ({NEVER_LIFTED if reason else SOMEBODY_ELSE})"
        for lock, reason in never_lifted
    ]
    if not rows and not kept:
        return StepOutcome(Outcome.DONE, "no lock was lifted")
    if not kept and all(row.state is LockState.SETTLED and row.result == DONE for row in rows):
        return StepOutcome(Outcome.DONE, "every lock of the window is back, identical")
    sentences = [f"{name_lock(row.lock)} {say_state(row)}" for row in rows]
    result = Outcome.DONE if all(map(_is_back, rows)) else Outcome.FAILED
    return StepOutcome(result, "; ".join((*sentences, *kept)))


def _is_back(row: LockRow) -> bool:
    """As far as ARM's answers say; while it is watched it is looked after."""
    if row.state is LockState.WATCHED:
        return not row.problem
    return row.state is LockState.SETTLED
