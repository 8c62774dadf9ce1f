"""A failure joins the incident that is at work on its VM: one incident at a time works
on a VM."""

from __future__ import annotations

from dataclasses import replace

from shared import clock
from shared.audit.journal import ChainOf, Journal
from shared.events.model import FailureEvent
from shared.incident.book import IncidentBook
from shared.incident.model import Incident
from shared.incident.status import Status
from shared.intake.taken import Taken


async def join_unnamed(
    book: IncidentBook, journal: Journal, event: FailureEvent, key: str
) -> Taken | None:
    """An event that names no job joins the incident that is at work on the VM; None
    when none is, or when the failure was claimed before. Raises StoreUnavailable."""
    at_work = await book.at_work_on(event.vm_id)
    if not at_work or not (await book.claim_for(key, at_work)).first:
        return None
    result = f"told of again, without a job ({event.shape})"
    await journal.note(ChainOf(at_work, event.vm_id), "event", result, detail=event_detail(event))
    return Taken("joined", at_work)


async def hold_vm(book: IncidentBook, journal: Journal, incident: Incident) -> Incident:
    """Let the incident work on its VM. Where another one does, it ends as part of that
    one's history, unless its own work began before.

    Returns the incident as it then is. Idempotent. Raises StoreUnavailable.
    """
    holder = await book.hold_vm(incident.vm_id, incident.id)
    if holder == incident.id:
        return incident
    reason = f"the incident {holder} is at work on this VM; this failure is part of its history"
    joined = await book.change(incident.id, lambda each: _make_part(each, holder, reason))
    if joined.status is Status.IGNORED:
        await journal.note(joined, "status", f"ignored: {reason}")
        result = f"the job {incident.job_id} failed as well"
        chain = ChainOf(holder, incident.vm_id)
        await journal.note(chain, "event", result, detail={"joined": incident.id})
    return joined


def _make_part(incident: Incident, holder: str, reason: str) -> Incident:
    """Unless it is at work already."""
    if incident.status is not Status.OPEN:
        return incident
    return replace(incident.moved(Status.IGNORED, reason, now=clock.now()), part_of=holder)


def event_detail(event: FailureEvent) -> dict[str, object]:
    """What the event says of the failure, for the record."""
    hints = [{"source": hint.source, "code": hint.code} for hint in event.error_code_hints]
    return {
        "job": event.job_id,
        "vault": event.vault_id,
        "fired_at": event.fired_at,
        "codes": hints,
        "event": event.event_id,
    }
