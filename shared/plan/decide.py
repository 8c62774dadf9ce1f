"""Findings and policy become a plan, or the reason why nothing is done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared import catalogue, clock
from shared.codec import from_json, to_english, to_json
from shared.diagnosis.advice import About, look_at_job, vm_gone
from shared.diagnosis.examine import in_order
from shared.execution.tools import Tools
from shared.facts import Absent
from shared.incident.model import Finding, Incident, Status, Verdict
from shared.incident.outcome import Outcome
from shared.plan.mode import ModeNotKnown, mode_now
from shared.plan.planner import NoPlan, Plan, plan, units
from shared.plan.policy import Mode

ANY_MODE = Mode("auto", "asked only for what would be changed")
FIXES = tuple(cause.fix.kind for cause in catalogue.CAUSES if cause.fix)


async def decide(tools: Tools, incident_id: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    """{"plan": {...}, "units": [...]} when there is a fix to begin in its turn;
    {"plan": None, "verify": bool} when none does: closed, or only to be verified."""
    incident = await tools.book.get(incident_id)
    if incident is None or incident.ended:
        return {"plan": None, "verify": False}
    slugs = [cause.slug for cause in catalogue.causes_of(incident.code_now)]
    findings = in_order((from_json(Finding, each) for each in found), slugs)
    incident = await tools.book.change(incident_id, lambda each: replace(each, findings=findings))
    for finding in findings:
        told: dict[str, Any] = {
            "verdict": finding.verdict.value,
            "evidence": [str(each) for each in finding.evidence],
        }
        await tools.journal.note(
            incident, "finding", f"{finding.cause}: {finding.verdict}", detail=told
        )
    if _only_to_be_verified(incident, findings):
        reason = "the fix was in place before its process died; a new backup has to show it"
        await tools.limiter.leave(incident_id)
        await tools.book.change(
            incident_id,
            lambda each: _found_done(
                each.moved(Status.VERIFYING, reason, now=clock.now()), findings
            ),
        )
        await tools.journal.note(incident, "plan", f"no change: {reason}")
        return {"plan": None, "verify": True}
    decided = await _decided(tools, incident, findings)
    if isinstance(decided, NoPlan):
        told = {"would": to_english(decided.would) if decided.would else None}
        await tools.journal.note(incident, "plan", f"no change: {decided.reason}", detail=told)
        await tools.closing.close(incident_id, decided.status, decided.reason, decided.manual_steps)
        return {"plan": None, "verify": False}
    await tools.book.change(
        incident_id, lambda each: each.moved(Status.FIXING, decided.fix, now=clock.now())
    )
    await tools.journal.note(
        incident,
        "plan",
        f"{decided.fix} because of {decided.cause}",
        detail=to_english(decided),
    )
    return {"plan": to_json(decided), "units": to_json(units(decided))}


def _only_to_be_verified(incident: Incident, findings: tuple[Finding, ...]) -> bool:
    """A fix was begun before the engine lost the incident, nothing is confirmed any
    more, and no backup has shown it yet."""
    begun = any(
        action.kind in FIXES and action.outcome in (Outcome.UNDER_WAY, Outcome.DONE)
        for action in incident.actions
    )
    confirmed = any(finding.verdict is Verdict.CONFIRMED for finding in findings)
    return begun and not confirmed and incident.verification is None


def _found_done(incident: Incident, findings: tuple[Finding, ...]) -> Incident:
    """Only where its cause is seen to be gone: what cannot be read is not done, and may
    be tried again."""
    told, gone = (
        "found so after its process died",
        {each.cause for each in findings if each.verdict is Verdict.RULED_OUT},
    )
    actions = tuple(
        (
            replace(each, outcome=Outcome.DONE, detail=told)
            if not each.outcome and each.cause in gone
            else each
        )
        for each in incident.actions
    )
    return replace(incident, actions=actions, waiting=None)


async def _decided(
    tools: Tools, incident: Incident, findings: tuple[Finding, ...]
) -> Plan | NoPlan:
    vm = await tools.reader.virtual_machine(incident.vm_id)
    if isinstance(vm, Absent):
        return NoPlan(
            Status.NEEDS_PERSON, f"{vm.what} does not exist any more", vm_gone(About.of(incident))
        )
    lately = await tools.cooling.fixed_lately(incident.vm_id, incident.id)
    wanted = plan(incident, findings, ANY_MODE, lately)
    mode = await mode_now(
        tools.settings.mode,
        tools.reader,
        incident,
        [step.target for step in wanted.steps] if isinstance(wanted, Plan) else (),
    )
    if isinstance(mode, ModeNotKnown):
        return NoPlan(
            Status.NEEDS_PERSON,
            f"held back: {mode.reason}",
            (look_at_job(incident), About.of(incident).backup_now),
        )
    return plan(incident, findings, mode, lately)
