"""The end of an incident whose work cannot go on: a person is told which stage failed
and how, and its locks are put back.

In this order: with the incident ended nothing more is deleted in its window, and the
guardian puts back whatever is left off here.
"""

from __future__ import annotations

from shared.diagnosis.advice import About, look_at_job
from shared.execution.carry_out import advice_on_locks
from shared.execution.lock_window.put_back import put_back_all_due
from shared.execution.lock_window.turn import close_intents
from shared.execution.tools import Tools
from shared.incident.model import Status

MOST_CHARACTERS = 500
"""Of the error: durable tells a whole traceback, and the log has that."""


async def hand_over(tools: Tools, incident_id: str, stage: str, error: str) -> bool:
    """End the incident with a person. False where it had ended before, or
    is not there.

    Raises StoreUnavailable: where nobody was told yet the guardian begins the work
    again.
    """
    incident = await tools.book.get(incident_id)
    if incident is None or incident.ended:
        return False
    reason = f"the stage {stage} failed at every attempt: {_first_lines(error)}"
    steps = (look_at_job(incident), About.of(incident).backup_now, *advice_on_locks(incident))
    await close_intents(
        tools, incident
    )  # before it ends: nobody begins the work of an ended incident again
    await tools.closing.close(incident_id, Status.NEEDS_PERSON, reason, steps)
    await put_back_all_due(tools)
    await close_intents(tools, incident)  # those of the locks, which are back only now
    return True


def _first_lines(error: str) -> str:
    text = " ".join(error.split())
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
