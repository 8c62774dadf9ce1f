"""The end of an incident whose work cannot go on: a person learns which stage failed
and how, and its locks are put back."""

from __future__ import annotations

from dataclasses import dataclass

from shared.audit.journal import Journal
from shared.diagnosis.advice import About, look_at_job
from shared.execution.change import close_intents
from shared.execution.fixes.delete_restore_point_collection import advise_on_locks
from shared.execution.guardian import Guardian
from shared.execution.lock_window.ledger import LockLedger
from shared.incident.book import IncidentBook
from shared.incident.closing import Closing
from shared.incident.status import Status

MOST_CHARACTERS = 500
"""Of the error: durable gives a whole traceback, and the log has that."""


@dataclass(frozen=True, slots=True)
class HandOver:
    book: IncidentBook
    journal: Journal
    ledger: LockLedger
    closing: Closing
    guardian: Guardian

    async def hand_over(self, incident_id: str, stage: str, error: str) -> bool:
        """End the incident with a person. False where it had ended before, or is not
        there.

        Raises StoreUnavailable: where it could not be ended, the guardian begins the
        work again.
        """
        incident = await self.book.get(incident_id)
        if incident is None or incident.ended:
            return False
        reason = f"the stage {stage} failed at every attempt: {_first_lines(error)}"
        steps = (look_at_job(incident), About.of(incident).backup_now, *advise_on_locks(incident))
        # Before the locks go back: of an ended incident nothing more is deleted in its
        # window, and the guardian puts back what is left off here.
        await self.closing.close(incident_id, Status.NEEDS_PERSON, reason, steps)
        await self.guardian.close_led_by(incident_id)
        # Those of the locks, which are back only now.
        await close_intents(self.journal, self.ledger, incident)
        return True


def _first_lines(error: str) -> str:
    text = " ".join(error.split())
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
