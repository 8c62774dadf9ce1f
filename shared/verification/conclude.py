"""The end of the verifying backup: only a completed one makes an incident fixed. One
that failed leads back to the diagnosis."""

from __future__ import annotations

from dataclasses import replace

from shared import clock
from shared.arm_ids import fold
from shared.diagnosis.advice import About
from shared.diagnosis.check import to_diagnose
from shared.diagnosis.witness import code_of
from shared.execution.fixes.delete_restore_point_collection import advise_on_locks
from shared.facts import Absent, Job, Unreadable
from shared.incident.model import ORDER, Incident, Verification
from shared.incident.next_step import STOP, Next, NextStep
from shared.incident.status import Status
from shared.verification.follow import has_time_left
from shared.verification.stage import Verifying


async def conclude(verifying: Verifying, incident_id: str) -> NextStep:
    """STOP: fixed, or with a person. DIAGNOSE: it failed again. VERIFY: its job cannot
    be read now, so follow it on. Raises StoreUnavailable."""
    incident = await verifying.book.get(incident_id)
    if incident is None or incident.ended or incident.verification is None:
        return STOP
    job = await verifying.reader.job(incident.vault_id, incident.verification.job_id)
    if isinstance(job, Unreadable) and has_time_left(verifying, incident.verification):
        return NextStep(Next.VERIFY)
    if isinstance(job, Absent | Unreadable):
        return await _ask_person(verifying, incident, job.why)
    shown = _end_of(incident.verification, job)
    incident = await verifying.book.change(
        incident_id, lambda each: replace(each, verification=shown)
    )
    detail = {"job": job.name, "error_code": shown.error_code}
    result = f"job {job.name} ended: {shown.outcome}"
    await verifying.journal.note(incident, ORDER, result, detail=detail)
    reason = f"the verifying backup {job.name} is {shown.outcome}"
    if shown.completed:
        steps = advise_on_locks(incident)
        await verifying.closing.close(incident_id, Status.FIXED, reason, steps)
        return STOP
    if fold(shown.outcome) != "failed":
        return await _ask_person(verifying, incident, reason)
    return await _diagnose_again(verifying, incident, job)


def _end_of(shown: Verification, job: Job) -> Verification:
    outcome = job.status if job.ended else "timed out"
    code = code_of(job) if fold(outcome) == "failed" else ""
    began_at = clock.normal(job.start_time)
    return replace(shown, outcome=outcome, error_code=code, began_at=began_at)


async def _ask_person(verifying: Verifying, incident: Incident, problem: str) -> NextStep:
    reason = f"the fix is in place, but not shown to work: {problem}"
    steps = (About.of(incident).backup_now, *advise_on_locks(incident))
    await verifying.closing.close(incident.id, Status.NEEDS_PERSON, reason, steps)
    return STOP


async def _diagnose_again(verifying: Verifying, incident: Incident, job: Job) -> NextStep:
    """Go on with the causes of the new code; each fix is tried once, so this ends."""
    reason = f"the verifying backup failed with {incident.code_now or 'an unknown code'}"
    incident = await verifying.book.change(
        incident.id, lambda each: each.moved(Status.DIAGNOSING, reason, now=clock.now())
    )
    await verifying.journal.note(incident, "status", f"diagnosing again: {reason}")
    return to_diagnose(incident, job.start_time)
