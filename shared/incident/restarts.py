"""Incidents whose work the durable engine lost: which they are, and how often the work
is begun again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from shared import clock
from shared.audit.journal import Journal
from shared.incident.attempts import is_to_begin
from shared.incident.book import IncidentBook
from shared.incident.closing import Closing
from shared.incident.model import Incident
from shared.incident.status import Status
from shared.sentences import Sentence

MOST_RESTARTS = 10
"""In a row without progress. A worker that ends fails the orchestrations that it ran,
and workers come and go by the day. Progress is a stage that came through for the
first time, or a look at a wait or a verifying backup: those end by the clock."""


@dataclass(frozen=True, slots=True)
class Restarts:
    """Every method raises StoreUnavailable when the store does not answer."""

    book: IncidentBook
    journal: Journal
    closing: Closing
    lost_after_seconds: float
    advise: Callable[[Incident], tuple[Sentence, ...]]
    """Manual steps for an incident whose work is given up."""

    async def unfinished(self) -> list[Incident]:
        """Incidents that somebody should be working on. A fresh one may still be about
        to be started: it is left alone. Nobody else starts a further attempt."""
        latest = clock.after(clock.now(), -self.lost_after_seconds)
        return [
            each
            async for each in self.book.unfinished()
            if each.opened_at <= latest or each.attempt > 1
        ]

    async def may_restart(self, incident_id: str) -> bool:
        """Whether the incident's work may be begun again. False: it has ended, here at
        the latest with a person, since it was begun again so often without progress."""
        incident = await self.book.get(incident_id)
        if incident is None or incident.ended:
            return False
        if incident.restarts < MOST_RESTARTS:
            return True
        reason = f"the work was lost and begun again {MOST_RESTARTS} times without progress"
        steps = self.advise(incident)
        await self.closing.close(incident_id, Status.NEEDS_PERSON, reason, steps)
        return False

    async def count_restart(self, incident_id: str) -> None:
        """Called once the engine took the start: one that it refused is no attempt."""
        incident = await self.book.change(
            incident_id, lambda each: replace(each, restarts=each.restarts + 1)
        )
        first = is_to_begin(incident) and incident.restarts == 1
        told = f"begun again ({incident.restarts}) after the engine lost it"
        told = f"attempt {incident.attempt} is begun" if first else told
        await self.journal.note(incident, "recovery", told)

    async def note_progress(self, incident_id: str, stage: str) -> None:
        """Record that a stage came through. The first time after as many changes, the
        count of restarts begins anew; there are as many such steps as stages and
        changes, so it always ends."""
        incident = await self.book.get(incident_id)
        if incident is not None and _step(incident, stage) not in incident.passed:
            await self.book.change(incident_id, lambda each: _add_step(each, stage))


def _step(incident: Incident, stage: str) -> str:
    return f"{stage} after {sum(bool(action.outcome) for action in incident.actions)} changes"


def _add_step(incident: Incident, stage: str) -> Incident:
    return replace(incident, restarts=0, passed=(*incident.passed, _step(incident, stage)))
