"""For an event that names no job: the failed backup of that VM in the vault that it
must be about, and whether it is known already."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared import clock
from shared.arm_ids import parse
from shared.diagnosis.witness import NotWitnessed
from shared.execution.tools import Tools
from shared.facts import Absent, Unreadable
from shared.incident.model import Incident, Status

BEFORE_HOURS, AFTER_MINUTES = 24, 30
"""A job that failed began at most a day before the event told of it; metrics and logs
come up to half an hour late."""


async def job_of(tools: Tools, incident: Incident) -> Incident | NotWitnessed:
    """The incident with its job, claimed; or why there is none to work on."""
    told = _moment(incident.fired_at or incident.opened_at)
    since, until = told - timedelta(hours=BEFORE_HOURS), told + timedelta(minutes=AFTER_MINUTES)
    jobs = await tools.reader.failed_backups(incident.vault_id, since, until)
    if isinstance(jobs, Absent | Unreadable):
        return NotWitnessed(Status.NEEDS_PERSON, f"the event names no job, and {jobs.why}")
    vm = parse(incident.vm_id)
    ours = sorted(
        (job for job in jobs if job.is_of(vm.name, vm.resource_group)),
        key=lambda job: job.start_time,
    )
    if not ours:
        return NotWitnessed(
            Status.NEEDS_PERSON,
            f"the event names no job, and the vault has no failed backup of {vm.name} in the day"
            " before it",
        )
    job = ours[-1]
    claim = await tools.book.claim_job(incident.vault_id, job.name, incident.id)
    if claim.incident_id != incident.id and not await _history_of(
        tools, claim.incident_id, incident.id
    ):
        return NotWitnessed(
            Status.IGNORED,
            f"the failed job is {job.name}, which is the incident {claim.incident_id} already",
        )
    changed = await tools.book.change(incident.id, lambda each: replace(each, job_id=job.name))
    await tools.journal.note(
        changed,
        "diagnosis",
        f"the event names no job; it is {job.name}, the last failed backup of the VM",
    )
    return changed


async def _history_of(tools: Tools, other_id: str, incident_id: str) -> bool:
    """Whether the other incident was set aside because this one was at work: then
    nobody but this one works on its job."""
    other = await tools.book.get(other_id)
    return other is not None and other.part_of == incident_id


def _moment(text: str) -> datetime:
    return clock.as_time(text).astimezone(UTC)
