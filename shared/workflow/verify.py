"""Last stage: a new backup, followed to its end. Only a completed one makes an incident fixed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from shared import catalogue, clock
from shared.advice import About
from shared.arm_ids import fold, parse
from shared.diagnosis.failure import of_job
from shared.errors import AzureCallFailed
from shared.execution import guards
from shared.execution.locks import put_back_of_incident
from shared.execution.tools import Tools, change, note, open_intents, outcome
from shared.facts import Absent, Job, Unreadable
from shared.incident.model import Incident, Status, Verification
from shared.workflow.begin import causes
from shared.workflow.carry_out import advice_on_locks
from shared.workflow.close import close

KIND = "backup"
ALREADY_RUNNING = ("UserErrorBackupOperationInProgress", "SystemBackupOperationInProgress")
LOOKS = 20
"""How often the new job is looked for before its number is given up."""


async def start_backup(tools: Tools, incident_id: str) -> dict[str, Any]:
    """Start the verifying backup, or take up the one that runs. {"job_id": ...}, or {"job_id": ""} when the incident was closed."""
    incident = await tools.book.get(incident_id)
    if incident is None or incident.ended:
        return {"job_id": ""}
    if incident.verification and not incident.verification.outcome:
        return {"job_id": incident.verification.job_id}
    await _close_intent(tools, incident)
    if problem := await guards.switched_off(tools, incident):
        return await _gave_up(tools, incident, f"the fix is in place, but no backup is started to show it: {problem}")
    try:
        job_id = await _running(tools, incident) or await _started(tools, incident)
    except AzureCallFailed as error:
        return await _gave_up(tools, incident, f"the fix is in place, but the verifying backup could not be started: {error}")
    if not job_id:
        return await _gave_up(tools, incident, "the verifying backup was accepted, but its job was never seen")
    await tools.book.claim_verification(incident.vault_id, job_id, incident.id)
    await tools.book.change(incident_id, lambda each: replace(each, verification=Verification(job_id)))
    await note(tools, incident, KIND, f"following job {job_id}", detail={"job": job_id, "vault": incident.vault_id})
    return {"job_id": job_id}


async def _gave_up(tools: Tools, incident: Incident, reason: str) -> dict[str, Any]:
    await close(tools, incident.id, Status.NEEDS_PERSON, reason, (About.of(incident).backup_now, *advice_on_locks(incident)))
    return {"job_id": ""}


async def _close_intent(tools: Tools, incident: Incident) -> None:
    """A backup that was ordered right before the process died: its job is looked for among the running ones."""
    for kind, target in await open_intents(tools, incident.id):
        if kind == KIND:
            await outcome(tools, incident, KIND, target, "not known: the process ended before the answer was on record", "")


async def _started(tools: Tools, incident: Incident) -> str:
    """The job's id, or "" when Azure Backup never named one. An answer that was lost is looked for among the running jobs."""
    begun = []

    async def call() -> str:
        answer = await tools.writer.start_backup(incident.vault_id, incident.container_name, incident.item_name)
        begun.append(answer.value)
        return answer.correlation_id

    try:
        await change(tools, incident, KIND, incident.item_id, call)
    except AzureCallFailed as error:
        if error.permanent and error.code not in ALREADY_RUNNING:
            raise
        if job_id := await _running(tools, incident):
            return job_id
        raise
    return await _named(tools, incident, begun[0])


async def _named(tools: Tools, incident: Incident, begun: Any) -> str:
    for _ in range(LOOKS):
        job_id = await tools.writer.started_job(incident.vault_id, incident.container_name, incident.item_name, begun)
        if job_id:
            return job_id
        await asyncio.sleep(min(tools.settings.poll_seconds, tools.settings.job_poll_seconds))
    return ""


async def _running(tools: Tools, incident: Incident) -> str:
    """Id of a backup of this VM that runs already, or ""."""
    jobs = await tools.reader.running_jobs(incident.vault_id)
    if isinstance(jobs, Absent | Unreadable):
        return ""
    vm = parse(incident.vm_id)
    ours = [job for job in jobs if fold(job.operation) == "backup" and job.is_of(vm.name, vm.resource_group)]
    return ours[0].name if ours else ""


async def look(tools: Tools, incident_id: str) -> dict[str, Any]:
    """{"ended": bool}: one look at the verifying job. What cannot be read has not ended."""
    incident = await tools.book.get(incident_id)
    if incident is None or incident.verification is None:
        return {"ended": True}
    job = await tools.reader.job(incident.vault_id, incident.verification.job_id)
    return {"ended": isinstance(job, Absent) or (isinstance(job, Job) and job.ended)}


async def conclude(tools: Tools, incident_id: str) -> dict[str, Any]:
    """What the verifying backup says: fixed, go on with the next cause ({"next": "diagnose", ...}), or a person ({"next": "stop"})."""
    incident = await tools.book.get(incident_id)
    if incident is None or incident.ended or incident.verification is None:
        return {"next": "stop"}
    job = await tools.reader.job(incident.vault_id, incident.verification.job_id)
    if isinstance(job, Absent | Unreadable):
        await _not_shown(tools, incident, f"its job cannot be read: {guards.why(job)}")
        return {"next": "stop"}
    ended = job.status if job.ended else "timed out"
    shown = Verification(job.name, ended, of_job(job) if fold(ended) == "failed" else "", clock.normal(job.start_time))
    incident = await tools.book.change(incident_id, lambda each: replace(each, verification=shown))
    await note(tools, incident, KIND, f"job {job.name} ended: {ended}", detail={"job": job.name, "error_code": shown.error_code})
    if fold(ended) in ("completed", "completedwithwarnings"):
        left = [step for each in await put_back_of_incident(tools, incident_id) for step in each.manual_steps]
        steps = (*left, *advice_on_locks(incident))
        await close(tools, incident_id, Status.FIXED, f"the verifying backup {job.name} is {ended}", steps)
        return {"next": "stop"}
    if fold(ended) != "failed":
        await _not_shown(tools, incident, f"the verifying backup {job.name} is {ended}")
        return {"next": "stop"}
    return await _failed_again(tools, incident, job)


async def _not_shown(tools: Tools, incident: Incident, reason: str) -> None:
    left = [step for each in await put_back_of_incident(tools, incident.id) for step in each.manual_steps]
    steps = (*left, About.of(incident).backup_now, *advice_on_locks(incident))
    await close(tools, incident.id, Status.NEEDS_PERSON, f"the fix is in place, but not shown to work: {reason}", steps)


async def _failed_again(tools: Tools, incident: Incident, job: Job) -> dict[str, Any]:
    """Go on with the causes of the new code; each fix is tried once, so this ends."""
    reason = f"the verifying backup failed with {incident.code_now or 'an unknown code'}"
    incident = await tools.book.change(incident.id, lambda each: each.moved(Status.DIAGNOSING, reason, now=clock.now()))
    await note(tools, incident, "status", f"diagnosing again: {reason}")
    known = catalogue.error_code(incident.code_now) is not None
    return {"next": "diagnose", "failed_at": job.start_time, "known": known, **causes(incident)}
