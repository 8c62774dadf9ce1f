"""Intake: one event becomes one incident, joins one, or is set aside with its reason.
Nothing is lost, nothing raises for bad input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from shared import clock
from shared.arm_ids import fold
from shared.audit.journal import ACTOR
from shared.audit.log import AuditLog
from shared.errors import RemediatorError
from shared.events.model import CodeHint, FailureEvent, Ignored, Several, Unusable
from shared.events.parse import parse
from shared.incident.book import IncidentBook, failure_key, opened, set_aside
from shared.incident.claims import Claim
from shared.incident.model import Incident
from shared.incident.status import Status
from shared.intake.quarantine import Kept, Quarantine
from shared.store.keys import key_of_text

type Own = Callable[[], Awaitable[str]]

INTAKE_CHAIN = "intake"
"""Incident id under which events that belong to no incident are on record."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an event. `start`: the incident whose orchestration has to run, or
    "" when none has to."""

    what: str
    incident_id: str = ""
    start: str = ""
    parts: tuple[Taken, ...] = ()
    """What became of each part of an event that told of several things; `incident_id`
    is then that of the first that has one."""

    @property
    def starts(self) -> tuple[str, ...]:
        """Every incident whose orchestration has to run."""
        own = (self.start,) if self.start else ()
        return tuple(dict.fromkeys((*own, *(each for part in self.parts for each in part.starts))))


@dataclass(frozen=True, slots=True)
class Intake:
    book: IncidentBook
    audit: AuditLog
    kept: Quarantine

    async def take(self, text: str, own_subscription: Own) -> Taken:
        """`own_subscription` is asked only for a failed backup. Raises
        StoreUnavailable, or whatever `own_subscription` raises: then Event Grid has to
        send the event again."""
        event = parse(text)
        if isinstance(event, Unusable):
            return await self.quarantine(text, event.reason)
        if isinstance(event, Several):
            return await self._take_several(text, event, own_subscription)
        return await self._take_one(event, own_subscription)

    async def _take_several(self, text: str, event: Several, own_subscription: Own) -> Taken:
        """Each part by itself: what hinders one does not hinder the next. When one
        could not be taken the whole event has to come again, and finds the others
        known."""
        parts, hindered = [], None
        for each in event.found:
            try:
                parts.append(await self._take_one(each, own_subscription))
            except RemediatorError as error:
                hindered = hindered or error
        if hindered is not None:
            raise hindered
        if event.unusable:
            parts.append(await self.quarantine(text, event.unusable))
        what = ", ".join(
            f"{count} {name}" for name, count in Counter(part.what for part in parts).items()
        )
        return Taken(
            what,
            next((part.incident_id for part in parts if part.incident_id), ""),
            parts=tuple(parts),
        )

    async def _take_one(self, event: FailureEvent | Ignored, own_subscription: Own) -> Taken:
        if isinstance(event, Ignored):
            return await self._set_aside(event, key_of_text(event.key) if event.key else "")
        if fold(event.subscription_id) != fold(await own_subscription()):
            reason = (
                f"subscription {event.subscription_id} is not the one that this installation looks"
                " after"
            )
            return await self.pass_over(event, reason)
        return await self.claim(event)

    async def quarantine(self, text: str, reason: str) -> Taken:
        """Keep what can never be used, or could not be taken, once, with its reason."""
        kept, new = await self.kept.keep(text, reason)
        if not new:
            return Taken("quarantined before")
        await self._note(
            INTAKE_CHAIN,
            "",
            "quarantine",
            reason,
            {"quarantine": kept.id, "characters": kept.characters},
        )
        return Taken("quarantined")

    async def released(self, kept: Kept, taken: Taken) -> None:
        """Put on record that it was taken after all, then let it go."""
        told = {"quarantine": kept.id, "incident": taken.incident_id}
        await self._note(INTAKE_CHAIN, "", "quarantine", f"taken again: {taken.what}", told)
        await self.kept.release(kept.id)

    async def pass_over(self, event: FailureEvent, reason: str) -> Taken:
        """Put a failed backup on record that nothing is done about. Raises
        StoreUnavailable."""
        return await self._set_aside(as_ignored(event, reason), failure_key(event))

    async def _set_aside(self, event: Ignored, key: str) -> Taken:
        if not key:
            await self._note(
                INTAKE_CHAIN,
                event.vm_id,
                "event",
                f"ignored: {event.reason}",
                {"shape": event.shape},
            )
            return Taken("ignored")
        claim = await self.book.claim(key, event.job_id)
        if claim.forgotten:
            return await self._told_late(
                claim, event.vm_id, {"job": event.job_id, "vault": event.vault_id}
            )
        told = (f"ignored: {event.reason}", {"shape": event.shape})
        incident, _ = await self._opened(claim, set_aside(event, claim.incident_id), *told)
        return Taken("ignored", incident.id)

    async def knows(self, event: FailureEvent) -> bool:
        """Whether the incident of this failure is there, or was and is no longer kept.
        A claim alone is not enough: the store may have failed before the incident was
        written. Raises StoreUnavailable."""
        claim = await self.book.claimed(failure_key(event))
        if claim is None:
            return False
        return (
            claim.forgotten
            or claim.verification
            or await self.book.get(claim.incident_id) is not None
        )

    async def claim(self, event: FailureEvent) -> Taken:
        """One failure is one incident, whatever tells of it, in whatever order and
        however often. Raises StoreUnavailable: then the same event taken again goes on
        where this one ended."""
        key = failure_key(event)
        if not event.job_id and (at_work := await self.book.at_work_on(event.vm_id)):
            told = await self.book.claim_for(key, at_work)
            if told.first:
                await self._note(
                    at_work,
                    event.vm_id,
                    "event",
                    f"told of again, without a job ({event.shape})",
                    _told(event),
                )
                return Taken("joined", at_work)
        claim = await self.book.claim(key, event.job_id)
        if claim.forgotten:
            return await self._told_late(claim, event.vm_id, _told(event))
        if claim.verification:
            await self._note(
                claim.incident_id,
                event.vm_id,
                "event",
                "the failure of our own verifying backup",
                _told(event),
            )
            return Taken("verification", claim.incident_id)
        made = opened(event, claim.incident_id)
        incident, new = await self._opened(claim, made, f"claimed ({event.shape})", _told(event))
        if not new:
            incident = await self._attach(incident, event)
        if incident.ended:
            return Taken("duplicate", incident.id)
        incident = await hold_vm(self.book, self.audit, incident)
        if incident.ended:
            return Taken("joined", incident.id)
        return Taken("claimed" if new else "duplicate", incident.id, start=incident.id)

    async def _opened(
        self, claim: Claim, made: Incident, result: str, detail: dict[str, Any]
    ) -> tuple[Incident, bool]:
        """The claim's incident, and whether it was made now: by the first event of it,
        or by a later one where the store failed between the claim and the incident. It
        is on record before it is there, so that none is there without a record.
        """
        there = None if claim.first else await self.book.get(claim.incident_id)
        if there is not None:
            return there, False
        await self._note(made.id, made.vm_id, "event", result, detail)
        return await self.book.open(made), True

    async def _told_late(self, claim: Claim, vm_id: str, detail: dict[str, Any]) -> Taken:
        reason = (
            f"ignored: a failure of the incident {claim.incident_id}, which is over and no longer"
            " kept"
        )
        await self._note(INTAKE_CHAIN, vm_id, "event", reason, detail)
        return Taken("forgotten")

    async def _attach(self, incident: Incident, event: FailureEvent) -> Incident:
        """An event about a known failure that names what no event named before: kept
        with the incident."""
        if not _new_hints(incident, event):
            return incident
        changed = await self.book.change(
            incident.id,
            lambda each: replace(
                each, error_code_hints=each.error_code_hints + _new_hints(each, event)
            ),
        )
        await self._note(
            incident.id,
            event.vm_id,
            "event",
            f"told of again, with more ({event.shape})",
            _told(event),
        )
        return changed

    async def _note(
        self, incident_id: str, vm_id: str, kind: str, result: str, detail: dict[str, Any]
    ) -> None:
        await _note(self.audit, (incident_id, vm_id), kind, result, detail)


async def hold_vm(book: IncidentBook, audit: AuditLog, incident: Incident) -> Incident:
    """Let the incident work on its VM. Where another one does, it ends as part of that
    one's history, unless its own work began before. Returns it as it then is.
    Idempotent. Raises StoreUnavailable."""
    holder = await book.hold_vm(incident.vm_id, incident.id)
    if holder == incident.id:
        return incident
    reason = f"the incident {holder} is at work on this VM; this failure is part of its history"
    joined = await book.change(incident.id, lambda each: _part_of(each, holder, reason))
    if joined.status is Status.IGNORED:
        await _note(audit, (incident.id, incident.vm_id), "status", f"ignored: {reason}", {})
        await _note(
            audit,
            (holder, incident.vm_id),
            "event",
            f"the job {incident.job_id} failed as well",
            {"joined": incident.id},
        )
    return joined


async def _note(
    audit: AuditLog, about: tuple[str, str], kind: str, result: str, detail: dict[str, Any]
) -> None:
    """`about`: the incident and the VM."""
    incident_id, vm_id = about
    await audit.append(
        incident=incident_id,
        vm=vm_id,
        kind=kind,
        target=vm_id,
        phase="note",
        result=result,
        actor=ACTOR,
        correlation_id="",
        detail=detail,
    )


def _part_of(incident: Incident, holder: str, reason: str) -> Incident:
    """Unless it is at work already."""
    if incident.status is not Status.OPEN:
        return incident
    return replace(incident.moved(Status.IGNORED, reason, now=clock.now()), part_of=holder)


def _new_hints(incident: Incident, event: FailureEvent) -> tuple[CodeHint, ...]:
    known = {(hint.source, hint.code) for hint in incident.error_code_hints}
    return tuple(hint for hint in event.error_code_hints if (hint.source, hint.code) not in known)


def as_ignored(event: FailureEvent, reason: str) -> Ignored:
    return Ignored(
        reason=reason,
        shape=event.shape,
        subscription_id=event.subscription_id,
        vm_id=event.vm_id,
        job_id=event.job_id,
        vault_id=event.vault_id,
    )


def _told(event: FailureEvent) -> dict[str, Any]:
    hints = [{"source": hint.source, "code": hint.code} for hint in event.error_code_hints]
    return {
        "job": event.job_id,
        "vault": event.vault_id,
        "fired_at": event.fired_at,
        "codes": hints,
        "event": event.event_id,
    }
