"""One incident at a time works on a VM; a later failure is part of its history."""

from __future__ import annotations

from dataclasses import replace

from shared import clock
from shared.audit.journal import ChainOf, Journal
from shared.incident.book import IncidentBook
from shared.incident.model import Incident
from shared.incident.status import Status


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
