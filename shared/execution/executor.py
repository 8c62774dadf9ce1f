"""The one door of execution, the only stage that writes to Azure: what the other stages
may ask of it. Inside, each part is handed only what it works with."""

from __future__ import annotations

from dataclasses import dataclass

from shared.audit.journal import Journal
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter
from shared.execution.backup import Backups, Refusal
from shared.execution.carry_out import CarryOut
from shared.execution.change import close_intents
from shared.execution.fence import Fence
from shared.execution.fixes.contract import Hands
from shared.execution.fixes.delete_restore_point_collection import CollectionDeletions
from shared.execution.guardian import Guardian
from shared.execution.hand_over import HandOver
from shared.execution.lock_window.decisions import Decisions
from shared.execution.lock_window.gone_groups import GoneGroups
from shared.execution.lock_window.keeper import Keeping
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.lock_journal import LockJournal
from shared.execution.lock_window.outcomes import WindowRecord
from shared.execution.lock_window.put_back import PutBack
from shared.execution.lock_window.settled_rows import SettledRows
from shared.execution.lock_window.strange_locks import StrangeLocks
from shared.execution.lock_window.times import Times
from shared.execution.lock_window.turn import Turns
from shared.execution.lock_window.watch import Watch
from shared.execution.lock_window.windows import LockWindows
from shared.execution.places import Places
from shared.execution.settle import Settle
from shared.incident.book import IncidentBook
from shared.incident.closing import Closing
from shared.incident.model import Incident
from shared.incident.outcome import StepOutcome
from shared.incident.waiting import Waits
from shared.plan.cooling import CoolingTime
from shared.plan.limits import ChangeLimiter
from shared.plan.on_demand import OnDemandBackups
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
    backups: OnDemandBackups
    ledger: LockLedger
    windows: LockWindows
    reader: ArmReader
    writer: ArmWriter

    async def recover(self, incident_id: str) -> None:
        """After the engine lost an incident: bring its window to its end, and close the
        intents whose outcome is not known. Idempotent."""
        if incident := await self.book.get(incident_id):
            await self._guardian().close_led_by(incident_id)
            await close_intents(self.journal, self.ledger, incident)

    async def carry_out(self, incident_id: str, cause: str, unit: tuple[Step, ...]) -> StepOutcome:
        """Carry out one unit of a plan. Runs at least once, so it checks the state
        first."""
        turns = self._turns()
        hands = Hands(self.reader, self.writer, self._fence(), self.settings, turns)
        work = CarryOut(self.book, self.journal, self.waits, self._places(), hands)
        return await work.carry_out(incident_id, cause, unit)

    async def settle(self, incident_id: str, plan: Plan, outcomes: tuple[StepOutcome, ...]) -> bool:
        """After the last unit: True where the fix is in place and a backup has to show
        it; False where the incident was closed."""
        end = Settle(
            self.book, self.journal, self.ledger, self.closing, self._places(), self.reader
        )
        return await end.settle(incident_id, plan, outcomes)

    async def order_backup(self, incident: Incident) -> str | Refusal:
        """Id of the backup job to follow, ordered once; or why there is none now."""
        order = Backups(self._fence(), self.reader, self.writer, self.backups, self.settings)
        return await order.order(incident)

    async def hand_over(self, incident_id: str, stage: str, error: str) -> bool:
        """End an incident whose work cannot go on with a person, and put its locks
        back. False where it had ended before."""
        end = HandOver(self.book, self.journal, self.ledger, self.closing, self._guardian())
        return await end.hand_over(incident_id, stage, error)

    async def put_back_lock(self, lock_id: str, person: str) -> list[StepOutcome]:
        """Put this lock back now, whoever has it in hand, since a person decided so."""
        return await self._decisions().put_back(lock_id, person)

    async def leave_lock_off(self, lock_id: str, person: str) -> list[StepOutcome]:
        """Do nothing more about this lock, since a person decided so."""
        return await self._decisions().leave_off(lock_id, person)

    async def guard(self) -> tuple[list[StepOutcome], list[Exception]]:
        """One tick of the guardian: locks whose owner is dead go back, watched ones are
        looked at. Returns what was put back, or could not be, and what failed."""
        return await self._guardian().guard()

    def _decisions(self) -> Decisions:
        keeping = self._keeping()
        return Decisions(self.ledger, self.windows, keeping.journal, keeping.restorer)

    def _guardian(self) -> Guardian:
        keeping = self._keeping()
        return Guardian(
            self.book,
            self.journal,
            keeping,
            SettledRows(self.reader, self.ledger, keeping.journal, keeping.times),
            StrangeLocks(self.reader, self.writer, self.journal, self.ledger, keeping.times),
        )

    def _keeping(self) -> Keeping:
        times, locks = Times.of(self.settings), LockJournal(self.journal)
        gone = GoneGroups(self.reader, times)
        return Keeping(
            windows=self.windows,
            ledger=self.ledger,
            restorer=PutBack(
                self.reader, self.writer, locks, self.ledger, gone, self.settings, times
            ),
            watch=Watch(self.reader, self.writer, locks, self.ledger, gone, self.settings, times),
            journal=locks,
            record=WindowRecord(self.book, self.journal, self._deletions()),
            times=times,
        )

    def _deletions(self) -> CollectionDeletions:
        return CollectionDeletions(self.reader, self.writer, self.ledger, self.settings)

    def _fence(self) -> Fence:
        return Fence(self.book, self.journal, self.settings.late_seconds)

    def _places(self) -> Places:
        return Places(self.limiter, self.cooling)

    def _turns(self) -> Turns:
        return Turns(
            book=self.book,
            journal=self.journal,
            keeping=self._keeping(),
            reader=self.reader,
            writer=self.writer,
            deletions=self._deletions(),
            settings=self.settings,
        )
