"""The one door of execution, the only stage that writes to Azure: what the other stages
may ask of it. Inside, each part is handed only what it works with."""

from __future__ import annotations

from dataclasses import dataclass

from shared.audit.journal import Journal
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter
from shared.execution.backup import Backups, Refusal
from shared.execution.carry_out import CarryOut
from shared.execution.fixes.contract import Hands
from shared.execution.fixes.delete_restore_point_collection import CollectionDeletions
from shared.execution.guardian import Guardian
from shared.execution.hand_over import HandOver
from shared.execution.lock_window.ledger import LockLedger, OpenLock
from shared.execution.lock_window.put_back import PutBack
from shared.execution.lock_window.turn import Turns
from shared.execution.lock_window.windows import LockWindows
from shared.execution.places import Places
from shared.execution.settle import Check, Settle
from shared.incident.book import IncidentBook
from shared.incident.closing import Closing
from shared.incident.model import Incident
from shared.incident.outcome import StepOutcome
from shared.incident.waiting import Waits
from shared.plan.cooling import CoolingTime
from shared.plan.limits import ChangeLimiter
from shared.plan.planner import Plan
from shared.plan.steps import Step
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Execution:
    """What Azure answers is in the results; methods raise StoreUnavailable."""

    settings: Settings
    book: IncidentBook
    journal: Journal
    closing: Closing
    waits: Waits
    limiter: ChangeLimiter
    cooling: CoolingTime
    ledger: LockLedger
    windows: LockWindows
    reader: ArmReader
    writer: ArmWriter
    check: Check

    async def recover(self, incident_id: str) -> None:
        """After the engine lost an incident: bring its window to its end, and close the
        intents whose outcome is not known. Idempotent."""
        if incident := await self.book.get(incident_id):
            await self._turns().recover(incident)

    async def carry_out(self, incident_id: str, cause: str, unit: tuple[Step, ...]) -> StepOutcome:
        """Carry out one unit of a plan. Runs at least once, so it checks the state
        first."""
        turns = self._turns()
        hands = Hands(self.reader, self.writer, self.journal, self.settings, turns)
        work = CarryOut(self.book, self.journal, self.waits, self._places(), hands)
        return await work.carry_out(incident_id, cause, unit)

    async def settle(
        self, incident_id: str, plan: Plan, outcomes: tuple[StepOutcome, ...], failed_at: str
    ) -> bool:
        """After the last unit: True where the fix is in place and a backup has to show
        it; False where the incident was closed."""
        end = Settle(self.book, self.journal, self.ledger, self.closing, self._places(), self.check)
        return await end.settle(incident_id, plan, outcomes, failed_at)

    async def order_backup(self, incident: Incident) -> str | Refusal:
        """Id of the backup job to follow, ordered once; or why there is none now."""
        backups = Backups(self.book, self.journal, self.reader, self.writer, self.settings)
        return await backups.order(incident)

    async def hand_over(self, incident_id: str, stage: str, error: str) -> bool:
        """End an incident whose work cannot go on with a person, and put its locks
        back. False where it had ended before."""
        end = HandOver(self.book, self.journal, self.ledger, self.closing, self._guardian())
        return await end.hand_over(incident_id, stage, error)

    async def put_back_due(self) -> list[StepOutcome]:
        """Put back the locks whose time is over; for the guardian."""
        return await self._guardian().guard()

    async def put_back(self, entry: OpenLock) -> StepOutcome:
        """Put this lock back now; for an operator."""
        return await self._restorer().put_back(entry)

    def _restorer(self) -> PutBack:
        return PutBack(self.reader, self.writer, self.journal, self.ledger, self.settings)

    def _guardian(self) -> Guardian:
        return Guardian(
            self.book,
            self.journal,
            self.windows,
            self.ledger,
            self._restorer(),
            self.settings.guardian_grace_seconds,
        )

    def _places(self) -> Places:
        return Places(self.limiter, self.cooling)

    def _turns(self) -> Turns:
        return Turns(
            book=self.book,
            journal=self.journal,
            windows=self.windows,
            ledger=self.ledger,
            reader=self.reader,
            writer=self.writer,
            restorer=self._restorer(),
            deletions=CollectionDeletions(self.reader, self.writer, self.ledger, self.settings),
            settings=self.settings,
        )
