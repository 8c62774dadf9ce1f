"""Ends an incident: its status, the reason and the manual steps, on record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from shared import clock
from shared.audit.journal import PROCESS_ENDED, Journal
from shared.incident.book import IncidentBook
from shared.incident.model import LIFT, PROVE, RESTORE, Incident
from shared.incident.status import Status
from shared.sentences import Sentence


class Line(Protocol):
    """The line of incidents that wait for a place within the limit of changes."""

    async def leave(self, incident_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Closing:
    book: IncidentBook
    journal: Journal
    line: Line

    async def close(
        self, incident_id: str, status: Status, reason: str, manual_steps: tuple[Sentence, ...] = ()
    ) -> Incident:
        """End the incident, record it, and take it out of the line. One that has ended
        stays as it is.

        Returns the incident as it now is. Raises StoreUnavailable.
        """
        await self._close_intents(incident_id)

        def end(incident: Incident) -> Incident:
            if incident.ended:
                return incident
            moved = incident.moved(status, reason, now=clock.now())
            return replace(moved, manual_steps=manual_steps)

        incident = await self.book.change(incident_id, end)
        result = f"{incident.status}: {incident.reason}"
        detail = {"manual_steps": [str(step) for step in manual_steps]}
        await self.journal.note(incident, "status", result, detail=detail)
        if incident.waiting is not None:
            await self.line.leave(incident.attempt_key)  # so that it holds up nobody behind it
        return incident

    async def _close_intents(self, incident_id: str) -> None:
        """Nobody looks at an ended incident again: what a process that died left
        without an outcome has it now."""
        incident = await self.book.get(incident_id)
        if incident is None or incident.ended:
            return
        locks = (LIFT, PROVE, RESTORE)
        await self.journal.close_intents(incident, PROCESS_ENDED, lambda kind, _: kind not in locks)
