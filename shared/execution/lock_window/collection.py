"""Deletes one restore point collection within an open window: what must hold before,
and the deletion with its retries."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Set
from dataclasses import dataclass, field
from datetime import timedelta

from shared.arm_ids import fold
from shared.azure.reader import ArmReader
from shared.diagnosis.running_job import job_running, why_later
from shared.errors import AzureCallFailed, OperationFailed, ScopeLocked
from shared.execution import guards, vault_guards
from shared.execution.fixes.delete_restore_point_collection import why_kept
from shared.execution.lock_window.windows import Result
from shared.execution.tools import Tools
from shared.facts import Absent, Lock, RestorePointCollection, Unreadable
from shared.incident.model import Incident
from shared.incident.outcome import Outcome

KIND = "delete_restore_point_collection"
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


async def examined(
    tools: Tools, incident: Incident, target: str, *, unlocked: bool
) -> Ready | Result:
    """Everything that must hold right before the change, read afresh; what cannot be
    read is a no. While a job of the VM runs the result is waiting.

    `unlocked`: the window is open. Then a lock that blocks and that we did not lift was
    made by a person since, and stays.
    """
    collection = await tools.reader.restore_point_collection(target)
    if isinstance(collection, Absent):
        return Result(target, Outcome.DONE, "the collection is already gone")
    if isinstance(collection, Unreadable):
        return Result(target, Outcome.REFUSED, collection.why)
    if problem := guards.not_ours(collection, incident.vm_id):
        return Result(target, Outcome.REFUSED, problem)
    if job := await job_running(
        tools.reader, incident
    ):  # before all that a running job may disturb
        return Result(target, Outcome.WAITING, why_later(job))
    pairing = timedelta(minutes=tools.settings.point_pairing_minutes)
    looks = [
        guards.switched_off(tools, incident, (target,)),
        vault_guards.points_lost(
            tools.reader, collection, incident.vm_id, incident.item_id, pairing
        ),
    ]
    if not unlocked:  # a lock that came to the vault since refuses the backup only, and the group's locks go back anyway
        looks.append(
            vault_guards.backup_refused(
                tools.reader, incident.vault_id, await tools.ledger.open_locks()
            )
        )
    if problems := [problem for problem in await asyncio.gather(*looks) if problem]:
        return Result(target, Outcome.REFUSED, "; ".join(problems))
    locks = await tools.reader.locks(target, below=True)
    if isinstance(locks, Absent | Unreadable):
        return Result(target, Outcome.REFUSED, locks.why)
    return await _lockable(
        tools,
        Ready(incident, collection, tuple(lock for lock in locks if lock.blocks_deletion)),
        unlocked,
    )


async def stopped_meanwhile(reader: ArmReader, ready: Ready, lifted: Set[str]) -> Result | None:
    """The last look, with the locks off, so only at what can have changed since: the
    collection and its points, the item, its sessions, and locks. None: go on and
    delete. Nothing is asked but Azure. `lifted`: ids, folded, of the locks that we took
    off.
    """
    target, incident = ready.collection.id, ready.incident
    found, locks, job = await asyncio.gather(
        reader.restore_point_collection(target),
        reader.locks(target, below=True),
        job_running(reader, incident),
    )
    if isinstance(found, Absent):
        return Result(target, Outcome.DONE, "the collection is already gone")
    if isinstance(found, Unreadable):
        return Result(target, Outcome.REFUSED, found.why)
    if isinstance(locks, Absent | Unreadable):
        return Result(target, Outcome.REFUSED, locks.why)
    if job:
        return Result(target, Outcome.WAITING, why_later(job))
    problem = guards.not_ours(found, incident.vm_id) or _locked_by_others(locks, lifted)
    problem = problem or await vault_guards.points_changed(
        reader, ready.collection, found, incident.vm_id, incident.item_id
    )
    return Result(target, Outcome.REFUSED, problem) if problem else None


def _locked_by_others(locks: Iterable[Lock], lifted: Set[str]) -> str:
    """Which locks somebody made while the group was unlocked, or ""."""
    names = ", ".join(
        f"{lock.name} on {lock.scope}"
        for lock in locks
        if lock.blocks_deletion and fold(lock.id) not in lifted
    )
    return (
        f"somebody made a lock while the group was unlocked, and it stays: {names}" if names else ""
    )


async def _lockable(tools: Tools, ready: Ready, unlocked: bool) -> Ready | Result:
    target = ready.collection.id
    if kept := [reason for lock in ready.locks if (reason := why_kept(lock, target))]:
        return Result(target, Outcome.REFUSED, "; ".join(kept))
    if unlocked:
        lifted = {
            fold(entry.lock.id) for entry in await tools.ledger.open_locks() if entry.may_be_off
        }
        if added := _locked_by_others(ready.locks, lifted):
            return Result(target, Outcome.REFUSED, added)
    return ready


async def deleted(
    tools: Tools,
    target: str,
    give_up: float,
    accepted: Callable[[], None],
    look: Callable[[], Awaitable[Result | None]],
) -> tuple[Result, str, AzureCallFailed | None]:
    """The deletion, waited for to its end. `give_up` is the loop's time at which the
    lock has to go back; `accepted` is called when ARM has taken it. `look` is asked
    before a further request where an operation failed, or the last look is
    LOOK_AGAIN_SECONDS old: a result ends the deletion.

    Returns the result, ARM's correlation id, and the error when it failed.
    """
    deletion = _Deletion(tools, target, give_up, accepted, look)
    try:
        correlation_id = await deletion.run()
    except _Stopped as stopped:
        return stopped.result, "", None
    except AzureCallFailed as error:
        return (
            Result(target, Outcome.FAILED, f"{error} (requests sent: {deletion.requests})"),
            error.correlation_id,
            error,
        )
    return Result(target, Outcome.DONE, "deleted"), correlation_id, None


async def seen_gone(tools: Tools, result: Result) -> Result:
    """Deleted is what can no longer be read, not what was accepted."""
    if result.result is not Outcome.DONE:
        return result
    found = await tools.reader.restore_point_collection(result.target)
    if isinstance(found, Absent):
        return Result(result.target, Outcome.DONE, f"{result.detail}, and seen gone")
    told = (
        found.why
        if isinstance(found, Unreadable)
        else f"Azure still shows it ({found.provisioning_state})"
    )
    return Result(result.target, Outcome.FAILED, f"the deletion ended well, but {told}")


class _Stopped(Exception):
    """A look between two requests says that nothing more is deleted."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.detail)
        self.result = result


