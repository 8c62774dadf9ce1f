"""An event that names no job joins the incident that is at work on its VM."""

from __future__ import annotations

from shared.audit.journal import ChainOf, Journal
from shared.events.model import FailureEvent
from shared.incident.book import IncidentBook
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


def event_detail(event: FailureEvent) -> dict[str, object]:
    """What the event says of the failure, for the record."""
    hints = [{"source": hint.source, "code": hint.code} for hint in event.error_code_hints]
    detail: dict[str, object] = {
        "job": event.job_id,
        "vault": event.vault_id,
        "fired_at": event.fired_at,
        "codes": hints,
        "event": event.event_id,
    }
    if event.contradictions:
        detail["contradictions"] = list(event.contradictions)
    return detail
