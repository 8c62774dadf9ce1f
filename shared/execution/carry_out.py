"""Carries out a plan unit by unit, and settles the fix once all of it is over."""

from __future__ import annotations

import logging
from dataclasses import replace

from shared import clock
from shared.arm_ids import fold, group_of, parse
from shared.diagnosis.advice import About
from shared.diagnosis.check import check
from shared.errors import StoreUnavailable
from shared.execution import extension
from shared.execution.lock_window import turn as unlocking
from shared.execution.tools import Tools
from shared.incident.model import Action, Awaited, Incident, Status, Verdict
from shared.incident.outcome import Outcome, StepOutcome
from shared.incident.waiting import Wait
from shared.plan.planner import Plan, advice_for, not_done
from shared.plan.steps import Step, StepKind
from shared.sentences import Sentence, phrase


async def carry_out(
    tools: Tools, incident_id: str, cause: str, steps: tuple[Step, ...]
) -> StepOutcome:
    """One unit of a plan: the removal of an extension, or all steps in one resource
    group.

    Safe to run again, after a crash or because it was busy: it checks the state first.
    """
    if late := _too_late(await tools.book.get(incident_id)):
        return late
    incident = await tools.book.change(incident_id, lambda each: _begun(each, steps, cause))
    try:
        done = await _carried_out(tools, incident, steps)
        if done.result is Outcome.WAITING:
            await _put_off(tools, incident_id, steps, cause, done.detail)
    except StoreUnavailable as error:
        logging.warning("incident %s: %s", incident_id, error)
        done = StepOutcome(Outcome.BUSY, f"the store does not answer: {error}")
    return done


def _too_late(incident: Incident | None) -> StepOutcome | None:
    """Why an activity that is called again, after its answer was lost, changes nothing;
    None while the fix goes on."""
    if incident is not None and incident.ended:
        return StepOutcome(Outcome.REFUSED, "the incident has ended")
    if incident is not None and incident.status is Status.WAITING:
        return StepOutcome(Outcome.WAITING, incident.reason)
    return None


async def _carried_out(tools: Tools, incident: Incident, steps: tuple[Step, ...]) -> StepOutcome:
    if steps[0].kind is not StepKind.UNINSTALL_EXTENSION:
        done = await unlocking.take_turn(tools, incident, steps)
        if done.result not in ("refused", "waiting"):
            return done  # busy, or told to the incident by whoever led the window
    else:
        done = await extension.uninstall(tools, incident, steps[0])
    if done.result is Outcome.WAITING:
        return done
    await tools.book.change(incident.id, lambda each: _ended(each, steps, done))
    for step in steps:
        await tools.journal.note(
            incident,
            "step",
            f"{step.kind}: {done.result}",
            target=step.target,
            detail={"detail": done.detail},
        )
    return done


def _begun(incident: Incident, steps: tuple[Step, ...], cause: str) -> Incident:
    """The incident with an action for each step that has none yet; what an open one
    waited for before is over."""
    known = {(action.kind, fold(action.target)) for action in incident.actions}
    new = [
        Action(step.kind.value, step.target, "", cause)
        for step in steps
        if (step.kind.value, fold(step.target)) not in known
    ]
    before = (
        action if action.outcome else replace(action, detail="") for action in incident.actions
    )
    return replace(incident, actions=(*before, *new))


async def _put_off(
    tools: Tools, incident_id: str, steps: tuple[Step, ...], cause: str, why: str
) -> None:
    """A job of the VM runs: what was not begun is off the record again, and where
    nothing of the plan was, it does not count."""
    begun = await tools.journal.intended(incident_id)
    incident = await tools.book.change(incident_id, lambda each: _without(each, steps, begun))
    if all(action.cause != cause for action in incident.actions):
        await tools.cooling.take_back(incident.vm_id, cause, incident.id)
        await tools.limiter.give_back(incident.id, cause)
    by_hand = (*not_done(steps), About.of(incident).backup_now)
    await tools.waits.wait(incident, Wait(Awaited.JOB, cause, why, by_hand))