@dataclass(slots=True)
class _Deletion:
    """One deletion with its retries: ScopeLocked while the lifted lock goes away, a
    failed operation up to TRIES times."""

    tools: Tools
    collection_id: str
    give_up: float
    accepted: Callable[[], None]
    look: Callable[[], Awaitable[Result | None]]
    requests: int = 0
    failed_operations: int = 0
    looked_at: float = field(default_factory=lambda: _now())

    async def run(self) -> str:
        pause, unlocked_by = FIRST_PAUSE_SECONDS, _now() + self.tools.settings.unlock_wait_seconds
        while True:
            try:
                self.requests += 1
                return await self.tools.writer.delete_restore_point_collection(
                    self.collection_id, self._left(), self.accepted
                )
            except ScopeLocked:
                if _now() + pause >= min(unlocked_by, self.give_up):
                    raise
            except OperationFailed:
                self.failed_operations += 1
                if self.failed_operations >= TRIES or self._left() <= pause:
                    raise
                self.looked_at = float(
                    "-inf"
                )  # it took its time: nothing that was seen before it counts
            await asyncio.sleep(pause * random.uniform(0.9, 1.1))
            pause = min(pause * GROWTH, LONGEST_PAUSE_SECONDS)
            if _now() - self.looked_at >= LOOK_AGAIN_SECONDS:
                self.looked_at = _now()
                if late := await self.look():
                    raise _Stopped(late)

    def _left(self) -> float:
        """Seconds until the lock has to be back; a moment is always left, so that the
        first request is sent."""
        return max(0.1, self.give_up - _now())


def _now() -> float:
    return asyncio.get_running_loop().time()
