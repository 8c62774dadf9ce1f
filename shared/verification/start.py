"""Orders the new backup that has to show that the fix worked, or the second try, or
takes up the one that runs. While Azure refuses it for now, the order is tried again
with a growing pause."""

from __future__ import annotations

from dataclasses import replace

from shared import clock
from shared.diagnosis.refusing_locks import name_refusing
from shared.execution.backup import MOST_ATTEMPTS, Refusal, pause_seconds
from shared.incident.model import ORDER, Incident, Verification
from shared.incident.next_step import STOP, Next, NextStep
from shared.incident.outcome import Outcome
from shared.incident.status import Status
from shared.verification.second_try import begin_order, hand_over, name_backup, record_end
from shared.verification.stage import Verifying


async def start(verifying: Verifying, incident_id: str) -> NextStep:
    """VERIFY: there is a job to follow. WAIT: Azure refuses it for now. STOP: the
    incident has ended. Idempotent. Raises StoreUnavailable."""
    incident = await verifying.book.get(incident_id)
    if incident is None or incident.status is not Status.VERIFYING:  # called late
        return STOP
    incident = await verifying.book.change(incident_id, _set_since)
    if _is_followed(incident):
        return NextStep(Next.VERIFY)
    job_id = await verifying.orders.order_backup(incident)
    if isinstance(job_id, Refusal):
        return await _wait_or_give_up(verifying, incident_id, job_id)
    await verifying.book.claim_verification(incident.vault_id, job_id, incident.id)
    await verifying.book.change(incident_id, lambda each: _follow(each, job_id))
    detail = {"job": job_id, "vault": incident.vault_id}
    await verifying.journal.note(incident, ORDER, f"following job {job_id}", detail=detail)
    return NextStep(Next.VERIFY)


def _is_followed(incident: Incident) -> bool:
    return incident.verification is not None and not incident.verification.outcome


def _set_since(incident: Incident) -> Incident:
    if _is_followed(incident):
        return incident
    return begin_order(incident)


def _follow(incident: Incident, job_id: str) -> Incident:
    """Also where another execution followed it first."""
    if incident.ended or (incident.verification and incident.verification.job_id == job_id):
        return incident
    moved = incident.moved(Status.VERIFYING, "a new backup has to show it", now=clock.now())
    shown, ordered = Verification(job_id, since=clock.now()), incident.orders
    sent = tuple(each for each in incident.sent if each not in ordered)
    return replace(moved, verification=shown, backup_since="", sent=sent)


def _wait(incident: Incident, reason: str) -> Incident:
    if incident.ended:
        return incident
    return incident.moved(Status.VERIFYING, reason, now=clock.now())


async def _wait_or_give_up(verifying: Verifying, incident_id: str, refusal: Refusal) -> NextStep:
    incident = await verifying.book.get(incident_id)  # as the attempt left it
    if incident is None or not incident.at_work:
        return STOP
    pause = pause_seconds(incident, refusal, verifying.job_poll_seconds)
    if isinstance(pause, str):
        ended = Outcome.FAILED if incident.orders else Outcome.REFUSED
        await verifying.book.change(incident_id, lambda each: record_end(each, ended, pause))
        reason, steps = hand_over(
            incident,
            fixed=f"the verifying backup could not be started: {pause}",
            tried=f"the backup could not be run again: {pause}",
        )
        locks = await name_refusing(verifying.reader, incident, incident.findings)
        steps = (*locks, *steps)
        await verifying.closing.close(incident_id, Status.NEEDS_PERSON, reason, steps)
        return STOP
    attempts = f"attempt {len(incident.orders)} of {MOST_ATTEMPTS}"
    reason = (
        f"the {name_backup(incident)} is tried again in {pause:g} s ({attempts}): {refusal.reason}"
    )
    await verifying.book.change(incident_id, lambda each: _wait(each, reason))
    await verifying.journal.note(incident, ORDER, f"waiting: {reason}")
    return NextStep(Next.WAIT, seconds=pause)
