"""Ends an incident: status, reason, what a person can do, and the note of it in the
audit log."""

from __future__ import annotations

from dataclasses import replace

from shared import clock
from shared.execution.tools import Tools, note
from shared.incident.model import Incident, Status


async def close(
    tools: Tools, incident_id: str, status: Status, reason: str, manual_steps: tuple[str, ...] = ()
) -> Incident:
    def change(incident: Incident) -> Incident:
        if incident.ended:
            return incident
        return replace(incident.moved(status, reason, now=clock.now()), manual_steps=manual_steps)

    incident = await tools.book.change(incident_id, change)
    await note(
        tools,
        incident,
        "status",
        f"{incident.status}: {incident.reason}",
        detail={"manual_steps": list(manual_steps)},
    )
    if incident.waiting is not None:
        await tools.limiter.leave(incident.id)  # so that it holds nobody up who waits behind it
    return incident
