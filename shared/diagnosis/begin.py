"""The first stage of an incident's work: the job in the vault is heard as a witness,
and the error code that it names chooses the causes to examine.

1. An incident that was begun before is recovered first, by execution.
2. One incident at a time works on a VM: another one ends as part of its history.
3. A verifying backup that runs or has completed is followed to its end, and one that
   was being ordered is ordered, whatever the mode is by now.
4. Otherwise nothing is done with the mode off, and the failure has to be confirmed by
   its job.
"""

from __future__ import annotations

from dataclasses import replace

from shared import clock
from shared.diagnosis.advice import About, look_at_job
from shared.diagnosis.check import to_diagnose
from shared.diagnosis.stage import Diagnosis
from shared.diagnosis.which_job import find_job
from shared.diagnosis.witness import NotWitnessed, Witnessed, witness
from shared.incident.holding import hold_vm
from shared.incident.model import Incident
from shared.incident.next_step import STOP, Next, NextStep
from shared.incident.status import Status
from shared.sentences import Sentence


async def begin(diagnosis: Diagnosis, incident_id: str, *, recovered: bool) -> NextStep:
    """RECOVER, DIAGNOSE, BACK_UP, VERIFY or STOP. `recovered`: what a lost process left
    was brought to its end. Raises StoreUnavailable."""
    incident = await diagnosis.book.get(incident_id)
    if incident is None:
        return STOP
    if incident.status is not Status.OPEN and not recovered:
        return NextStep(Next.RECOVER)
    if not incident.ended:  # intake may have died between the incident and the hold
        incident = await hold_vm(diagnosis.book, diagnosis.journal, incident)
    if incident.ended:
        return STOP
    off = diagnosis.mode == "off"
    if follow := _backup_to_follow(incident, off=off):
        if incident.status is Status.OPEN:  # a new attempt goes on with an earlier backup
            await diagnosis.book.change(incident.id, _verify)
        return follow
    if off:
        reason = "the mode of this installation is off"
        return await _end(diagnosis, incident, NotWitnessed(Status.IGNORED, reason))
    return await _hear_job(diagnosis, incident)


def _backup_to_follow(incident: Incident, *, off: bool) -> NextStep | None:
    """A backup that was begun is brought to its end; None where none was."""
    shown = incident.verification
    if shown is not None and (not shown.outcome or shown.completed):
        return NextStep(Next.VERIFY)
    if incident.status is Status.VERIFYING and (incident.backup_since or off):
        return NextStep(Next.BACK_UP)
    return None


def _verify(incident: Incident) -> Incident:
    reason = "the verifying backup of an earlier attempt was not seen to end"
    if incident.status is not Status.OPEN:
        return incident
    begun = incident.moved(Status.DIAGNOSING, reason, now=clock.now())
    return begun.moved(Status.VERIFYING, reason, now=clock.now())


async def _hear_job(diagnosis: Diagnosis, incident: Incident) -> NextStep:
    if not incident.job_id:
        named = await find_job(diagnosis.book, diagnosis.journal, diagnosis.reader, incident)
        if isinstance(named, NotWitnessed):
            return await _end(diagnosis, incident, named)
        incident = named
    found = witness(incident, await diagnosis.reader.job(incident.vault_id, incident.job_id))
    if isinstance(found, NotWitnessed):
        return await _end(diagnosis, incident, found)
    return await _diagnose(diagnosis, incident, found)


async def _diagnose(diagnosis: Diagnosis, incident: Incident, found: Witnessed) -> NextStep:
    code = incident.error_code or found.error_code
    incident = await diagnosis.book.change(incident.id, lambda each: _start(each, code))
    result = f"error code {code or 'unknown'}"
    detail = {
        "error_code": code,
        "from": found.source,
        "conflicts": list(found.conflicts),
        "message": found.message,
    }
    await diagnosis.journal.note(incident, "diagnosis", result, detail=detail)
    newest = incident.newest_failure
    return to_diagnose(incident, newest.began_at if newest else found.failed_at)


def _start(incident: Incident, code: str) -> Incident:
    reason = "the job in the vault confirms the failure"
    return replace(incident.moved(Status.DIAGNOSING, reason, now=clock.now()), error_code=code)


async def _end(diagnosis: Diagnosis, incident: Incident, found: NotWitnessed) -> NextStep:
    steps: tuple[Sentence, ...] = ()
    if found.status is Status.NEEDS_PERSON:
        steps = (look_at_job(incident), About.of(incident).backup_now)
    await diagnosis.closing.close(incident.id, found.status, found.reason, steps)
    return STOP
