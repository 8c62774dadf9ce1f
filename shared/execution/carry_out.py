"""Carries out one unit of a plan, whatever its fix, and records how it ended."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, replace

from shared import catalogue
from shared.arm_ids import fold
from shared.audit.journal import Journal
from shared.errors import RemediatorError, StoreUnavailable
from shared.execution.fixes.contract import CarryOutUnit, Hands
from shared.execution.places import Places
from shared.incident.book import IncidentBook
from shared.incident.model import Action, Awaited, Incident
from shared.incident.outcome import Outcome, StepOutcome
from shared.incident.status import Status
from shared.incident.waiting import Wait, Waits
from shared.plan.steps import Step
from shared.plan.told import left_to_person


@dataclass(frozen=True, slots=True)
class CarryOut:
    book: IncidentBook
    journal: Journal
    waits: Waits
    places: Places
    hands: Hands

    async def carry_out(self, incident_id: str, cause: str, steps: tuple[Step, ...]) -> StepOutcome:
        """Carry out the steps of one unit by the fix of this cause.

        Safe to run again, after a crash or because it was BUSY: it checks the state
        first. WAITING: a job of the VM runs, or its group is held, and the incident
        waits for that.
        """
        if late := _why_too_late(await self.book.get(incident_id)):
            return late
        incident = await self.book.change(incident_id, lambda each: _begin(each, steps, cause))
        try:
            settled = await self.hands.fence.settle(incident)
            if isinstance(settled, str):
                return StepOutcome(Outcome.BUSY, settled)
            done = await _carry_out_of(cause)(self.hands, settled, steps)
            if done.result is Outcome.WAITING:
                await self._put_off(incident_id, steps, cause, done)
                if done.held is not None:
                    await self.hands.turns.look_after(settled, done.held.group_id)
            elif done.result is not Outcome.BUSY:
                await self._record(incident_id, steps, done)
        except StoreUnavailable as error:
            logging.warning("incident %s: %s", incident_id, error)
            return StepOutcome(Outcome.BUSY, f"the store does not answer: {error}")
        return done

    async def _record(self, incident_id: str, steps: tuple[Step, ...], done: StepOutcome) -> None:
        """Give each step that has no outcome yet that of its unit. A lock window has
        recorded the outcomes of its members before."""
        incident = await self.book.get(incident_id)
        if incident is None:
            return
        left = _without_outcome(incident, steps)
        # The notes first: a process that dies in between leaves the steps open, so that
        # they are recorded again.
        for step in left:
            text, detail = f"{step.kind}: {done.result}", {"detail": done.detail}
            await self.journal.note(incident, "step", text, target=step.target, detail=detail)
        if left:
            await self.book.change(incident_id, lambda each: _end(each, left, done))

    async def _put_off(
        self, incident_id: str, steps: tuple[Step, ...], cause: str, done: StepOutcome
    ) -> None:
        """The unit waits: what was not begun is off the record again, and where nothing
        of the plan was, it does not count."""
        begun = await self.journal.intended(incident_id)
        incident = await self.book.change(incident_id, lambda each: _without(each, steps, begun))
        if incident.status is not Status.FIXING:
            return  # the engine has lost this work, and begun it again: that one waits
        if all(action.cause != cause for action in incident.actions):
            await self.places.give_back(incident, cause)
        by_hand = left_to_person(incident, cause, steps)
        await self.waits.wait(
            incident,
            Wait.for_group(cause, done.held, by_hand)
            if done.held
            else Wait(Awaited.JOB, cause, done.detail, by_hand),
        )


def _carry_out_of(cause: str) -> CarryOutUnit:
    fix = catalogue.cause(cause).fix
    if fix is None:
        raise RemediatorError(f"only a person can mend {cause}")
    return fix.carry_out


def _why_too_late(incident: Incident | None) -> StepOutcome | None:
    """Why an activity that is called again, after its answer was lost, changes nothing;
    None while the fix goes on."""
    if incident is not None and not incident.at_work:
        return StepOutcome(Outcome.REFUSED, "the incident has ended")
    if incident is not None and incident.status is Status.WAITING:
        return StepOutcome(Outcome.WAITING, incident.reason)
    return None


def _key(change: Step | Action) -> tuple[str, str]:
    return change.kind, fold(change.target)


def _begin(incident: Incident, steps: tuple[Step, ...], cause: str) -> Incident:
    """The incident with an action for each step that has none yet; what an open one
    waited for before is over."""
    known = {_key(action) for action in incident.actions}
    before = (
        action if action.outcome else replace(action, detail="") for action in incident.actions
    )
    new = (
        Action(step.kind, step.target, Outcome.UNDER_WAY, cause)
        for step in steps
        if _key(step) not in known
    )
    return replace(incident, actions=(*before, *new))


def _without(incident: Incident, steps: tuple[Step, ...], begun: Collection[str]) -> Incident:
    """The incident without the actions of these steps that never had an intent.
    `begun`: the folded targets of all intents."""
    mine = {_key(step) for step in steps}
    kept = (
        action
        for action in incident.actions
        if action.outcome or _key(action) not in mine or fold(action.target) in begun
    )
    return replace(incident, actions=tuple(kept))


def _without_outcome(incident: Incident, steps: tuple[Step, ...]) -> list[Step]:
    left = {_key(action) for action in incident.actions if not action.outcome}
    return [step for step in steps if _key(step) in left]


def _end(incident: Incident, steps: Collection[Step], done: StepOutcome) -> Incident:
    mine = {_key(step) for step in steps}
    actions = (
        replace(action, outcome=done.result, detail=done.detail, code=done.code)
        if _key(action) in mine and not action.outcome
        else action
        for action in incident.actions
    )
    return replace(incident, actions=tuple(actions))