def _without(incident: Incident, steps: tuple[Step, ...], begun: set[str]) -> Incident:
    """The incident without the actions of these steps that never had an intent."""
    mine = {(step.kind.value, fold(step.target)) for step in steps}

    def kept(action: Action) -> bool:
        return (
            bool(action.outcome)
            or (action.kind, fold(action.target)) not in mine
            or fold(action.target) in begun
        )

    return replace(incident, actions=tuple(action for action in incident.actions if kept(action)))


def _ended(incident: Incident, steps: tuple[Step, ...], done: StepOutcome) -> Incident:
    mine = {(step.kind.value, fold(step.target)) for step in steps}
    actions = tuple(
        (
            replace(action, outcome=done.result, detail=done.detail)
            if (action.kind, fold(action.target)) in mine and not action.outcome
            else action
        )
        for action in incident.actions
    )
    return replace(incident, actions=actions)


async def settle(
    tools: Tools,
    incident_id: str,
    plan: Plan,
    outcomes: tuple[StepOutcome, ...],
    failed_at: str,
) -> bool:
    """After the last step: True when the fix is in place and its checker is silent, so
    that a backup has to show it; False when the incident was closed."""
    incident = await tools.book.get(incident_id)
    if incident is None or incident.ended:
        return False
    problems = [outcome.detail for outcome in outcomes if not outcome.done]
    if problems:
        await _hand_over(tools, incident, plan, problems, outcomes)
        return False
    finding = await check(tools, incident, failed_at, plan.cause)
    if finding.verdict is Verdict.CONFIRMED:
        problem = "the fix was carried out and its cause is still confirmed"
        await _hand_over(tools, incident, plan, [problem], outcomes)
        return False
    await tools.book.change(incident_id, _to_be_verified)
    result, detail = (
        f"{plan.cause} after the fix: {finding.verdict}",
        {"evidence": [str(each) for each in finding.evidence]},
    )
    await tools.journal.note(incident, "finding", result, detail=detail)
    return True


def _to_be_verified(incident: Incident) -> Incident:
    return replace(
        incident.moved(Status.VERIFYING, "a new backup has to show it", now=clock.now()),
        waiting=None,
    )


async def _hand_over(
    tools: Tools,
    incident: Incident,
    plan: Plan,
    problems: list[str],
    outcomes: tuple[StepOutcome, ...],
) -> None:
    """To a person, with the reason, what is left to do by hand, and the advice for the
    cause."""
    finding = next((each for each in incident.findings if each.cause == plan.cause), None)
    advice = advice_for(finding, About.of(incident)) if finding else ()
    begun = await tools.journal.intended(incident.id)
    if all(outcome.result is Outcome.REFUSED for outcome in outcomes) and not any(
        fold(step.target) in begun for step in plan.steps
    ):
        await tools.cooling.take_back(incident.vm_id, plan.cause, incident.id)
        await tools.limiter.give_back(incident.id, plan.cause)
    by_hand = tuple(step for outcome in outcomes for step in outcome.manual_steps)
    await unlocking.close_intents(
        tools, incident
    )  # before it ends: its window, and who looks after that, may be gone
    await tools.closing.close(
        incident.id, Status.NEEDS_PERSON, "; ".join(problems), (*by_hand, *advice)
    )


def advice_on_locks(incident: Incident) -> tuple[Sentence, ...]:
    """What the owner is told where the lock sits on a group that Azure Backup keeps its
    restore points in."""
    vm_group = fold(parse(incident.vm_id).resource_group)
    told = []
    for action in incident.actions:
        group = parse(group_of(action.target)).name
        if action.kind == StepKind.RESTORE_LOCKS and fold(group) != vm_group:
            told.append(
                phrase(
                    "unlock_backup_group",
                    group=group,
                    page="https://learn.microsoft.com/azure/backup/backup-azure-vm-backup-faq",
                )
            )
    return tuple(dict.fromkeys(told))
