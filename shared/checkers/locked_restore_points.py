"""Cause 6: Azure Backup may not delete old restore points because a lock is in the way; past the limit new backups fail.

Two layouts, both found by source and prefix: `AzureBackup_<VM>` in the VM's own group (2018), and `AzureBackup_<VM>_<digits>` in a
group that Azure Backup owns (today). Managed disks only.
https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources and
https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
"""

from __future__ import annotations

from dataclasses import replace

from shared.checkers.contract import (
    WINDOWS_VM,
    Checker,
    Example,
    KnownFacts,
    Reader,
    Subject,
    confirmed,
    not_read,
    ruled_out,
    unknown,
)
from shared.facts import Absent, Lock, RestorePointCollection, Unreadable
from shared.incident.model import Finding, Target, Verdict

CAUSE = "locked_restore_points"
POINT_LIMIT = 18
"""Restore points of one VM across all its collections and groups."""


async def check(subject: Subject, reader: Reader) -> Finding:
    vm = await reader.virtual_machine(subject.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return not_read(CAUSE, vm)
    if vm.managed_disks is None:
        return unknown(CAUSE, "the VM does not say whether its disks are managed")
    if not vm.managed_disks:
        return ruled_out(CAUSE, "the VM has unmanaged disks, which have no restore point collection")
    collections = await reader.restore_point_collections(subject.vm_id)
    if isinstance(collections, Absent | Unreadable):
        return not_read(CAUSE, collections)
    return await _judge(collections, reader)


async def _judge(collections: tuple[RestorePointCollection, ...], reader: Reader) -> Finding:
    if any(collection.points is None for collection in collections):
        return unknown(CAUSE, "the restore points of a collection were not told")
    counted = tuple(f"{each.id} holds {len(each.points or ())} restore points" for each in collections)
    total = sum(len(each.points or ()) for each in collections)
    if total < POINT_LIMIT:
        return ruled_out(CAUSE, f"{total} restore points in all, fewer than {POINT_LIMIT}", *counted)
    targets, lock_evidence = [], []
    for collection in collections:
        locks = await reader.locks(collection.id, below=True)
        if isinstance(locks, Absent | Unreadable):
            return not_read(CAUSE, locks)
        blocking = tuple(lock for lock in locks if lock.blocks_deletion)
        lock_evidence += [f"lock {lock.name} ({lock.level}) on {lock.scope}" for lock in blocking]
        targets += [Target(collection.id, blocking)] if blocking else []
    if not targets:
        return unknown(CAUSE, *counted, "no lock keeps them: something else does, or the clean-up is still to come")
    return confirmed(CAUSE, *counted, *dict.fromkeys(lock_evidence), targets=tuple(targets))


_GROUP = "/subscriptions/s/resourceGroups/g"
_COLLECTION = RestorePointCollection(
    id=f"{_GROUP}/providers/Microsoft.Compute/restorePointCollections/AzureBackup_vm1",
    name="AzureBackup_vm1",
    source_id=WINDOWS_VM.id,
    location="westeurope",
    provisioning_state="Succeeded",
    points=tuple(f"AzureBackup_202601{day:02}_020000" for day in range(1, POINT_LIMIT + 1)),
)
_LOCK = Lock(f"{_GROUP}/providers/Microsoft.Authorization/locks/keep", "keep", "CanNotDelete", None, ())
_ON_COLLECTION = replace(_LOCK, id=f"{_COLLECTION.id}/providers/Microsoft.Authorization/locks/keep")
_ON_POINT = replace(_LOCK, id=f"{_COLLECTION.id}/restorePoints/p1/providers/Microsoft.Authorization/locks/keep")
_ELSEWHERE = replace(_LOCK, id="/subscriptions/s/resourceGroups/other/providers/Microsoft.Authorization/locks/keep")
_FULL = KnownFacts(vm=WINDOWS_VM, collections=(_COLLECTION,), locked_by=(_LOCK,))
CHECKER = Checker(
    CAUSE,
    check,
    (
        Example("no collection", replace(_FULL, collections=()), Verdict.RULED_OUT),
        Example(
            "the collection of vm10",
            replace(
                _FULL, vm=WINDOWS_VM, collections=(replace(_COLLECTION, name="AzureBackup_vm10", source_id=WINDOWS_VM.id + "0"),)
            ),
            Verdict.RULED_OUT,
        ),
        Example(
            "a collection of the customer's own",
            replace(_FULL, collections=(replace(_COLLECTION, name="mine"),)),
            Verdict.RULED_OUT,
        ),
        Example(
            "17 points",
            replace(_FULL, collections=(replace(_COLLECTION, points=_COLLECTION.points[1:]),)),  # type: ignore[index]
            Verdict.RULED_OUT,
        ),
        Example("unmanaged disks", replace(_FULL, vm=replace(WINDOWS_VM, managed_disks=False)), Verdict.RULED_OUT),
        Example("18 points and a lock on the group", _FULL, Verdict.CONFIRMED),
        Example("18 points and a lock on the collection", replace(_FULL, locked_by=(_ON_COLLECTION,)), Verdict.CONFIRMED),
        Example("18 points and a lock on one of them", replace(_FULL, locked_by=(_ON_POINT,)), Verdict.CONFIRMED),
        Example("18 points, no lock", replace(_FULL, locked_by=()), Verdict.UNKNOWN),
        Example("18 points, a lock on another group", replace(_FULL, locked_by=(_ELSEWHERE,)), Verdict.UNKNOWN),
        Example("disks not told", replace(_FULL, vm=replace(WINDOWS_VM, managed_disks=None)), Verdict.UNKNOWN),
        Example(
            "locks cannot be read",
            replace(_FULL, locked_by=Unreadable("the locks", "403")),
            Verdict.UNKNOWN,
        ),
        Example("collections cannot be read", KnownFacts(vm=WINDOWS_VM, locked_by=(_LOCK,)), Verdict.UNKNOWN),
        Example("the VM cannot be read", KnownFacts(), Verdict.UNKNOWN),
    ),
)
