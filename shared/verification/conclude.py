"""The end of the verifying backup, or of the second try: only a completed one makes an
incident fixed, if its recovery point does not show that the VM agent is still broken.
One that failed leads back to the diagnosis."""

from __future__ import annotations

from dataclasses import replace

from shared import clock
from shared.arm_ids import fold
from shared.diagnosis.check import to_diagnose
from shared.diagnosis.witness import code_of
from shared.facts import Absent, Job, Unreadable
from shared.incident.model import NOT_FOUND, ORDER, TIMED_OUT, Incident, Verification
from shared.incident.next_step import STOP, Next, NextStep
from shared.incident.outcome import Outcome
from shared.incident.status import Status
from shared.vault_facts import RecoveryPoint
from shared.verification.coming_back import tell_return
from shared.verification.follow import has_time_left
from shared.verification.recovery_point import (
    Point,
    Told,
    find_point,
    judge_point,
    may_be_crash_consistent,
)
from shared.verification.second_try import hand_over, name_backup, record_end, tell_fixed
from shared.verification.stage import Verifying


async def conclude(verifying: Verifying, incident_id: str) -> NextStep:
    """STOP: fixed, or with a person. DIAGNOSE: it failed again. VERIFY: its job cannot
    be read now, so follow it on. Raises StoreUnavailable."""
    incident = await verifying.book.get(incident_id)
    if incident is None or not incident.at_work or incident.verification is None:
        return STOP
    job = await verifying.reader.job(incident.vault_id, incident.verification.job_id)
    if isinstance(job, Unreadable) and has_time_left(verifying, incident.verification):
        return NextStep(Next.VERIFY)
    if isinstance(job, Absent):
        gone = replace(incident.verification, outcome=NOT_FOUND)
        await verifying.book.change(incident_id, lambda each: replace(each, verification=gone))
    if isinstance(job, Absent | Unreadable):
        return await _ask_person(verifying, incident, job.why)
    shown = _end_of(incident.verification, job)
    point = await _find_point(verifying, incident, job) if shown.completed else None
    if isinstance(point, RecoveryPoint):
        shown = replace(shown, point_type=point.type)
    incident = await verifying.book.change(incident_id, lambda each: _record(each, shown))
    detail = {"job": job.name, "error_code": shown.error_code, "point_type": shown.point_type}
    result = f"job {job.name} ended: {shown.outcome}"
    await verifying.journal.note(incident, ORDER, result, detail=detail)
    reason = f"the {name_backup(incident)} {job.name} is {shown.outcome}"
    if shown.completed:
        return await _end_completed(verifying, incident, point, reason)
    if fold(shown.outcome) != "failed":
        return await _ask_person(verifying, incident, reason)
    return await _diagnose_again(verifying, incident, job)


async def _find_point(verifying: Verifying, incident: Incident, job: Job) -> Point | None:
    if not await may_be_crash_consistent(verifying.reader, incident):
        return None
    return await find_point(verifying.reader, incident.item_id, job)


async def _end_completed(
    verifying: Verifying, incident: Incident, point: Point | None, reason: str
) -> NextStep:
    """Fixed; with a person where the new point shows that the agent is still broken."""
    told = await judge_point(verifying.reader, incident, point) if point else Told("")
    left, steps = tell_fixed(incident)
    reason = f"{reason}; {told.says}" if told.says else reason
    if told.steps:
        reason = f"backed up, but a person is needed: {reason}"
        steps = (*told.steps, *steps)
    elif incident.is_second_try:
        reason = f"no cause found, passed on retry: {reason}"
    elif returns := await tell_return(verifying, incident):
        reason = f"{reason}; {returns}"
    status = Status.NEEDS_PERSON if told.steps else Status.FIXED
    await verifying.closing.close(incident.id, status, f"{reason}{left}", steps)
    return STOP


def _end_of(shown: Verification, job: Job) -> Verification:
    outcome = job.status if job.ended else TIMED_OUT
    code = code_of(job) if fold(outcome) == "failed" else ""
    began_at = clock.normal(job.start_time)
    return replace(shown, outcome=outcome, error_code=code, began_at=began_at)


def _record(incident: Incident, shown: Verification) -> Incident:
    outcome = Outcome.DONE if shown.completed else Outcome.FAILED
    detail = f"job {shown.job_id} is {shown.outcome}"
    return record_end(replace(incident, verification=shown), outcome, detail)


async def _ask_person(verifying: Verifying, incident: Incident, problem: str) -> NextStep:
    reason, steps = hand_over(
        incident,
        fixed=f"not shown to work: {problem}",
        tried=f"the backup was run again: {problem}",
    )
    await verifying.book.change(incident.id, lambda each: record_end(each, Outcome.FAILED, problem))
    await verifying.closing.close(incident.id, Status.NEEDS_PERSON, reason, steps)
    return STOP


async def _diagnose_again(verifying: Verifying, incident: Incident, job: Job) -> NextStep:
    """Go on with the causes of the new code; each fix is tried once, so this ends."""
    what = f"the {name_backup(incident)} {job.name}"
    reason = f"{what} failed with {incident.code_now or 'an unknown code'}"
    incident = await verifying.book.change(
        incident.id, lambda each: each.moved(Status.DIAGNOSING, reason, now=clock.now())
    )
    await verifying.journal.note(incident, "status", f"diagnosing again: {reason}")
    return to_diagnose(incident, job.start_time)
