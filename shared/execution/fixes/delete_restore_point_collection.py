"""Fix of cause 6: lift the locks that keep the VM's restore point collection, delete
it, put the identical locks back.

Fix safety: only a collection named AzureBackup_… whose source is the VM of the failed
job; only locks on its resource group; never a lock with owners, one at subscription
level, one that Azure Backup made, a ReadOnly one on a group other than the VM's, or one
on the collection or one of its points: that is an owner's decision about exactly this
thing. Where one of those is in the way nothing is lifted at all. All of this is read
again right before, and that no backup or restore runs, and that every point is in the
vault or expired (shared/execution/restore_points.py).

The locks are lifted and put back in shared/execution/lock_window, which asks this file
what may be deleted, and deletes it, through `CollectionDeletions`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain

from shared.arm_ids import fold, group_of, is_at_or_above, parse, same
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter
from shared.diagnosis.by_hand import free_backup_group, remove_lock
from shared.diagnosis.running_job import job_running, why_later
from shared.execution import guards, vault_guards
from shared.execution.fixes.contract import Fix, Hands
from shared.execution.lock_window.deletions import KIND, LIFT_LOCKS, RESTORE_LOCKS, Ready
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.windows import TargetOutcome
from shared.execution.restore_points import why_changed
from shared.facts import Absent, Lock, RestorePointCollection, Unreadable
from shared.incident.model import Finding, Incident, Target
from shared.incident.outcome import Outcome, StepOutcome
from shared.plan.steps import NotFixable, Step
from shared.sentences import Sentence, join, phrase
from shared.settings import Settings

AZURE_BACKUPS_OWN_LOCK = "AzureBackupProtectionLock"


def steps(finding: Finding, vm_id: str) -> tuple[Step, ...] | NotFixable:
    kept = {
        lock: reason
        for target in finding.targets
        for lock in target.locks
        if (reason := why_lock_stays(lock, target.id, vm_id))
    }
    if kept:
        return NotFixable("; ".join(dict.fromkeys(kept.values())), tuple(map(remove_lock, kept)))
    return tuple(chain.from_iterable(_steps_for(target) for target in finding.targets))


def _steps_for(target: Target) -> tuple[Step, ...]:
    name, group_id = parse(target.id).name, group_of(target.id)
    locks = join(
        phrase("lock_on", name=lock.name, level=lock.level, scope=lock.scope)
        for lock in target.locks
    )

    def step(kind: str, says: Sentence, locks: tuple[Lock, ...] = ()) -> Step:
        return Step(kind, target.id, says, unit=group_id, counts=kind == KIND, locks=locks)

    return (
        step(LIFT_LOCKS, phrase("lift_locks", locks=locks), target.locks),
        step(KIND, phrase("delete_restore_point_collection", name=name)),
        step(RESTORE_LOCKS, phrase("put_back_locks", locks=locks), target.locks),
    )


def why_lock_stays(lock: Lock, collection_id: str, vm_id: str) -> str:
    """Why this lock must not be lifted for that collection of this VM, or "" when it
    may be.

    Under a ReadOnly lock that is back, Azure Backup can make no restore point in the
    group. In the VM's own group that is no reason: today's are made in another one.
    https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
    """
    where = f"the lock {lock.name} ({lock.level}) on {lock.scope}"
    if lock.owners:
        return f"{where} belongs to the application {', '.join(lock.owners)}"
    if fold(lock.name) == fold(AZURE_BACKUPS_OWN_LOCK):
        return f"{where} was made by Azure Backup"
    if is_at_or_above(collection_id, lock.scope):
        return (
            f"{where} is on exactly what would be deleted; whoever put it there decides, and"
            " nothing is touched"
        )
    if same(lock.scope, group_of(collection_id)):
        if fold(lock.level) != "readonly" or same(lock.scope, group_of(vm_id)):
            return ""
        return (
            f"{where} would be put back, and keeps Azure Backup from making the next restore point"
            " there: the deletion would mend nothing"
        )
    return f"{where} is above the resource group; only locks on the group are lifted"


async def carry_out(hands: Hands, incident: Incident, steps: tuple[Step, ...]) -> StepOutcome:
    """The collections of one resource group, in a window that other incidents may
    share."""
    targets = tuple(step.target for step in steps if step.kind == KIND)
    return await hands.turns.take(incident, targets)


def advise_on_locks(incident: Incident) -> tuple[Sentence, ...]:
    """Manual steps after the fix, for the owners of locks on groups that Azure Backup
    keeps its restore points in, other than the VM's own."""
    put_back = any(action.kind == RESTORE_LOCKS for action in incident.all_actions)
    if not put_back or incident.returning is None:
        return ()
    return free_backup_group(incident.vm_id, incident.returning.locks)


