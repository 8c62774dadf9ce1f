"""Fix of cause 6: lift the locks that keep the VM's restore point collection, delete
it, put the identical locks back.

Fix safety: only a collection named AzureBackup_… whose source is the VM of the failed
job; only locks on its resource group; never a lock with owners, one at subscription
level, one that Azure Backup made, or one on the collection or one of its points: that
is an owner's word about exactly this thing. Where one of those is in the way nothing is
lifted at all. The executor reads all of this again, that no backup or restore runs, and
that every point is in the vault or expired (shared/execution/restore_points.py).
"""

from __future__ import annotations

from itertools import chain

from shared.arm_ids import fold, group_of, is_at_or_above, parse, same
from shared.execution.fixes.contract import Fix
from shared.facts import Lock
from shared.incident.model import Finding, Target
from shared.plan.steps import NotFixable, Step, StepKind
from shared.sentences import join, phrase

AZURE_BACKUPS_OWN_LOCK = "AzureBackupProtectionLock"


def steps(finding: Finding, vm_id: str) -> tuple[Step, ...] | NotFixable:  # noqa: ARG001 - every fix has one signature
    reasons = [
        reason
        for target in finding.targets
        for lock in target.locks
        if (reason := why_kept(lock, target.id))
    ]
    if reasons:
        return NotFixable("; ".join(dict.fromkeys(reasons)))
    return tuple(chain.from_iterable(_steps_for(target) for target in finding.targets))


def _steps_for(target: Target) -> tuple[Step, ...]:
    name = parse(target.id).name
    locks = join(
        phrase("lock_on", name=lock.name, level=lock.level, scope=lock.scope)
        for lock in target.locks
    )
    return (
        Step(StepKind.LIFT_LOCKS, target.id, phrase("lift_locks", locks=locks), target.locks),
        Step(
            StepKind.DELETE_COLLECTION,
            target.id,
            phrase("delete_restore_point_collection", name=name),
        ),
        Step(
            StepKind.RESTORE_LOCKS, target.id, phrase("put_back_locks", locks=locks), target.locks
        ),
    )


def why_kept(lock: Lock, collection_id: str) -> str:
    """Why this lock must not be lifted for that collection, or "" when it may be."""
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
        return ""
    return f"{where} is above the resource group; only locks on the group are lifted"


FIX = Fix(
    "delete_restore_point_collection",
    steps,
    loses=(
        "The instant restore points in the collection, each of them in the vault or expired; what"
        " the vault holds stays."
    ),
)
