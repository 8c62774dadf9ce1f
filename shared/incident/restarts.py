"""Incidents whose work the durable engine lost: which they are, and how often they begin again."""

from __future__ import annotations

from dataclasses import replace

from shared import clock
from shared.diagnosis.advice import About, look_at_job
from shared.execution.tools import Tools
from shared.incident.book import IncidentBook
from shared.incident.model import Incident, Status
from shared.sentences import phrase

MOST_RESTARTS = 10
"""In a row without progress. A worker that ends fails the orchestrations that it ran,
and workers come and go by the day. Progress is a stage that came through for the first
time, or a look of a wait or of a verifying backup, which have their own ends by the
clock."""


async def unfinished(tools: Tools) -> list[Incident]:
    """Incidents that somebody should be working on. A fresh one may still be about to
    be started: it is left alone."""
    latest = clock.after(clock.now(), -tools.settings.lost_after_seconds)
    return [incident async for incident in tools.book.unfinished() if incident.opened_at <= latest]


async def may_restart(tools: Tools, incident_id: str) -> bool:
    """Whether the incident's work may be begun again. False: it has ended, here at the
    latest with a person, since it was begun again so often without progress."""
    incident = await tools.book.get(incident_id)
    if incident is None or incident.ended:
        return False
    if incident.restarts < MOST_RESTARTS:
        return True
    reason = f"the work was lost and begun again {MOST_RESTARTS} times without progress"
    steps = (
        phrase("look_at_app_log"),
        look_at_job(incident),
        About.of(incident).backup_now,
    )
    await tools.closing.close(incident_id, Status.NEEDS_PERSON, reason, steps)
    return False


async def count_restart(tools: Tools, incident_id: str) -> None:
    """Called after the engine took the start: a start that it refused is no attempt."""
    incident = await tools.book.change(
        incident_id, lambda each: replace(each, restarts=each.restarts + 1)
    )
    await tools.journal.note(
        incident, "recovery", f"begun again ({incident.restarts}) after the engine lost it"
    )


async def note_progress(book: IncidentBook, incident_id: str, stage: str) -> None:
    """A stage came through. For the first time after as many changes, the count of
    restarts begins anew; there are as many such steps as stages and changes, so it
    always ends."""
    incident = await book.get(incident_id)
    if incident is not None and _step(incident, stage) not in incident.passed:
        await book.change(incident_id, lambda each: _with_step(each, _step(incident, stage)))


def _step(incident: Incident, stage: str) -> str:
    return f"{stage} after {sum(bool(action.outcome) for action in incident.actions)} changes"


def _with_step(incident: Incident, step: str) -> Incident:
    return replace(incident, restarts=0, passed=(*incident.passed, step))
