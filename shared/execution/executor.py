"""What the other stages may ask of execution, the only stage that writes to Azure."""

from __future__ import annotations

from dataclasses import dataclass

from shared.execution import backup, carry_out, guardian, hand_over
from shared.execution.lock_window import turn
from shared.execution.tools import Tools
from shared.incident.model import Incident
from shared.incident.outcome import StepOutcome
from shared.plan.planner import Plan
from shared.plan.steps import Step


@dataclass(frozen=True, slots=True)
class Execution:
    tools: Tools

    async def recover(self, incident_id: str) -> None:
        """After the engine lost an incident: bring its window to its end, and close the
        intents whose outcome is not known. Idempotent."""
        if incident := await self.tools.book.get(incident_id):
            await turn.recover(self.tools, incident)

    async def carry_out(self, incident_id: str, cause: str, unit: tuple[Step, ...]) -> StepOutcome:
        """Carry out one unit of a plan. Runs at least once: it checks the state first."""
        return await carry_out.carry_out(self.tools, incident_id, cause, unit)

    async def settle(
        self, incident_id: str, plan: Plan, outcomes: tuple[StepOutcome, ...], failed_at: str
    ) -> bool:
        """After the last unit: True where the fix is in place and a backup has to show
        it; False where the incident was closed."""
        return await carry_out.settle(self.tools, incident_id, plan, outcomes, failed_at)

    async def order_backup(self, incident: Incident) -> str | backup.Refusal:
        """Id of the backup job to follow, ordered once; or why there is none now."""
        return await backup.ordered(self.tools, incident)

    async def hand_over(self, incident_id: str, stage: str, error: str) -> bool:
        """End an incident whose work cannot go on with a person, and put its locks back.
        False where it had ended before."""
        return await hand_over.hand_over(self.tools, incident_id, stage, error)

    async def put_back_due(self) -> list[StepOutcome]:
        """Put back the locks whose time is over; for the guardian."""
        return await guardian.put_back(self.tools)
