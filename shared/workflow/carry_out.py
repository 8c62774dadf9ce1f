"""Carries out one step of a plan, and settles the fix once all its steps are over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from shared import clock
from shared.advice import About
from shared.arm_ids import group_of, parse
from shared.codec import from_json, to_json
from shared.execution import collection, extension, locks
from shared.execution.tools import StepOutcome, Tools, note
from shared.fixes.contract import Step, StepKind
from shared.incident.model import Action, Incident, Status, Verdict
from shared.plan.planner import Plan, advice_for
from shared.workflow.check import check
from shared.workflow.close import close

STEPS: dict[StepKind, Callable[[Tools, Incident, Step], Awaitable[StepOutcome]]] = {
    StepKind.UNINSTALL_EXTENSION: extension.uninstall,
    StepKind.LIFT_LOCKS: locks.lift,
    StepKind.DELETE_COLLECTION: collection.delete,
    StepKind.RESTORE_LOCKS: locks.restore,
}


async def carry_out(tools: Tools, incident_id: str, cause: str, step_json: dict[str, Any]) -> dict[str, Any]:
    """One step. Safe to run again after a crash: every step first looks at what is already so. Returns its StepOutcome."""
    step = from_json(Step, step_json)
    incident = await tools.book.change(incident_id, lambda each: _with_action(each, step, cause, "", ""))
    outcome = await STEPS[step.kind](tools, incident, step)
    if outcome.result != "busy":
        await tools.book.change(incident_id, lambda each: _with_action(each, step, cause, outcome.result, outcome.detail))
        await note(tools, incident, "step", f"{step.kind}: {outcome.result}", target=step.target, detail={"detail": outcome.detail})
    told: dict[str, Any] = to_json(outcome)
    return told


def _with_action(incident: Incident, step: Step, cause: str, outcome: str, detail: str) -> Incident:
    """The incident with this step's action, new or brought up to date."""
    action = Action(step.kind.value, step.target, outcome, cause, detail)
    others = tuple(each for each in incident.actions if (each.kind, each.target) != (action.kind, action.target))
    return replace(incident, actions=(*others, action))


async def settle(
    tools: Tools, incident_id: str, plan_json: dict[str, Any], outcomes_json: list[dict[str, Any]], failed_at: str
) -> dict[str, Any]:
    """After the last step: {"verify": true} when the fix is in place and its checker is silent, else the incident is closed."""
    plan = from_json(Plan, plan_json)
    outcomes = [from_json(StepOutcome, each) for each in outcomes_json]
    incident = await tools.book.get(incident_id)
    if incident is None or incident.ended:
        return {"verify": False}
    problems = [outcome.detail for outcome in outcomes if not outcome.done]
    if problems:
        await _hand_over(tools, incident, plan, problems, outcomes)
        return {"verify": False}
    finding = await check(tools, incident.vm_id, failed_at, plan.cause)
    if finding["verdict"] == Verdict.CONFIRMED:
        await _hand_over(tools, incident, plan, ["the fix was carried out and its cause is still confirmed"], outcomes)
        return {"verify": False}
    await tools.book.change(incident_id, lambda each: each.moved(Status.VERIFYING, "a new backup has to show it", now=clock.now()))
    await note(
        tools, incident, "finding", f"{plan.cause} after the fix: {finding['verdict']}", detail={"evidence": finding["evidence"]}
    )
    return {"verify": True}


async def _hand_over(tools: Tools, incident: Incident, plan: Plan, problems: list[str], outcomes: list[StepOutcome]) -> None:
    """To a person, with the reason, what is left to do by hand, and the advice for the cause."""
    finding = next((each for each in incident.findings if each.cause == plan.cause), None)
    advice = advice_for(finding, About.of(incident)) if finding else ()
    by_hand = tuple(step for outcome in outcomes for step in outcome.manual_steps)
    await close(tools, incident.id, Status.NEEDS_PERSON, "; ".join(problems), (*by_hand, *advice))


def advice_on_locks(incident: Incident) -> tuple[str, ...]:
    """What the owner is told where the lock sits on a group that Azure Backup keeps its restore points in."""
    vm_group = parse(incident.vm_id).resource_group.casefold()
    told = []
    for action in incident.actions:
        group = parse(group_of(action.target)).name
        if action.kind == StepKind.RESTORE_LOCKS and group.casefold() != vm_group:
            told.append(
                f"The lock on {group} is back, as it was. That group is Azure Backup's own, which deletes old restore points in it:"
                " under this lock they will pile up to 18 again and backups will fail again. Take the lock off that group for good;"
                " locks belong on groups that you made. https://learn.microsoft.com/azure/backup/backup-azure-vm-backup-faq"
            )
    return tuple(dict.fromkeys(told))
