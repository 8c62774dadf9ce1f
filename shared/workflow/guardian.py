"""The timer's work: locks whose time is over go back, and incidents that the engine lost are begun again."""

from __future__ import annotations

from dataclasses import replace

from shared import clock
from shared.advice import About, look_at_job
from shared.execution.locks import put_back_all_due
from shared.execution.tools import StepOutcome, Tools, note
from shared.execution.unlocking import close_intents
from shared.incident.model import Incident, Status
from shared.workflow.close import close

MOST_RESTARTS = 5
"""Without getting on: a look at the verifying backup begins the count anew, since a day of looks sees many a worker come and go."""


async def put_back(tools: Tools) -> list[StepOutcome]:
    """Locks whose time is over go back. Where a leader ended before its record was
    whole (the store was away), nobody else gives its open intents an outcome.
    """
    leaders = [await tools.book.get(held.window.leader) for held in await tools.windows.all()]
    outcomes = await put_back_all_due(tools)
    for leader in leaders:
        if leader is not None and leader.ended:
            await close_intents(tools, leader)
    return outcomes


async def unfinished(tools: Tools) -> list[Incident]:
    """Incidents that somebody should be working on. A fresh one may still be about to be started: it is left alone."""
    latest = clock.after(clock.now(), -tools.settings.lost_after_seconds)
    return [incident async for incident in tools.book.unfinished() if incident.opened_at <= latest]


async def resume(tools: Tools, incident_id: str) -> bool:
    """Whether the incident's work may be begun again: counted, so that it never loops."""
    incident = await tools.book.change(incident_id, lambda each: replace(each, restarts=each.restarts + 1))
    if incident.ended:
        return False
    if incident.restarts > MOST_RESTARTS:
        reason = f"the work was lost and begun again {MOST_RESTARTS} times without getting on"
        steps = ("Look at the app's log for this incident's id.", look_at_job(incident), About.of(incident).backup_now)
        await close(tools, incident_id, Status.NEEDS_PERSON, reason, steps)
        return False
    await note(tools, incident, "recovery", f"begun again ({incident.restarts}) after the engine lost it")
    return True
