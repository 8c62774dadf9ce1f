"""Puts back the locks of rows that this version cannot read, from their raw text. Their
rows stay as they are, reported until a person decides."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass

from shared.audit.journal import ChainOf, Journal
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter
from shared.codec import to_json
from shared.errors import StoreError
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.lock_reads import read_lock
from shared.execution.lock_window.strange_rows import StrangeRow
from shared.execution.lock_window.times import Times
from shared.execution.lock_window.words import unreadable
from shared.facts import Absent, Lock
from shared.incident.model import RESTORE
from shared.incident.outcome import Outcome, StepOutcome


@dataclass(frozen=True, slots=True)
class StrangeLocks:
    reader: ArmReader
    writer: ArmWriter
    journal: Journal
    ledger: LockLedger
    times: Times

    async def put_back_all(self, outcomes: list[StepOutcome]) -> None:
        """Adds how each ended. Raises StoreUnavailable."""
        for row in await self.ledger.strange():
            logging.error("%s", unreadable(row))
            if row.may_be_off and row.lock is not None:
                outcomes += await self._put_back(row, row.lock)

    async def _put_back(self, row: StrangeRow, lock: Lock) -> list[StepOutcome]:
        """Absent or unreadable: PUT. Nothing where it is there; it is looked at each
        minute."""
        found = await read_lock(self.reader, lock, self.times)
        if isinstance(found, Lock):
            return []
        chain, begun = ChainOf(row.incident_id, lock.id), {"lock": to_json(lock)}
        await self._record(self.journal.intent(chain, RESTORE, lock.id, begun))
        answer = await self.writer.put_lock(lock, str(uuid.uuid4()), self.times.write)
        ended = self.journal.outcome(chain, RESTORE, lock.id, answer.why, answer.correlation_id)
        await self._record(ended)
        result = Outcome.DONE if answer.error is None else Outcome.FAILED
        why = "absent" if isinstance(found, Absent) else found.why
        detail = (
            f"the lock {lock.id}, whose row {row.name} cannot be read, was {why}: PUT {answer.why}"
        )
        return [StepOutcome(result, detail)]

    async def _record(self, writing: Awaitable[None]) -> None:
        """The store is no condition for putting a lock back."""
        try:
            await writing
        except StoreError as error:
            logging.error("the record of a lock that is put back: %s", error)
