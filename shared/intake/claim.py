"""One failure is one incident, whatever reports it, in whatever order and however
often.

The claim comes first, then the entry in the audit chain, then the incident: none is in
the store without a record. Where the store fails in between, the same event taken again
goes on where the first attempt ended. Every function raises StoreUnavailable.
"""

from __future__ import annotations

from dataclasses import replace

from shared.audit.journal import ChainOf, Detail, Journal
from shared.events.model import CodeHint, FailureEvent, Ignored
from shared.incident.book import (
    IncidentBook,
    failure_key,
    ignored_incident,
    new_incident,
)
from shared.incident.claims import Claim
from shared.incident.holding import hold_vm
from shared.incident.model import Incident
from shared.intake.join import event_detail, join_unnamed
from shared.intake.taken import Taken, chain_of_intake


async def claim(book: IncidentBook, journal: Journal, event: FailureEvent) -> Taken:
    """Claim the failure for a new incident, or attach the event to the incident that
    has it already."""
    key = failure_key(event)
    if not event.job_id and (joined := await join_unnamed(book, journal, event, key)):
        return joined
    claimed, detail = await book.claim(key, event.job_id), event_detail(event)
    if claimed.forgotten:
        return await _note_late(journal, claimed, event.vm_id, detail)
    if claimed.verification:
        incident_id, result = claimed.incident_id, "the failure of our own verifying backup"
        await journal.note(ChainOf(incident_id, event.vm_id), "event", result, detail=detail)
        return Taken("verification", incident_id)
    made = new_incident(event, claimed.incident_id)
    incident, new = await _open(book, journal, claimed, made, f"claimed ({event.shape})", detail)
    if not new:
        incident = await _attach(book, journal, incident, event)
    if incident.ended:
        return Taken("duplicate", incident.id)
    incident = await hold_vm(book, journal, incident)
    if incident.ended:
        return Taken("joined", incident.id)
    return Taken("claimed" if new else "duplicate", incident.id, start=incident.id)


async def set_aside(book: IncidentBook, journal: Journal, event: Ignored, key: str) -> Taken:
    """Put an event on record that nothing is done about: as an ended incident where it
    reports a failed backup (`key`), else in the chain of the intake."""
    result, detail = f"ignored: {event.reason}", {"shape": event.shape}
    if not key:
        await journal.note(chain_of_intake(event.vm_id), "event", result, detail=detail)
        return Taken("ignored")
    claimed = await book.claim(key, event.job_id)
    if claimed.forgotten:
        about = {"job": event.job_id, "vault": event.vault_id}
        return await _note_late(journal, claimed, event.vm_id, about)
    made = ignored_incident(event, claimed.incident_id)
    incident, _ = await _open(book, journal, claimed, made, result, detail)
    return Taken("ignored", incident.id)


async def is_known(book: IncidentBook, event: FailureEvent) -> bool:
    """Whether this failure has an incident, or had one that is no longer kept. A claim
    alone does not say: the store may have failed before the incident was written."""
    claimed = await book.find_claim(failure_key(event))
    if claimed is None:
        return False
    return (
        claimed.forgotten or claimed.verification or await book.get(claimed.incident_id) is not None
    )


async def _open(
    book: IncidentBook,
    journal: Journal,
    claimed: Claim,
    made: Incident,
    result: str,
    detail: Detail,
) -> tuple[Incident, bool]:
    """The claim's incident, and whether it was made now: by the first event of it, or
    by a later one where the store failed between the claim and the incident."""
    existing = None if claimed.first else await book.get(claimed.incident_id)
    if existing is not None:
        return existing, False
    await journal.note(made, "event", result, detail=detail)  # first, so none lacks a record
    return await book.open(made), True


async def _note_late(journal: Journal, claimed: Claim, vm_id: str, detail: Detail) -> Taken:
    reason = (
        f"ignored: a failure of the incident {claimed.incident_id}, which is over and no longer"
        " kept"
    )
    await journal.note(chain_of_intake(vm_id), "event", reason, detail=detail)
    return Taken("forgotten")


async def _attach(
    book: IncidentBook, journal: Journal, incident: Incident, event: FailureEvent
) -> Incident:
    """Keep the error codes that the event names and no event named before."""
    if not _new_hints(incident, event):
        return incident
    changed = await book.change(incident.id, lambda each: _add_hints(each, event))
    result, chain = f"told of again, with more ({event.shape})", ChainOf(incident.id, event.vm_id)
    await journal.note(chain, "event", result, detail=event_detail(event))
    return changed


def _add_hints(incident: Incident, event: FailureEvent) -> Incident:
    hints = incident.error_code_hints + _new_hints(incident, event)
    return replace(incident, error_code_hints=hints)


def _new_hints(incident: Incident, event: FailureEvent) -> tuple[CodeHint, ...]:
    known = {(hint.source, hint.code) for hint in incident.error_code_hints}
    return tuple(hint for hint in event.error_code_hints if (hint.source, hint.code) not in known)
