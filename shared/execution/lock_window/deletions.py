"""What a window deletes: the contract with the fix whose deletion it is, and the
deletion with its retries.

shared/execution/fixes/delete_restore_point_collection.py implements the contract.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass, field, replace
from typing import Protocol

from shared.arm_ids import fold
from shared.azure.reader import ArmReader
from shared.errors import AzureCallFailed, OperationFailed, ScopeLocked
from shared.execution.lock_window.windows import TargetOutcome
from shared.facts import Lock, RestorePointCollection
from shared.incident.model import Incident
from shared.incident.outcome import Outcome

LIFT_LOCKS, RESTORE_LOCKS = "lift_locks", "restore_locks"
KIND = "delete_restore_point_collection"
"""Kinds of the three steps around a target, and of the deletion's audit entries."""
IN_USE = "DiskRestorePointUsedByCustomer"
"""A disk of a restore point has a shared access signature: somebody reads it.
https://learn.microsoft.com/azure/virtual-machines/restore-point-troubleshooting"""
TRIES = 3
"""A big collection's deletion can time out in Azure and "usually succeeds after two or
three retries".
https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
"""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, GROWTH = 0.1, 3.0, 1.25
"""Between two looks at whether a lifted lock has gone: short, since the group is
unlocked meanwhile."""
LOOK_AGAIN_SECONDS = 5.0
"""A request that goes out longer than this after the last look needs another one."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A collection that may be deleted, and the locks that have to be lifted for it."""

    incident: Incident
    collection: RestorePointCollection
    locks: tuple[Lock, ...]


class Deletions(Protocol):
    """What a window asks of the fix. `reader`: the one that this look reads through."""

    async def examine(
        self, reader: ArmReader, incident: Incident, target: str, *, unlocked: bool
    ) -> Ready | TargetOutcome:
        """Check everything that must hold before the deletion, read afresh; the result
        says why it is not made, or why not now (WAITING). `unlocked`: the window is
        open already."""

    async def look_again(
        self, reader: ArmReader, ready: Ready, lifted: Set[str]
    ) -> TargetOutcome | None:
        """With the locks off, check what can have changed since `examine`. None: delete
        it. `lifted`: folded ids of the locks that we took off."""

    async def delete(self, target: str, wait_seconds: float, accepted: Callable[[], None]) -> str:
        """Send one DELETE and wait for its end. Returns ARM's correlation id; calls
        `accepted` when ARM has taken the request. Raises AzureCallFailed."""

    async def confirm_gone(self, result: TargetOutcome) -> TargetOutcome:
        """A DONE that could still be read is FAILED: accepted is not deleted."""


class Stopped(Exception):
    """A look between two requests found that nothing more may be deleted."""

    def __init__(self, result: TargetOutcome) -> None:
        super().__init__(result.detail)
        self.result = result


@dataclass(slots=True)
class Deletion:
    """One deletion with its retries: ScopeLocked while the lifted lock goes away, a
    failed operation up to TRIES times."""

    deletions: Deletions
    target: str
    unlock_wait_seconds: float
    """How long ScopeLocked is taken for a lifted lock that has not gone yet."""
    give_up: float
    """The loop's time at which the locks have to go back."""
    accepted: Callable[[], None]
    """Called when ARM has taken the request: no lock is in the way any more."""
    look: Callable[[], Awaitable[TargetOutcome | None]]
    """Asked before a further request where an operation failed, or where the last look
    is LOOK_AGAIN_SECONDS old. A result ends the deletion."""
    requests: int = 0
    failed_operations: int = 0
    failure: OperationFailed | None = None
    """Of the last operation: it may have deleted some points."""
    looked_at: float = field(default_factory=lambda: _now())

    async def run(self) -> tuple[TargetOutcome, str, AzureCallFailed | None]:
        """Delete it and wait for the end. Returns the result, ARM's correlation id, and
        the error when it failed."""
        try:
            correlation_id = await self._delete()
        except Stopped as stopped:
            if (error := self.failure) is None:
                return stopped.result, "", None
            detail = f"{stopped.result.detail}; before that: {error}"
            return replace(stopped.result, detail=detail), error.correlation_id, error
        except AzureCallFailed as error:
            detail = f"{error} (requests sent: {self.requests})"
            failed = TargetOutcome(self.target, Outcome.FAILED, detail, error.code)
            return failed, error.correlation_id, error
        return TargetOutcome(self.target, Outcome.DONE, "deleted"), correlation_id, None

    async def _delete(self) -> str:
        """Raises Stopped, AzureCallFailed."""
        pause, unlocked_by = FIRST_PAUSE_SECONDS, _now() + self.unlock_wait_seconds
        while True:
            try:
                self.requests += 1
                return await self.deletions.delete(self.target, self._left(), self.accepted)
            except ScopeLocked:
                if _now() + pause >= min(unlocked_by, self.give_up):
                    raise
            except OperationFailed as error:
                self.failure = error
                self.failed_operations += 1
                if fold(error.code) == fold(IN_USE):  # until a person ends the access
                    raise
                if self.failed_operations >= TRIES or self._left() <= pause:
                    raise
                # The operation took its time: nothing that was seen before it counts.
                self.looked_at = float("-inf")
            await asyncio.sleep(pause * random.uniform(0.9, 1.1))
            pause = min(pause * GROWTH, LONGEST_PAUSE_SECONDS)
            if _now() - self.looked_at >= LOOK_AGAIN_SECONDS:
                self.looked_at = _now()
                if late := await self.look():
                    raise Stopped(late)

    def _left(self) -> float:
        """Seconds until the locks have to be back; a moment is always left, so that the
        first request is sent."""
        return max(0.1, self.give_up - _now())


def _now() -> float:
    return asyncio.get_running_loop().time()
