"""Last stage: a new backup, followed to its end. Only a completed one makes an incident
fixed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from shared import clock
from shared.arm_ids import fold
from shared.diagnosis.advice import About
from shared.diagnosis.begin import causes
from shared.diagnosis.witness import of_job
from shared.execution.backup import KIND, MOST_ATTEMPTS, Refusal, pause_seconds
from shared.execution.fixes.delete_restore_point_collection import advise_on_locks
from shared.execution.tools import Tools
from shared.facts import Absent, Job, Unreadable
from shared.incident.model import Incident, Status, Verification

YOUNG_SECONDS, YOUNG_POLLS = 60.0, 10
"""A job that is not to be seen in its first minute (or its first ten looks) is not
gone: Azure Backup may not show it yet."""
PART_OF_AGE = 0.1
"""Of a verifying job's age is the pause before the next look at it: the end of a backup
of ten hours need not be known to the minute."""


class Orders(Protocol):
    """Execution, as this stage sees it."""

    async def order_backup(self, incident: Incident) -> str | Refusal: ...


async def start_backup(tools: Tools, orders: Orders, incident_id: str) -> dict[str, Any]:
    """Start the verifying backup, or take up the one that runs.

    {"job_id": id} to follow; {"job_id": "", "again_in_seconds": n} while Azure refuses
    it in passing; {"job_id": ""} when the incident was closed.
    """
    incident = await tools.book.get(incident_id)
    if incident is None or incident.ended:
        return {"job_id": ""}
    if incident.verification and not incident.verification.outcome:
        return {"job_id": incident.verification.job_id}
    await _close_intent(tools, incident)
    incident = await tools.book.change(incident_id, _tried_since)
    job_id = await orders.order_backup(incident)
    if isinstance(job_id, Refusal):
        return await _wait_or_give_up(tools, incident_id, job_id)
    await tools.book.claim_verification(incident.vault_id, job_id, incident.id)
    await tools.book.change(incident_id, lambda each: _following(each, job_id))
    await tools.journal.note(
        incident,
        KIND,
        f"following job {job_id}",
        detail={"job": job_id, "vault": incident.vault_id},
    )
    return {"job_id": job_id}


def _tried_since(incident: Incident) -> Incident:
    return replace(incident, backup_since=incident.backup_since or clock.now())


def _following(incident: Incident, job_id: str) -> Incident:
    moved = incident.moved(Status.VERIFYING, "a new backup has to show it", now=clock.now())
    return replace(
        moved,
        verification=Verification(job_id, since=clock.now()),
        backup_since="",
        backup_attempts=0,
    )


async def _wait_or_give_up(tools: Tools, incident_id: str, refusal: Refusal) -> dict[str, Any]:
    incident = await tools.book.get(incident_id)  # as the attempt left it
    if incident is None:
        return {"job_id": ""}
    pause = pause_seconds(incident, refusal, tools.settings.job_poll_seconds)
    if isinstance(pause, str):
        reason = f"the fix is in place, but the verifying backup could not be started: {pause}"
        await tools.closing.close(
            incident_id,
            Status.NEEDS_PERSON,
            reason,
            (About.of(incident).backup_now, *advise_on_locks(incident)),
        )
        return {"job_id": ""}
    attempts = f"attempt {incident.backup_attempts} of {MOST_ATTEMPTS}"
    reason = f"the verifying backup is tried again in {pause:g} s ({attempts}): {refusal.reason}"
    await tools.book.change(
        incident_id, lambda each: each.moved(Status.VERIFYING, reason, now=clock.now())
    )
    await tools.journal.note(incident, KIND, f"waiting: {reason}")
    return {"job_id": "", "again_in_seconds": pause}


async def _close_intent(tools: Tools, incident: Incident) -> None:
    """A backup that was ordered right before the process died: its job is looked for
    among those that have begun."""
    for kind, target in await tools.journal.open_intents(incident.id):
        if kind == KIND:
            await tools.journal.outcome(
                incident,
                KIND,
                target,
                "not known: the process ended before the answer was on record",
                "",
            )


async def look(tools: Tools, incident_id: str) -> dict[str, Any]:
    """{"ended": bool, "seconds": float}: one look at the verifying job, and how long
    until the next. What cannot be read has not ended; once its time is over nobody
    looks on."""
    incident = await tools.book.get(incident_id)
    if incident is None or incident.verification is None:
        return {"ended": True, "seconds": 0.0}
    shown = incident.verification
    if incident.restarts:
        await tools.book.change(
            incident_id, lambda each: replace(each, restarts=0)
        )  # the work gets on
    job = await tools.reader.job(incident.vault_id, shown.job_id)
    over = (
        not _young(tools, shown) if isinstance(job, Absent) else isinstance(job, Job) and job.ended
    )
    return {
        "ended": over or not _time_is_left(tools, shown),
        "seconds": _until_next_look(tools, shown),
    }


def _until_next_look(tools: Tools, verification: Verification) -> float:
    """A tenth of the time that it has been followed, within the pauses of the settings."""
    settings = tools.settings
    age = (
        (clock.as_time(clock.now()) - clock.as_time(verification.since)).total_seconds()
        if verification.since
        else 0.0
    )
    return min(max(settings.job_poll_seconds, age * PART_OF_AGE), settings.longest_pause_seconds)


def _young(tools: Tools, verification: Verification) -> bool:
    seconds = min(YOUNG_SECONDS, YOUNG_POLLS * tools.settings.job_poll_seconds)
    return bool(verification.since) and clock.now() < clock.after(verification.since, seconds)


def _time_is_left(tools: Tools, verification: Verification) -> bool:
    hours = tools.settings.job_wait_hours
    return bool(verification.since) and clock.now() < clock.after(verification.since, hours * 3600)


async def conclude(tools: Tools, incident_id: str) -> dict[str, Any]:
    """What the verifying backup says.

    Fixed, or a person ({"next": "stop"}); go on with the next cause ({"next":
    "diagnose", ...}); or look again ({"next": "verify"}) where it cannot be read now.
    """
    incident = await tools.book.get(incident_id)
    if incident is None or incident.ended or incident.verification is None:
        return {"next": "stop"}
    job = await tools.reader.job(incident.vault_id, incident.verification.job_id)
    if isinstance(job, Unreadable) and _time_is_left(tools, incident.verification):
        return {"next": "verify"}
    if isinstance(job, Absent | Unreadable):
        await _not_shown(tools, incident, job.why)
        return {"next": "stop"}
    ended = job.status if job.ended else "timed out"
    failed_with = of_job(job) if fold(ended) == "failed" else ""
    shown = replace(
        incident.verification,
        outcome=ended,
        error_code=failed_with,
        began_at=clock.normal(job.start_time),
    )
    incident = await tools.book.change(incident_id, lambda each: replace(each, verification=shown))
    await tools.journal.note(
        incident,
        KIND,
        f"job {job.name} ended: {ended}",
        detail={"job": job.name, "error_code": shown.error_code},
    )
    if shown.completed:
        await tools.closing.close(
            incident_id,
            Status.FIXED,
            f"the verifying backup {job.name} is {ended}",
            advise_on_locks(incident),
        )
        return {"next": "stop"}
    if fold(ended) != "failed":
        await _not_shown(tools, incident, f"the verifying backup {job.name} is {ended}")
        return {"next": "stop"}
    return await _failed_again(tools, incident, job)


async def _not_shown(tools: Tools, incident: Incident, reason: str) -> None:
    steps = (About.of(incident).backup_now, *advise_on_locks(incident))
    await tools.closing.close(
        incident.id,
        Status.NEEDS_PERSON,
        f"the fix is in place, but not shown to work: {reason}",
        steps,
    )


async def _failed_again(tools: Tools, incident: Incident, job: Job) -> dict[str, Any]:
    """Go on with the causes of the new code; each fix is tried once, so this ends."""
    reason = f"the verifying backup failed with {incident.code_now or 'an unknown code'}"
    incident = await tools.book.change(
        incident.id, lambda each: each.moved(Status.DIAGNOSING, reason, now=clock.now())
    )
    await tools.journal.note(incident, "status", f"diagnosing again: {reason}")
    return {"next": "diagnose", "failed_at": job.start_time, **causes(incident)}
