"""Carries out a plan unit by unit, and settles the fix once all of it is over."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from shared import clock
from shared.arm_ids import fold, group_of, parse
from shared.codec import from_json, to_json
from shared.diagnosis.advice import About
from shared.diagnosis.check import check
from shared.errors import StoreUnavailable
from shared.execution import extension
from shared.execution.fixes.contract import Step, StepKind
from shared.execution.lock_window import turn as unlocking
from shared.execution.tools import StepOutcome, Tools, intended, note
from shared.incident.closing import close
from shared.incident.model import Action, Awaited, Incident, Status, Verdict
from shared.incident.waiting import Wait, not_done, wait
from shared.plan.planner import Plan, advice_for


async def carry_out(
    tools: Tools, incident_id: str, cause: str, unit_json: list[dict[str, Any]]
) -> dict[str, Any]:
    """One unit of a plan: the removal of an extension, or all steps in one resource
    group. Returns its StepOutcome.

    Safe to run again, after a crash or because it was busy: it first looks at what is
    already so.
    """
    steps = tuple(from_json(Step, each) for each in unit_json)
    if late := _too_late(await tools.book.get(incident_id)):
        stopped: dict[str, Any] = to_json(late)
        return stopped
    incident = await tools.book.change(incident_id, lambda each: _begun(each, steps, cause))
    try:
        done = await _carried_out(tools, incident, steps)
        if done.result == "waiting":
            await _put_off(tools, incident_id, steps, cause, done.detail)
    except StoreUnavailable as error:
        logging.warning("incident %s: %s", incident_id, error)
        done = StepOutcome("busy", f"the store does not answer: {error}")
    told: dict[str, Any] = to_json(done)
    return told


def _too_late(incident: Incident | None) -> StepOutcome | None:
    """Why an activity that is called again, after its answer was lost, changes nothing;
    None while the fix goes on."""
    if incident is not None and incident.ended:
        return StepOutcome("refused", "the incident has ended")
    if incident is not None and incident.status is Status.WAITING:
        return StepOutcome("waiting", incident.reason)
    return None


async def _carried_out(tools: Tools, incident: Incident, steps: tuple[Step, ...]) -> StepOutcome:
    if steps[0].kind is not StepKind.UNINSTALL_EXTENSION:
        done = await unlocking.take_turn(tools, incident, steps)
        if done.result not in ("refused", "waiting"):
            return done  # busy, or told to the incident by whoever led the window
    else:
        done = await extension.uninstall(tools, incident, steps[0])
    if done.result == "waiting":
        return done
    await tools.book.change(incident.id, lambda each: _ended(each, steps, done))
    for step in steps:
        await note(
            tools,
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
    begun = await intended(tools, incident_id)
    incident = await tools.book.change(incident_id, lambda each: _without(each, steps, begun))
    if all(action.cause != cause for action in incident.actions):
        await tools.cooling.take_back(incident.vm_id, cause, incident.id)
        await tools.limiter.give_back(incident.id, cause)
    await wait(tools, incident, Wait(Awaited.JOB, cause, why, not_done(steps)))


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
    plan_json: dict[str, Any],
    outcomes_json: list[dict[str, Any]],
    failed_at: str,
) -> dict[str, Any]:
    """After the last step: {"verify": true} when the fix is in place and its checker is
    silent, else the incident is closed."""
    plan = from_json(Plan, plan_json)
    outcomes = [from_json(StepOutcome, each) for each in outcomes_json]
    incident = await tools.book.get(incident_id)
    if incident is None or incident.ended:
        return {"verify": False}
    problems = [outcome.detail for outcome in outcomes if not outcome.done]
    if problems:
        await _hand_over(tools, incident, plan, problems, outcomes)
        return {"verify": False}
    finding = await check(tools, incident, failed_at, plan.cause)
    if finding["verdict"] == Verdict.CONFIRMED:
        await _hand_over(
            tools,
            incident,
            plan,
            ["the fix was carried out and its cause is still confirmed"],
            outcomes,
        )
        return {"verify": False}
    await tools.book.change(incident_id, _to_be_verified)
    await note(
        tools,
        incident,
        "finding",
        f"{plan.cause} after the fix: {finding['verdict']}",
        detail={"evidence": finding["evidence"]},
    )
    return {"verify": True}


def _to_be_verified(incident: Incident) -> Incident:
    return replace(
        incident.moved(Status.VERIFYING, "a new backup has to show it", now=clock.now()),
        waiting=None,
    )


async def _hand_over(
    tools: Tools, incident: Incident, plan: Plan, problems: list[str], outcomes: list[StepOutcome]
) -> None:
    """To a person, with the reason, what is left to do by hand, and the advice for the
    cause."""
    finding = next((each for each in incident.findings if each.cause == plan.cause), None)
    advice = advice_for(finding, About.of(incident)) if finding else ()
    begun = await intended(tools, incident.id)
    if all(outcome.result == "refused" for outcome in outcomes) and not any(
        fold(step.target) in begun for step in plan.steps
    ):
        await tools.cooling.take_back(incident.vm_id, plan.cause, incident.id)
        await tools.limiter.give_back(incident.id, plan.cause)
    by_hand = tuple(step for outcome in outcomes for step in outcome.manual_steps)
    await unlocking.close_intents(
        tools, incident
    )  # before it ends: its window, and who looks after that, may be gone
    await close(tools, incident.id, Status.NEEDS_PERSON, "; ".join(problems), (*by_hand, *advice))


def advice_on_locks(incident: Incident) -> tuple[str, ...]:
    """What the owner is told where the lock sits on a group that Azure Backup keeps its
    restore points in."""
    vm_group = fold(parse(incident.vm_id).resource_group)
    told = []
    for action in incident.actions:
        group = parse(group_of(action.target)).name
        if action.kind == StepKind.RESTORE_LOCKS and fold(group) != vm_group:
            told.append(
                f"The group {group} is Azure Backup's own, which deletes old restore points in it:"
                " under a lock they will pile up to 18 again and backups will fail again. Take the"
                " lock off that group for good; locks belong on groups that you made."
                " https://learn.microsoft.com/azure/backup/backup-azure-vm-backup-faq"
            )
    return tuple(dict.fromkeys(told))
