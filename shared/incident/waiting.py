"""An incident that may not change anything yet: what it waits for, until when, and its
end after 24 hours."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared import clock
from shared.audit.journal import Journal
from shared.incident.book import IncidentBook
from shared.incident.closing import Closing
from shared.incident.model import Awaited, Incident, Waiting
from shared.incident.next_step import STOP, Next, NextStep
from shared.incident.status import Status
from shared.sentences import Sentence

LONGEST_HOURS = 24


@dataclass(frozen=True, slots=True)
class Wait:
    """Why an incident has to wait."""

    awaited: Awaited
    cause: str
    """The cause whose fix waits; "" where none is planned."""
    why: str
    by_hand: tuple[Sentence, ...] = ()
    """Manual steps for the person who is asked when the time is over."""
    until: str = ""
    """When the wait is expected to end, ISO 8601; "" where nobody knows."""


@dataclass(frozen=True, slots=True)
class Waits:
    book: IncidentBook
    journal: Journal
    closing: Closing

    async def wait(self, incident: Incident, reason: Wait) -> NextStep:
        """WAIT: ask again after `seconds` at the latest. STOP: the 24 hours are over,
        and the incident ended with a person. Raises StoreUnavailable.

        The time counts from the incident's first wait for this change, across every
        reason to wait and across the loss of the durable engine.
        """
        now = clock.now()
        since = incident.waiting.since if incident.waiting else now
        latest = clock.after(since, LONGEST_HOURS * 3600)
        if latest <= now:
            end = f"waited for {LONGEST_HOURS} hours, since {since}: {reason.why}"
            await self.closing.close(incident.id, Status.NEEDS_PERSON, end, reason.by_hand)
            return STOP
        text = f"since {since}: {reason.why}; a person is asked at {latest}"
        waiting = Waiting(since, reason.awaited, reason.cause)
        changed = await self.book.change(
            incident.id, lambda each: _set_waiting(each, text, waiting)
        )
        if incident.status is not Status.WAITING or incident.waiting != waiting:
            await self.journal.note(changed, "status", f"{changed.status}: {changed.reason}")
        return NextStep(Next.WAIT, seconds=_seconds(now, min(reason.until or latest, latest)))


def _set_waiting(incident: Incident, reason: str, waiting: Waiting) -> Incident:
    if incident.ended:
        return incident
    moved = incident.moved(Status.WAITING, reason, now=clock.now())
    return replace(moved, waiting=waiting, restarts=0)


def _seconds(now: str, until: str) -> float:
    return max(0.0, (clock.as_time(until) - clock.as_time(now)).total_seconds())
