"""First stage: put back what a crash left off, hear the job as a witness, name the
error code, choose the causes to examine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared import catalogue, clock
from shared.diagnosis.advice import About, look_at_job
from shared.diagnosis.which_job import job_of
from shared.diagnosis.witness import NotWitnessed, witness
from shared.execution.tools import Tools
from shared.incident.model import Incident, Status
from shared.intake.take import hold_vm
from shared.sentences import Sentence

DIAGNOSE, BACK_UP, VERIFY, STOP = "diagnose", "back_up", "verify", "stop"


async def begin(tools: Tools, incident_id: str) -> dict[str, Any]:
    """What comes next: {"next": "diagnose", "causes": [...], "failed_at"}, {"next":
    "back_up"}, {"next": "verify", "job_id"} or {"next": "stop"}."""
    incident = await tools.book.get(incident_id)
    if incident is None:
        return {"next": STOP}
    if not incident.ended:  # intake may have ended between the incident and the hold
        incident = await hold_vm(tools.book, tools.audit, incident)
    if incident.ended:
        return {"next": STOP}
    if incident.verification is not None and (
        not incident.verification.outcome or incident.verification.completed
    ):
        return {"next": VERIFY, "job_id": incident.verification.job_id, **pace(tools)}
    off = tools.settings.mode == "off"
    if incident.status is Status.VERIFYING and (incident.backup_since or off):
        return {"next": BACK_UP, **pace(tools)}  # what is begun is brought to its end
    if off:
        return await _stop(
            tools, incident, NotWitnessed(Status.IGNORED, "the mode of this installation is off")
        )
    if not incident.job_id:
        named = await job_of(tools, incident)
        if isinstance(named, NotWitnessed):
            return await _stop(tools, incident, named)
        incident = named
    found = witness(incident, await tools.reader.job(incident.vault_id, incident.job_id))
    if isinstance(found, NotWitnessed):
        return await _stop(tools, incident, found)
    code = incident.error_code or found.error_code
    incident = await tools.book.change(
        incident_id,
        lambda each: _diagnosing(each, code, "the job in the vault confirms the failure"),
    )
    told = {"error_code": code, "from": found.source, "conflicts": list(found.conflicts)}
    await tools.journal.note(incident, "diagnosis", f"error code {code or 'unknown'}", detail=told)
    newest = incident.newest_failure
    return {
        "next": DIAGNOSE,
        "failed_at": newest.began_at if newest else found.failed_at,
        **causes(incident),
        **pace(tools),
    }


def causes(incident: Incident) -> dict[str, Any]:
    return {"causes": [cause.slug for cause in catalogue.causes_of(incident.code_now)]}


def pace(tools: Tools) -> dict[str, Any]:
    """Pauses and limits, in seconds, for the orchestrator: it may not read settings
    itself."""
    settings = tools.settings
    return {
        "job_poll_seconds": settings.job_poll_seconds,
        "longest_pause_seconds": settings.longest_pause_seconds,
        "busy_poll_seconds": settings.busy_poll_seconds,
        "busy_wait_seconds": (settings.gather_seconds + settings.window_seconds) * 6,
    }


def _diagnosing(incident: Incident, code: str, reason: str) -> Incident:
    moved = incident.moved(Status.DIAGNOSING, reason, now=clock.now())
    return replace(moved, error_code=code)


async def _stop(tools: Tools, incident: Incident, found: NotWitnessed) -> dict[str, Any]:
    await tools.closing.close(
        incident.id, found.status, found.reason, advice_without_findings(incident, found)
    )
    return {"next": STOP}


def advice_without_findings(incident: Incident, found: NotWitnessed) -> tuple[Sentence, ...]:
    if found.status is not Status.NEEDS_PERSON:
        return ()
    return (look_at_job(incident), About.of(incident).backup_now)
