"""Before the causes are examined: is the failure still there, and does a job of the VM
run?

1. A later backup of the VM completed: the incident is ignored. One failed: it is this
   incident's newest failure, and is diagnosed.
2. While a job of the VM runs in any vault the incident waits: what the job does would
   be taken for a cause.
3. What the log of a workspace tells is read, where one is configured: evidence only.

A diagnosis goes on without what cannot be read. After a change of ours neither is
asked: only a backup of our own can show that the change worked.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from shared import clock
from shared.audit.journal import Journal
from shared.azure.one_look import OneLook
from shared.diagnosis import later
from shared.diagnosis.advice import About, look_at_job
from shared.diagnosis.check import gather, to_diagnose
from shared.diagnosis.later import begun_since
from shared.diagnosis.log_evidence import record_log_evidence
from shared.diagnosis.running_job import (
    find_vaults,
    job_running,
    job_running_since,
    why_later,
)
from shared.diagnosis.stage import Diagnosis
from shared.facts import Job, Unreadable, why_unread
from shared.incident.book import IncidentBook
from shared.incident.model import Awaited, Incident
from shared.incident.next_step import STOP, NextStep
from shared.incident.status import Status
from shared.incident.waiting import Wait


async def before_diagnosis(diagnosis: Diagnosis, incident_id: str, failed_at: str) -> NextStep:
    """DIAGNOSE, WAIT or STOP, for the failure of `failed_at`. Idempotent.

    Raises StoreUnavailable.
    """
    incident = await diagnosis.book.get(incident_id)
    if incident is None or not incident.at_work:
        return STOP
    if incident.actions and incident.verification is None:
        return await _gather(diagnosis, incident, failed_at)
    reader, asked_at = OneLook(diagnosis.reader.clients), clock.now()
    found = await later.look(reader, incident, failed_at)
    if isinstance(found, later.Healed):
        await diagnosis.closing.close(incident_id, Status.IGNORED, found.reason)
        return STOP
    if isinstance(found, Unreadable):
        result = why_unread("a later backup completed", found)
        await diagnosis.journal.note(incident, "diagnosis", result)
    elif found is not None:
        incident = await later.take_up(diagnosis.book, incident, found) or incident
    job = await _running_job(reader, incident, failed_at)
    if isinstance(job, Job):
        return await _wait_for(diagnosis, incident, job)
    if incident.status is Status.WAITING:
        reason = "the wait is over; the causes are examined now"
        incident = await back_to_diagnosis(diagnosis.book, diagnosis.journal, incident_id, reason)
    known = job is None and not isinstance(found, Unreadable)
    vaults = await find_vaults(reader, incident) if known else ()
    if isinstance(vaults, Unreadable) or not vaults:
        return await _gather(diagnosis, incident, failed_at)
    return await _gather(diagnosis, incident, failed_at, asked_at, vaults)


async def _running_job(
    reader: OneLook, incident: Incident, failed_at: str
) -> Job | Unreadable | None:
    if not clock.normal(failed_at):
        return await job_running(reader, incident)
    return await job_running_since(reader, incident, begun_since(failed_at))


async def _gather(
    diagnosis: Diagnosis,
    incident: Incident,
    failed_at: str,
    jobs_at: str = "",
    vaults: tuple[str, ...] = (),
) -> NextStep:
    """DIAGNOSE, with the facts on record, and what the log tells. `jobs_at`, `vaults`:
    when and where it was seen that no job runs."""
    step = diagnose_newest(incident, failed_at)
    facts, _ = await asyncio.gather(
        gather(diagnosis, incident, step.failed_at, step.causes),
        record_log_evidence(diagnosis, incident.id, step.failed_at),
    )
    facts = replace(facts, jobs_at=jobs_at, vaults=vaults)
    await diagnosis.book.change(incident.id, lambda each: replace(each, facts=facts))
    return step


async def _wait_for(diagnosis: Diagnosis, incident: Incident, job: Job) -> NextStep:
    cause = incident.waiting.cause if incident.waiting else ""
    steps = (look_at_job(incident), About.of(incident).backup_now)
    return await diagnosis.waits.wait(incident, Wait(Awaited.JOB, cause, why_later(job), steps))


async def back_to_diagnosis(
    book: IncidentBook, journal: Journal, incident_id: str, reason: str
) -> Incident:
    """The incident in status DIAGNOSING, on record; one that has ended stays as it is.
    Raises StoreUnavailable."""

    def change(incident: Incident) -> Incident:
        if incident.ended:
            return incident
        return incident.moved(Status.DIAGNOSING, reason, now=clock.now())

    changed = await book.change(incident_id, change)
    await journal.note(changed, "status", f"{changed.status}: {reason}")
    return changed


def diagnose_newest(incident: Incident, failed_at: str) -> NextStep:
    """DIAGNOSE the newest known failure: that of `failed_at`, or a later one."""
    newest = incident.newest_failure
    began = max(newest.began_at if newest else "", clock.normal(failed_at)) or failed_at
    return to_diagnose(incident, began)
