"""The timer's work: locks whose time is over go back, and incidents that the engine
lost are begun again."""

from __future__ import annotations

from shared.execution.lock_window.put_back import put_back_all_due
from shared.execution.lock_window.turn import close_intents
from shared.execution.tools import Tools
from shared.incident.outcome import StepOutcome


async def put_back(tools: Tools) -> list[StepOutcome]:
    """Locks whose time is over go back. Where a leader ended before its record was
    whole (the store was away), nobody else gives its open intents an outcome.
    """
    leaders = [held.window.leader for held in await tools.windows.all()]
    outcomes = await put_back_all_due(tools)
    for leader_id in leaders:
        leader = await tools.book.get(
            leader_id
        )  # read after: it may have ended meanwhile, and its window with it
        if leader is not None and leader.ended:
            await close_intents(tools, leader)
    return outcomes