@dataclass(frozen=True, slots=True)
class CollectionDeletions:
    """The part of a lock window that is about collections; see
    shared/execution/lock_window/deletions.py for the contract of each method."""

    reader: ArmReader
    writer: ArmWriter
    ledger: LockLedger
    settings: Settings

    async def examine(
        self, reader: ArmReader, incident: Incident, target: str, *, unlocked: bool
    ) -> Ready | TargetOutcome:
        """Whatever cannot be read is a no. Once the window is open, a lock that blocks
        and that we did not lift was made by a person since, and stays."""
        collection = await reader.restore_point_collection(target)
        if isinstance(collection, Absent):
            return TargetOutcome(target, Outcome.DONE, "the collection is already gone")
        if isinstance(collection, Unreadable):
            return TargetOutcome(target, Outcome.REFUSED, collection.why)
        if problem := guards.why_not_ours(collection, incident.vm_id):
            return TargetOutcome(target, Outcome.REFUSED, problem)
        # Before the rest: a running job may disturb what is read there.
        if job := await job_running(reader, incident):
            return TargetOutcome(target, Outcome.WAITING, why_later(job))
        if problem := await self._why_not_deleted(reader, incident, collection, unlocked):
            return TargetOutcome(target, Outcome.REFUSED, problem)
        locks = await reader.locks(target, below=True)
        if isinstance(locks, Absent | Unreadable):
            return TargetOutcome(target, Outcome.REFUSED, locks.why)
        blocking = tuple(lock for lock in locks if lock.blocks_deletion)
        if problem := await self._why_not_unlocked(blocking, target, incident.vm_id, unlocked):
            return TargetOutcome(target, Outcome.REFUSED, problem)
        return Ready(incident, collection, blocking)

    async def _why_not_deleted(
        self,
        reader: ArmReader,
        incident: Incident,
        collection: RestorePointCollection,
        unlocked: bool,
    ) -> str:
        vm_id, item_id, settings = incident.vm_id, incident.item_id, self.settings
        pairing = timedelta(minutes=settings.point_pairing_minutes)
        looks = [
            guards.why_switched_off(settings.mode, reader, incident, (collection.id,)),
            vault_guards.why_points_lost(reader, collection, vm_id, item_id, pairing),
        ]
        # Not once the group is unlocked: a lock that came to the vault since refuses
        # the backup only, and the group's locks go back anyway.
        if not unlocked:
            off = await self.ledger.open_locks()
            looks.append(vault_guards.why_backup_refused(reader, incident.vault_id, off))
        return "; ".join(problem for problem in await asyncio.gather(*looks) if problem)

    async def _why_not_unlocked(
        self, blocking: tuple[Lock, ...], target: str, vm_id: str, unlocked: bool
    ) -> str:
        reasons = (why_lock_stays(lock, target, vm_id) for lock in blocking)
        if kept := [reason for reason in reasons if reason]:
            return "; ".join(kept)
        if not unlocked:
            return ""
        off = await self.ledger.open_locks()
        return _locked_by_others(blocking, {fold(row.lock.id) for row in off})

    async def look_again(
        self, reader: ArmReader, ready: Ready, lifted: Set[str]
    ) -> TargetOutcome | None:
        """Reads what can have changed since `examine`, all at once, since the locks are
        off: mode and tags, the collection and its points, the item, its sessions, and
        locks. Asks nothing but Azure."""
        target, incident = ready.collection.id, ready.incident
        off, found, locks, job, item, recovery = await asyncio.gather(
            guards.why_switched_off(self.settings.mode, reader, incident, (target,)),
            reader.restore_point_collection(target),
            reader.locks(target, below=True),
            job_running(reader, incident),
            reader.protected_item(incident.item_id),
            reader.recovery_points(incident.item_id),
        )
        if off:
            return TargetOutcome(target, Outcome.REFUSED, off)
        if isinstance(found, Absent):
            return TargetOutcome(target, Outcome.DONE, "the collection is already gone")
        if isinstance(found, Unreadable):
            return TargetOutcome(target, Outcome.REFUSED, found.why)
        if isinstance(locks, Absent | Unreadable):
            return TargetOutcome(target, Outcome.REFUSED, locks.why)
        if job:
            return TargetOutcome(target, Outcome.WAITING, why_later(job))
        problem = guards.why_not_ours(found, incident.vm_id) or _locked_by_others(locks, lifted)
        problem = problem or "; ".join(
            why_changed(ready.collection, found, incident.vm_id, item, recovery)
        )
        return TargetOutcome(target, Outcome.REFUSED, problem) if problem else None

    async def delete(self, target: str, wait_seconds: float, accepted: Callable[[], None]) -> str:
        return await self.writer.delete_restore_point_collection(target, wait_seconds, accepted)

    async def confirm_gone(self, result: TargetOutcome) -> TargetOutcome:
        if result.result is not Outcome.DONE:
            return result
        found = await self.reader.restore_point_collection(result.target)
        if isinstance(found, Absent):
            return TargetOutcome(result.target, Outcome.DONE, f"{result.detail}, and seen gone")
        seen = (
            found.why
            if isinstance(found, Unreadable)
            else f"Azure still shows it ({found.provisioning_state})"
        )
        return TargetOutcome(result.target, Outcome.FAILED, f"the deletion ended well, but {seen}")


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


FIX = Fix(
    KIND,
    (LIFT_LOCKS, KIND, RESTORE_LOCKS),
    steps,
    carry_out,
    loses=(
        "The instant restore points in the collection, each of them in the vault or expired; what"
        " the vault holds stays."
    ),
)
