"""An incident that may not change anything yet: what it waits for, until when, and its
end with a person: after 24 hours, for a resource group once its patience is over."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared import clock
from shared.arm_ids import parse, same
from shared.audit.journal import Journal
from shared.incident.book import IncidentBook
from shared.incident.closing import Closing
from shared.incident.model import Awaited, Incident, Waiting
from shared.incident.next_step import STOP, Next, NextStep
from shared.incident.outcome import GroupHeld
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
    group_id: str = ""
    """With GROUP: the resource group."""

    @classmethod
    def for_group(cls, cause: str, held: GroupHeld, by_hand: tuple[Sentence, ...]) -> Wait:
        steps = (*held.by_hand, *by_hand)
        return cls(Awaited.GROUP, cause, held.why, steps, held.until, held.group_id)


@dataclass(frozen=True, slots=True)
class Waits:
    book: IncidentBook
    journal: Journal
    closing: Closing
    group_patience_seconds: float
    """How long one resource group is waited for."""
    group_pause_seconds: float
    """The longest pause between two looks at it."""

    async def wait(self, incident: Incident, reason: Wait) -> NextStep:
        """WAIT: ask again after `seconds` at the latest. STOP: the 24 hours, or the
        patience with the group, are over, and the incident ended with a person. Raises
        StoreUnavailable.

        The 24 hours count from the incident's first wait for this change, across every
        reason to wait; the patience from `Waiting.group_since`. Both go on across the
        loss of the durable engine.
        """
        now = clock.now()
        waiting = _waiting(incident.waiting, reason, now)
        latest, end = self._limit(waiting)
        if latest <= now:
            reached = f"{end}: {reason.why}"
            await self.closing.close(incident.id, Status.NEEDS_PERSON, reached, reason.by_hand)
            return STOP
        since = waiting.group_since or waiting.since
        then = "; then its turn comes" if reason.group_id and reason.until else ""
        text = f"since {since}: {reason.why}{then}; a person is asked at {latest}"
        changed = await self.book.change(
            incident.id, lambda each: _set_waiting(each, text, waiting)
        )
        if incident.status is not Status.WAITING or incident.waiting != waiting:
            await self.journal.note(changed, "status", f"{changed.status}: {changed.reason}")
        seconds = _seconds(now, min(reason.until or latest, latest))
        if reason.awaited is Awaited.GROUP:
            seconds = min(seconds, self.group_pause_seconds)
        return NextStep(Next.WAIT, seconds=seconds)

    def _limit(self, waiting: Waiting) -> tuple[str, str]:
        """When a person is asked, and how the reason begins that is given then."""
        day = clock.after(waiting.since, LONGEST_HOURS * 3600)
        if waiting.awaited is Awaited.GROUP:
            patience = clock.after(waiting.group_since, self.group_patience_seconds)
            if patience < day:
                name = parse(waiting.group_id).name
                return patience, f"waited for the group {name} since {waiting.group_since}"
        return day, f"waited for {LONGEST_HOURS} hours, since {waiting.since}"


def _waiting(before: Waiting | None, reason: Wait, now: str) -> Waiting:
    waiting = Waiting(before.since if before else now, reason.awaited, reason.cause)
    if reason.awaited is not Awaited.GROUP:
        return waiting
    goes_on = before is not None and same(before.group_id, reason.group_id)
    since = before.group_since if before is not None and goes_on else now
    return replace(waiting, group_id=reason.group_id, group_since=since)


def _set_waiting(incident: Incident, reason: str, waiting: Waiting) -> Incident:
    if incident.ended:
        return incident
    moved = incident.moved(Status.WAITING, reason, now=clock.now())
    return replace(moved, waiting=waiting, restarts=0)


def _seconds(now: str, until: str) -> float:
    return max(0.0, (clock.as_time(until) - clock.as_time(now)).total_seconds())
