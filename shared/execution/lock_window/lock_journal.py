"""What happens to locks, in the audit chain of the incident that led their window."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from shared.audit.journal import Detail, Journal
from shared.codec import to_json
from shared.errors import StoreError
from shared.execution.lock_window.ledger import Hand
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.incident.model import RESTORE


@dataclass(frozen=True, slots=True)
class LockJournal:
    journal: Journal

    async def note(
        self, row: LockRow, text: str, detail: Detail = None, correlation_id: str = ""
    ) -> None:
        """A note about the lock. Never raises: the lock matters more."""
        try:
            await self.journal.note(
                row.chain,
                RESTORE,
                text,
                target=row.lock.id,
                correlation_id=correlation_id,
                detail=detail,
            )
        except StoreError as error:
            logging.error("%s: %s; and the store does not take that: %s", row.lock.id, text, error)

    async def record(self, hand: Hand) -> None:
        """The one outcome of a settled row, by the state that it has. Raises
        StoreUnavailable: then the guardian records it."""
        row = hand.row
        if row.state is not LockState.SETTLED or row.recorded:
            return
        detail = {
            "lock": to_json(row.lock),
            "other_bodies": to_json(row.bodies),
            "requests": list(row.requests),
        }
        if row.watch_since:
            detail["watched"] = [row.watch_since, row.settled_at]
        await self.journal.outcome(
            row.chain, RESTORE, row.lock.id, row.result, row.correlation_id, detail
        )
        await hand.force(_mark_recorded)

    async def try_to_record(self, hand: Hand) -> None:
        """As `record`. Where the store does not take it, the guardian records it."""
        try:
            await self.record(hand)
        except StoreError as error:
            logging.warning("%s: the outcome is not on record yet: %s", hand.row.lock.id, error)


def _mark_recorded(row: LockRow) -> LockRow | None:
    return replace(row, recorded=True) if row.state is LockState.SETTLED else None
