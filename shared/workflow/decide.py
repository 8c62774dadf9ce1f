"""Findings and policy become a plan, or the reason why nothing is done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared import catalogue, clock
from shared.advice import About, look_at_job, vm_gone
from shared.codec import from_json, to_json
from shared.diagnosis.examine import in_order
from shared.execution.guards import mode_now
from shared.execution.tools import Tools, note
from shared.facts import Absent
from shared.incident.model import Finding, Incident, Status
from shared.plan.planner import NoPlan, Plan, plan
from shared.workflow.close import close


async def decide(tools: Tools, incident_id: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    """{"plan": {...}} when a fix begins, {"plan": None} when the incident was closed instead."""
    incident = await tools.book.get(incident_id)
    if incident is None or incident.ended:
        return {"plan": None}
    slugs = [cause.slug for cause in catalogue.causes_of(incident.code_now)]
    findings = in_order((from_json(Finding, each) for each in found), slugs)
    incident = await tools.book.change(incident_id, lambda each: replace(each, findings=findings))
    for finding in findings:
        told: dict[str, Any] = {"verdict": finding.verdict.value, "evidence": list(finding.evidence)}
        await note(tools, incident, "finding", f"{finding.cause}: {finding.verdict}", detail=told)
    decided = await _decided(tools, incident, findings)
    if isinstance(decided, NoPlan):
        told = {"would": to_json(decided.would) if decided.would else None}
        await note(tools, incident, "plan", f"no change: {decided.reason}", detail=told)
        await close(tools, incident_id, decided.status, decided.reason, decided.manual_steps)
        return {"plan": None}
    await tools.book.change(incident_id, lambda each: each.moved(Status.FIXING, decided.fix, now=clock.now()))
    await note(tools, incident, "plan", f"{decided.fix} because of {decided.cause}", detail=to_json(decided))
    return {"plan": to_json(decided)}


async def _decided(tools: Tools, incident: Incident, findings: tuple[Finding, ...]) -> Plan | NoPlan:
    vm = await tools.reader.virtual_machine(incident.vm_id)
    if isinstance(vm, Absent):
        return NoPlan(Status.NEEDS_PERSON, f"{vm.what} does not exist any more", vm_gone(About.of(incident)))
    mode = await mode_now(tools, incident)
    if isinstance(mode, str):
        return NoPlan(Status.NEEDS_PERSON, f"held back: {mode}", (look_at_job(incident), About.of(incident).backup_now))
    decided = plan(incident, findings, mode)
    if isinstance(decided, Plan) and not await tools.limiter.take(f"{incident.id}/{decided.cause}"):
        reason = f"held back: the limit of {tools.settings.changes_per_hour} changes an hour is reached"
        return NoPlan(Status.NEEDS_PERSON, reason, tuple(f"Not done by us: {step.says}" for step in decided.steps), decided)
    return decided
