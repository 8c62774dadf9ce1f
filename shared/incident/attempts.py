"""A new attempt at an incident that has ended, by a person's word: it is diagnosed
anew, after the mode was changed or a person mended something.

1. Refused while a lock window of the incident is not over, while a request of it may
   still take effect, and while another incident is at work on the VM.
2. The word is on record before the attempt, with who said it.
3. The incident is OPEN again by one conditional write: of two words one makes an
   attempt. The guardian starts its orchestration, under the same instance id, once the
   earlier one is over.

docs/safety.md, "The same failure reported twice is fixed once".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from shared import clock
from shared.audit.journal import ATTEMPT, RETRY, Journal
from shared.incident.book import IncidentBook
from shared.incident.model import NOT_FOUND, TIMED_OUT, Answer, Incident, Verification
from shared.incident.status import MOVES, Status

LATEST_EFFECT_SECONDS = {Answer.NONE: 1810.0, Answer.ACCEPTED: 1810.0, Answer.UNKNOWN: 120.0}
"""How long after it was written a request may still be sent or take effect: the fence's
10 s and the most that REMEDIATOR_LATE_SECONDS takes. One without a known effect is
behind the fence already, but for the order of a backup."""


@dataclass(frozen=True, slots=True)
class NotRetried:
    """Why there is no new attempt, in one sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Attempts:
    """Every method raises StoreUnavailable."""

    book: IncidentBook
    journal: Journal
    why_locks_in_hand: Callable[[str], Awaitable[str]]
    """(incident id) -> why its lock windows are not over; "" where they are."""

    async def begin(self, incident_id: str, person: str) -> Incident | NotRetried | None:
        """Open the incident again, since this person decided so. None: there is no such
        incident. Idempotent until the attempt's work begins."""
        incident = await self.book.find(incident_id)
        if incident is None:
            return None
        if is_to_begin(incident):  # whoever asked first may have died before it was listed
            return await self.book.reopen(incident_id, lambda each: each)
        if reason := await self.why_not(incident):
            return NotRetried(reason)
        holder = await self.book.hold_vm(incident.vm_id, incident_id)
        if holder != incident_id:
            return NotRetried(_say_holder(holder))
        attempt, now = incident.attempt + 1, clock.now()
        result, detail = f"attempt {attempt}, as {person} asked", {ATTEMPT: attempt}
        await self.journal.note(incident, RETRY, result, detail=detail, actor=person)

        def open_again(each: Incident) -> Incident:
            # Else somebody was first; that attempt may have ended by now.
            return next_attempt(each, person, now) if each.attempt < attempt else each

        return await self.book.reopen(incident_id, open_again)

    async def why_not(self, incident: Incident) -> str:
        """Why a person may not have it diagnosed anew now; "" where they may."""
        if reason := why_not_again(incident, clock.now()):
            return reason
        holder = await self.book.at_work_on(incident.vm_id)
        return _say_holder(holder) if holder else await self.why_locks_in_hand(incident.id)


def is_to_begin(incident: Incident) -> bool:
    """A person has asked for a new attempt, whose work has not begun."""
    return incident.attempt > 1 and incident.status is Status.OPEN


def why_not_again(incident: Incident, now: str) -> str:
    """What of the incident itself speaks against a new attempt. Pure."""
    if incident.status is Status.FIXED:
        return f"the incident {incident.id} is fixed: there is nothing to diagnose anew"
    if Status.OPEN not in MOVES[incident.status]:
        return f"the incident {incident.id} has not ended: it is {incident.status}"
    if not (incident.vm_id and incident.item_name):
        return f"the incident {incident.id} names no VM that can be diagnosed: {incident.reason}"
    for sent in incident.sent:
        over = clock.after(sent.at, LATEST_EFFECT_SECONDS.get(sent.answer, 0.0))
        if now < over:
            what = f"{sent.kind} of {sent.target} was sent at {sent.at} and has no answer"
            return f"{what}: it may still take effect; ask again after {over}"
    return ""


def next_attempt(incident: Incident, person: str, now: str) -> Incident:
    """The incident as its next attempt begins with it: what it was opened for is kept,
    and what was found, planned and waited for is not; the steps for a person stay until
    it begins. Pure.

    Raises ValueError for one that is at work, or fixed.
    """
    attempt = incident.attempt + 1
    reason = f"attempt {attempt}, as {person} asked; it begins within a minute"
    opened = incident.moved(Status.OPEN, reason, now=now)
    return replace(
        opened,
        attempt=attempt,
        findings=(),
        facts=None,
        from_log=(),
        actions=(),
        earlier_actions=incident.all_actions,
        verification=_follow_on(incident.verification),
        shown_before=incident.shown_before or _has_ended(incident.verification),
        later_failures=incident.all_later_failures,
        waiting=None,
        retry_at="",
        windows=(),
        part_of="",
        restarts=0,
        passed=(),
        backup_since="",
        # Nothing of it can take effect any more: why_not_again.
        sent=(),
    )


def _follow_on(shown: Verification | None) -> Verification | None:
    """A verifying backup that was not seen to end, or completed: it is looked at again
    first, as it may show that the fix worked."""
    if shown is None or shown.completed:
        return shown
    unknown = shown.outcome in ("", TIMED_OUT)
    return Verification(shown.job_id, since=shown.since) if unknown else None


def _has_ended(shown: Verification | None) -> bool:
    return shown is not None and shown.outcome not in ("", TIMED_OUT, NOT_FOUND)


def _say_holder(holder: str) -> str:
    return f"the incident {holder} is at work on this VM: wait for its end"
