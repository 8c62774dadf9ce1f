"""Cause 6: Azure Backup may not delete old restore points because a lock is in the way;
past the limit new backups fail.

Two layouts, both found by source and prefix: `AzureBackup_<VM>` in the VM's own group
(2018), and `AzureBackup_<VM>_<digits>` in a group that Azure Backup owns (today).
Managed disks only.
https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources and
https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared.arm_ids import fold
from shared.diagnosis.checkers.contract import (
    DAILY_POLICY,
    EXAMPLE_SUBJECT,
    PROTECTED_ITEM,
    WINDOWS_VM,
    Checker,
    Example,
    KnownFacts,
    Reader,
    Subject,
    confirmed,
    not_read,
    ruled_out,
    the_item,
    the_policy,
    the_vm,
    unknown,
)
from shared.facts import Absent, Lock, RestorePoint, RestorePointCollection, Unreadable
from shared.incident.model import Finding, Target, Verdict
from shared.sentences import Sentence, phrase
from shared.vault_facts import ENHANCED

CAUSE = "locked_restore_points"
POINT_LIMIT = 18
"""Restore points of one VM across all its collections and groups, other backup tools'
included, under a Standard policy."""
LIMIT_CODE = "UserErrorRpCollectionLimitReached"
VAULT_LEVELS = 6
"""Segments from a vault's id to that of an item: fabric, container and item, a type and
a name each."""


async def check(subject: Subject, reader: Reader) -> Finding:
    vm = await reader.virtual_machine(subject.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return not_read(CAUSE, the_vm(subject), vm)
    if vm.managed_disks is None:
        return unknown(CAUSE, phrase("disks_not_known"))
    if not vm.managed_disks:
        return _below(subject, phrase("unmanaged_disks"))
    collections = await reader.restore_point_collections(subject.vm_id)
    if isinstance(collections, Absent | Unreadable):
        return not_read(CAUSE, phrase("the_collections"), collections)
    return await _judge(subject, collections, reader)


async def _judge(
    subject: Subject, collections: tuple[RestorePointCollection, ...], reader: Reader
) -> Finding:
    if any(collection.points is None for collection in collections):
        return unknown(CAUSE, phrase("points_not_known"))
    own = [each for each in collections if each.belongs_to(subject.vm_id)]
    others = [each for each in collections if each not in own]
    total = _count(collections)
    counted = [
        phrase("collection_holds", collection=each.id, count=str(_count([each]))) for each in own
    ]
    counted += [
        phrase("foreign_collection_holds", collection=each.id, count=str(_count([each])))
        for each in others
    ]
    if total < POINT_LIMIT and not _limit_told(subject):
        fewer = phrase("fewer_than_limit", count=str(total), limit=str(POINT_LIMIT))
        return ruled_out(CAUSE, fewer, *counted)
    policy_type = await _policy_type(subject, reader)
    if isinstance(policy_type, Finding):
        return policy_type
    if problem := _not_at_limit(subject, policy_type, total, _count(others)):
        return unknown(CAUSE, problem, *counted)
    return await _kept_by(own, counted, subject.item_id, reader)


def _not_at_limit(subject: Subject, policy_type: str, total: int, others: int) -> Sentence | None:
    """Why it is not known that the limit is what failed the backup, or that a deletion
    would help; None when it is.

    18 is the limit of a Standard policy. An Enhanced one keeps more, up to a limit that
    is not published: there the job's own error says it, and no count does.
    https://learn.microsoft.com/azure/backup/backup-azure-vms-enhanced-policy
    """
    limit = str(POINT_LIMIT)
    if policy_type == ENHANCED:
        return None if _limit_told(subject) else phrase("enhanced_without_limit", limit=limit)
    if total < POINT_LIMIT:
        return phrase("fewer_than_job_says", count=str(total), limit=limit)
    if others >= POINT_LIMIT:
        return phrase("others_at_limit", count=str(others))
    return None


async def _policy_type(subject: Subject, reader: Reader) -> str | Finding:
    """V1 or V2, as item and policy say alike; else UNKNOWN."""
    item = await reader.protected_item(subject.item_id)
    if isinstance(item, Absent | Unreadable):
        return not_read(CAUSE, the_item(subject), item)
    policy = await reader.backup_policy(item.policy_id)
    if isinstance(policy, Absent | Unreadable):
        return not_read(CAUSE, the_policy(item), policy)
    if not policy.type or policy.type != item.policy_type:
        named = phrase(
            "policy_type_not_known",
            item=item.policy_type or phrase("nothing"),
            policy=policy.type or phrase("nothing"),
        )
        return unknown(CAUSE, named)
    return policy.type


async def _kept_by(
    own: list[RestorePointCollection], counted: list[Sentence], item_id: str, reader: Reader
) -> Finding:
    targets, lock_evidence = [], []
    for collection in own:
        locks = await reader.locks(collection.id, below=True)
        if isinstance(locks, Absent | Unreadable):
            return not_read(CAUSE, phrase("the_locks_around", scope=collection.id), locks)
        blocking = tuple(lock for lock in locks if lock.blocks_deletion)
        lock_evidence += [
            phrase("lock_found", name=lock.name, level=lock.level, scope=lock.scope)
            for lock in blocking
        ]
        targets += [Target(collection.id, blocking)] if blocking else []
    if not targets:
        return unknown(CAUSE, *counted, phrase("no_lock"), *await _on_vault(item_id, reader))
    return confirmed(CAUSE, *counted, *dict.fromkeys(lock_evidence), targets=tuple(targets))


async def _on_vault(item_id: str, reader: Reader) -> tuple[Sentence, ...]:
    """Locks of the vault, for the person: clean-up was seen to fail under one. They are
    never lifted."""
    vault_id = item_id.rsplit("/", VAULT_LEVELS)[0]
    locks = await reader.locks(vault_id)
    if isinstance(locks, Absent | Unreadable):
        return not_read(CAUSE, phrase("the_locks_above", scope=vault_id), locks).evidence
    return tuple(
        phrase("vault_locked", name=lock.name, level=lock.level, scope=lock.scope) for lock in locks
    )


def _count(collections: Sequence[RestorePointCollection]) -> int:
    return sum(len(each.points or ()) for each in collections)


def _limit_told(subject: Subject) -> bool:
    return fold(subject.error_code) == fold(LIMIT_CODE)


def _below(subject: Subject, evidence: Sentence) -> Finding:
    """Never RULED_OUT where the job itself names the limit."""
    return (
        unknown(CAUSE, evidence, phrase("job_names_limit"))
        if _limit_told(subject)
        else ruled_out(CAUSE, evidence)
    )


_GROUP = "/subscriptions/s/resourceGroups/g"
_COLLECTION = RestorePointCollection(
    id=f"{_GROUP}/providers/Microsoft.Compute/restorePointCollections/AzureBackup_vm1",
    name="AzureBackup_vm1",
    source_id=WINDOWS_VM.id,
    location="westeurope",
    provisioning_state="Succeeded",
    points=tuple(
        RestorePoint(
            f"AzureBackup_202601{day:02}_020000",
            f"2026-01-{day:02}T02:00:00Z",
            WINDOWS_VM.vm_id_guid,
            "Succeeded",
        )
        for day in range(1, POINT_LIMIT + 1)
    ),
)
_OTHERS = replace(
    _COLLECTION, id=_COLLECTION.id.replace("AzureBackup_", "acronis-"), name="acronis-vm1"
)
_ITEM, _POLICY = PROTECTED_ITEM, DAILY_POLICY
_LOCK = Lock(
    f"{_GROUP}/providers/Microsoft.Authorization/locks/keep", "keep", "CanNotDelete", None, ()
)
_ON_COLLECTION = replace(_LOCK, id=f"{_COLLECTION.id}/providers/Microsoft.Authorization/locks/keep")
_ON_POINT = replace(
    _LOCK, id=f"{_COLLECTION.id}/restorePoints/p1/providers/Microsoft.Authorization/locks/keep"
)
_ELSEWHERE = replace(
    _LOCK, id="/subscriptions/s/resourceGroups/other/providers/Microsoft.Authorization/locks/keep"
)
_FULL = KnownFacts(
    vm=WINDOWS_VM, collections=(_COLLECTION,), locked_by=(_LOCK,), item=_ITEM, policy=_POLICY
)
_ENHANCED = replace(
    _FULL, item=replace(_ITEM, policy_type=ENHANCED), policy=replace(_POLICY, type=ENHANCED)
)
_LIMIT = replace(EXAMPLE_SUBJECT, error_code=LIMIT_CODE)


def _holding(
    count: int, collection: RestorePointCollection = _COLLECTION
) -> RestorePointCollection:
    return replace(collection, points=(_COLLECTION.points or ())[:count])


def _both(ours: int, others: int) -> KnownFacts:
    return replace(_FULL, collections=(_holding(ours), _holding(others, _OTHERS)))


CHECKER = Checker(
    CAUSE,
    check,
    (
        Example("no collection", replace(_FULL, collections=()), Verdict.RULED_OUT),
        Example(
            "the collection of vm10",
            replace(
                _FULL,
                collections=(
                    replace(_COLLECTION, name="AzureBackup_vm10", source_id=WINDOWS_VM.id + "0"),
                ),
            ),
            Verdict.RULED_OUT,
        ),
        Example("17 points", replace(_FULL, collections=(_holding(17),)), Verdict.RULED_OUT),
        Example("10 of ours and 7 of another tool", _both(10, 7), Verdict.RULED_OUT),
        Example(
            "17 under an Enhanced policy",
            replace(_ENHANCED, collections=(_holding(17),)),
            Verdict.RULED_OUT,
        ),
        Example(
            "unmanaged disks",
            replace(_FULL, vm=replace(WINDOWS_VM, managed_disks=False)),
            Verdict.RULED_OUT,
        ),
        Example("18 points and a lock on the group", _FULL, Verdict.CONFIRMED),
        Example(
            "18 points and a lock on the collection",
            replace(_FULL, locked_by=(_ON_COLLECTION,)),
            Verdict.CONFIRMED,
        ),
        Example(
            "18 points and a lock on one of them",
            replace(_FULL, locked_by=(_ON_POINT,)),
            Verdict.CONFIRMED,
        ),
        Example("the same, and the job names the limit", _FULL, Verdict.CONFIRMED, _LIMIT),
        Example("17 of ours and 2 of another tool", _both(17, 2), Verdict.CONFIRMED),
        Example("10 of ours and 9 of another tool", _both(10, 9), Verdict.CONFIRMED, _LIMIT),
        Example("Enhanced, the job names the limit", _ENHANCED, Verdict.CONFIRMED, _LIMIT),
        Example(
            "Enhanced, 4 points, the job names the limit",
            replace(_ENHANCED, collections=(_holding(4),)),
            Verdict.CONFIRMED,
            _LIMIT,
        ),
        Example("Enhanced, 18 points, no word of the limit", _ENHANCED, Verdict.UNKNOWN),
        Example(
            "Enhanced, the job names the limit, no lock",
            replace(_ENHANCED, locked_by=()),
            Verdict.UNKNOWN,
            _LIMIT,
        ),
        Example(
            "17 points, the job names the limit",
            replace(_FULL, collections=(_holding(17),)),
            Verdict.UNKNOWN,
            _LIMIT,
        ),
        Example(
            "no collection, the job names the limit",
            replace(_FULL, collections=()),
            Verdict.UNKNOWN,
            _LIMIT,
        ),
        Example(
            "unmanaged disks, the job names the limit",
            replace(_FULL, vm=replace(WINDOWS_VM, managed_disks=False)),
            Verdict.UNKNOWN,
            _LIMIT,
        ),
        Example("another tool's alone are at the limit", _both(3, 18), Verdict.UNKNOWN),
        Example(
            "18 in a collection of the customer's own",
            replace(_FULL, collections=(_OTHERS,)),
            Verdict.UNKNOWN,
        ),
        Example("18 points, no lock", replace(_FULL, locked_by=()), Verdict.UNKNOWN),
        Example(
            "18 points, a lock on another group",
            replace(_FULL, locked_by=(_ELSEWHERE,)),
            Verdict.UNKNOWN,
        ),
        Example(
            "disks not told",
            replace(_FULL, vm=replace(WINDOWS_VM, managed_disks=None)),
            Verdict.UNKNOWN,
        ),
        Example(
            "locks cannot be read",
            replace(_FULL, locked_by=Unreadable("the locks", "403")),
            Verdict.UNKNOWN,
        ),
        Example(
            "the item cannot be read",
            replace(_FULL, item=Unreadable("the item", "403")),
            Verdict.UNKNOWN,
        ),
        Example("the item is gone", replace(_FULL, item=Absent("the item")), Verdict.UNKNOWN),
        Example(
            "the policy cannot be read",
            replace(_FULL, policy=Unreadable("the policy", "403")),
            Verdict.UNKNOWN,
        ),
        Example(
            "item and policy disagree", replace(_FULL, policy=_ENHANCED.policy), Verdict.UNKNOWN
        ),
        Example(
            "the item names no policy type",
            replace(_FULL, item=replace(_ITEM, policy_type="")),
            Verdict.UNKNOWN,
        ),
        Example(
            "points not told",
            replace(_FULL, collections=(replace(_COLLECTION, points=None),)),
            Verdict.UNKNOWN,
        ),
        Example(
            "collections cannot be read",
            KnownFacts(vm=WINDOWS_VM, locked_by=(_LOCK,)),
            Verdict.UNKNOWN,
        ),
        Example("the VM cannot be read", KnownFacts(), Verdict.UNKNOWN),
    ),
)
