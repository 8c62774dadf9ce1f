"""Carries out `delete_restore_point_collection`, within the window that the lock steps keep open."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from shared import clock
from shared.arm_ids import group_of
from shared.azure.writer import TIMED_OUT
from shared.errors import AzureCallFailed, OperationFailed, ScopeLocked
from shared.execution import guards
from shared.execution.tools import StepOutcome, Tools, change
from shared.facts import Absent, Unreadable
from shared.fixes.contract import Step
from shared.incident.model import Incident

KIND = "delete_restore_point_collection"
TRIES = 3
"""A big collection's deletion can time out in Azure and "usually succeeds after two or three retries".
https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout"""
LONGEST_PAUSE_SECONDS = 15.0


async def delete(tools: Tools, incident: Incident, step: Step) -> StepOutcome:
    window = await tools.ledger.window(group_of(step.target))
    if window is None or window.incident_id != incident.id:
        return StepOutcome("refused", "this incident does not hold the resource group's window")
    collection = await tools.reader.restore_point_collection(step.target)
    if isinstance(collection, Absent):
        return StepOutcome("done", "the collection is already gone")
    if isinstance(collection, Unreadable):
        return StepOutcome("refused", guards.why(collection))
    if problem := guards.not_ours(collection, incident.vm_id) or await guards.job_running(tools, incident):
        return StepOutcome("refused", problem)
    deletion = _Deletion(tools, step.target, window.deadline)
    try:
        detail = {"source": collection.source_id, "restore_points": list(collection.points or ())}
        await change(tools, incident, KIND, collection.id, deletion.run, detail)
    except AzureCallFailed as error:
        return StepOutcome("failed", f"{error} (requests sent: {deletion.requests})")
    return await _seen_gone(tools, step.target)


async def _seen_gone(tools: Tools, collection_id: str) -> StepOutcome:
    """Deleted is what can no longer be read, not what was accepted."""
    found = await tools.reader.restore_point_collection(collection_id)
    if isinstance(found, Absent):
        return StepOutcome("done", "deleted, and seen gone")
    told = guards.why(found) if isinstance(found, Unreadable) else f"Azure still shows it ({found.provisioning_state})"
    return StepOutcome("failed", f"the deletion ended well, but {told}")


@dataclass(slots=True)
class _Deletion:
    """One deletion with its retries: ScopeLocked while the lifted lock goes away, a failed operation up to TRIES times."""

    tools: Tools
    collection_id: str
    deadline: str
    requests: int = 0
    failed_operations: int = 0
    began: str = field(default_factory=clock.now)

    async def run(self) -> str:
        pause = 0.5
        while True:
            try:
                self.requests += 1
                return await self.tools.writer.delete_restore_point_collection(self.collection_id, self._left())
            except (ScopeLocked, OperationFailed) as error:
                if not self._worth_another(error) or self._left() <= pause:
                    raise
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _worth_another(self, error: AzureCallFailed) -> bool:
        if isinstance(error, ScopeLocked):
            return clock.now() < clock.after(self.began, self.tools.settings.unlock_wait_seconds)
        self.failed_operations += 1
        return error.code != TIMED_OUT and self.failed_operations < TRIES

    def _left(self) -> float:
        """Seconds until the lock has to be back; a moment is always left, so that the first request is sent."""
        return max(0.1, (clock.as_time(self.deadline) - clock.as_time(clock.now())).total_seconds())
