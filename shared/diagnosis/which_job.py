"""For an event that names no job: the failed backup of that VM in the vault that it
must be about, and whether that failure is known already."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared import clock
from shared.arm_ids import parse
from shared.audit.journal import Journal
from shared.azure.reader import ArmReader
from shared.diagnosis.witness import NotWitnessed
from shared.facts import Absent, Job, Unreadable
from shared.incident.book import IncidentBook
from shared.incident.model import Incident
from shared.incident.status import Status

BEFORE_HOURS, AFTER_MINUTES = 24, 30
"""A job that failed began at most a day before the event reported it; metrics and logs
come up to half an hour late."""


async def find_job(
    book: IncidentBook, journal: Journal, reader: ArmReader, incident: Incident
) -> Incident | NotWitnessed:
    """The incident with its job, claimed; or why there is none to work on.

    Raises StoreUnavailable.
    """
    job = await _last_failure(reader, incident)
    if isinstance(job, NotWitnessed):
        return job
    claim = await book.claim_job(incident.vault_id, job.name, incident.id)
    if claim.incident_id != incident.id and not await _is_history_of(
        book, claim.incident_id, incident.id
    ):
        return NotWitnessed(
            Status.IGNORED,
            f"the failed job is {job.name}, which is the incident {claim.incident_id} already",
        )
    changed = await book.change(incident.id, lambda each: replace(each, job_id=job.name))
    result = f"the event names no job; it is {job.name}, the last failed backup of the VM"
    await journal.note(changed, "diagnosis", result)
    return changed


async def _last_failure(reader: ArmReader, incident: Incident) -> Job | NotWitnessed:
    reported = _as_time(incident.fired_at or incident.opened_at)
    since = reported - timedelta(hours=BEFORE_HOURS)
    until = reported + timedelta(minutes=AFTER_MINUTES)
    jobs = await reader.failed_backups(incident.vault_id, since, until)
    if isinstance(jobs, Absent | Unreadable):
        return NotWitnessed(Status.NEEDS_PERSON, f"the event names no job, and {jobs.why}")
    vm = parse(incident.vm_id)
    ours = [job for job in jobs if job.is_of(vm.name, vm.resource_group)]
    if not ours:
        return NotWitnessed(
            Status.NEEDS_PERSON,
            f"the event names no job, and the vault has no failed backup of {vm.name} in the day"
            " before it",
        )
    return sorted(ours, key=lambda job: job.start_time)[-1]


async def _is_history_of(book: IncidentBook, other_id: str, incident_id: str) -> bool:
    """Whether the other incident was set aside because this one was at work: then
    nobody but this one works on its job."""
    other = await book.get(other_id)
    return other is not None and other.part_of == incident_id


def _as_time(text: str) -> datetime:
    return clock.as_time(text).astimezone(UTC)
