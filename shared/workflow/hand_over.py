"""The end of an incident whose work cannot go on: its locks are put back, and a person is told which stage failed and how."""

from __future__ import annotations

import logging
from typing import Any

from shared.advice import About, look_at_job
from shared.errors import AzureCallFailed
from shared.execution.tools import Tools
from shared.execution.unlocking import recover
from shared.incident.model import Status
from shared.workflow.carry_out import advice_on_locks
from shared.workflow.close import close

MOST_CHARACTERS = 500
"""Of the error: durable tells a whole traceback, and the log has that."""


async def hand_over(tools: Tools, incident_id: str, stage: str, error: str) -> dict[str, Any]:
    """End the incident with a person. {"closed": False} where it had ended before, or is not there.

    Raises StoreUnavailable: then the guardian begins the work again. What recovery leaves off is in the ledger, and the guardian puts it
    back as soon as the incident has ended.
    """
    incident = await tools.book.get(incident_id)
    if incident is None or incident.ended:
        return {"closed": False}
    try:
        await recover(tools, incident)
    except AzureCallFailed as failed:
        logging.error("incident %s: its window is left to the guardian: %s", incident_id, failed)
    reason = f"the stage {stage} failed at every attempt: {_first_lines(error)}"
    steps = (look_at_job(incident), About.of(incident).backup_now, *advice_on_locks(incident))
    await close(tools, incident_id, Status.NEEDS_PERSON, reason, steps)
    return {"closed": True}


def _first_lines(error: str) -> str:
    text = " ".join(error.split())
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
