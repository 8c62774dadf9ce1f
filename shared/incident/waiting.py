"""An incident that may not change anything yet: what it waits for, until when, and its
end after 24 hours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from shared import clock
from shared.audit.journal import Journal
from shared.incident.book import IncidentBook
from shared.incident.closing import Closing
from shared.incident.model import Awaited, Incident, Status, Waiting
from shared.sentences import Sentence

WAIT, STOP = "wait", "stop"
LONGEST_HOURS = 24


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a plan has to wait."""

    awaited: Awaited
    cause: str
    """The cause whose fix waits; "" where none is planned."""
    why: str
    by_hand: tuple[Sentence, ...] = ()
    """What a person is told to do once the time is over."""
    until: str = ""
    """When it is expected to be over, ISO 8601; "" where nobody knows."""


@dataclass(frozen=True, slots=True)
class Waits:
    book: IncidentBook
    journal: Journal
    closing: Closing

    async def wait(self, incident: Incident, reason: Wait) -> dict[str, Any]:
        """{"next": "wait", "seconds"}: ask again after that time at the latest; {"next":
        "stop"} when the 24 hours are over: a person.

        The time counts from the incident's first wait for this change, across every
        reason to wait and across the loss of the engine.
        """
        now = clock.now()
        since = incident.waiting.since if incident.waiting else now
        latest = clock.after(since, LONGEST_HOURS * 3600)
        if latest <= now:
            end = f"waited for {LONGEST_HOURS} hours, since {since}: {reason.why}"
            await self.closing.close(incident.id, Status.NEEDS_PERSON, end, reason.by_hand)
            return {"next": STOP}
        text = f"since {since}: {reason.why}; a person is asked at {latest}"
        waiting = Waiting(since, reason.awaited, reason.cause)
        changed = await self.book.change(incident.id, lambda each: _waits(each, text, waiting))
        if incident.status is not Status.WAITING or incident.waiting != waiting:
            await self.journal.note(changed, "status", f"{changed.status}: {changed.reason}")
        return {"next": WAIT, "seconds": _seconds(now, min(reason.until or latest, latest))}


def _waits(incident: Incident, reason: str, waiting: Waiting) -> Incident:
    if incident.ended:
        return incident
    return replace(
        incident.moved(Status.WAITING, reason, now=clock.now()), waiting=waiting, restarts=0
    )


def _seconds(now: str, until: str) -> float:
    return max(0.0, (clock.as_time(until) - clock.as_time(now)).total_seconds())
