"""Cause 6: Azure Backup may not delete old restore points because a lock is in the way;
past the limit new backups fail.

Two layouts, both found by source and prefix: `AzureBackup_<VM>` in the VM's own group
(2018), and `AzureBackup_<VM>_<digits>` in a group that Azure Backup owns (today).
Managed disks only.
https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources and
https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
"""

from __future__ import annotations

from dataclasses import replace

from shared.arm_ids import fold
from shared.diagnosis import by_hand
from shared.diagnosis.checkers.contract import (
    Checker,
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
from shared.diagnosis.checkers.restore_point_count import (
    LIMIT_CODE,
    POINT_LIMIT,
    count,
    foresee_return,
    of_other_machines,
    points_of,
    say_unsettled,
)
from shared.diagnosis.checkers.restore_point_examples import EXAMPLES
from shared.facts import (
    Absent,
    RestorePointCollection,
    Unreadable,
    VirtualMachine,
)
from shared.incident.model import Finding, Target, Verdict
from shared.sentences import Sentence, phrase
from shared.vault_facts import ENHANCED, BackupPolicy

CAUSE = "locked_restore_points"
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
        below = _below(subject, phrase("unmanaged_disks"))
        return replace(below, by_hand=by_hand.convert_disks(vm.id))
    collections = await reader.restore_point_collections(subject.vm_id)
    if isinstance(collections, Absent | Unreadable):
        return not_read(CAUSE, phrase("the_collections"), collections)
    if any(collection.points is None for collection in collections):
        return unknown(CAUSE, phrase("points_not_known"))
    return await _judge(subject, vm, collections, reader)


async def _judge(
    subject: Subject,
    vm: VirtualMachine,
    collections: tuple[RestorePointCollection, ...],
    reader: Reader,
) -> Finding:
    own = [each for each in collections if each.belongs_to(subject.vm_id)]
    others = [each for each in collections if each not in own]
    total = count(collections)
    counted = [
        phrase("collection_holds", collection=each.id, count=str(count([each]))) for each in own
    ]
    counted += [
        phrase("foreign_collection_holds", collection=each.id, count=str(count([each])))
        for each in others
    ]
    if total < POINT_LIMIT and not _limit_told(subject):
        fewer = phrase("fewer_than_limit", count=str(total), limit=str(POINT_LIMIT))
        return ruled_out(CAUSE, fewer, *counted)
    policy = await _read_policy(subject, reader)
    if isinstance(policy, Finding):
        return policy
    former = of_other_machines(points_of(collections), vm.vm_id_guid)
    problem = _not_at_limit(subject, policy, total, count(others), len(former))
    if problem:
        return unknown(CAUSE, problem, *counted)
    found = await _kept_by(own, counted, subject.item_id, reader)
    if found.verdict is not Verdict.CONFIRMED:
        return found
    returning = foresee_return(subject.vm_id, found.targets, collections, policy)
    return replace(found, returning=returning)


def _not_at_limit(
    subject: Subject, policy: BackupPolicy, total: int, others: int, former: int
) -> Sentence | None:
    """Why it is not known that the limit is what failed the backup, or that a deletion
    would help; None when it is. `former`: points of a machine that had the VM's name
    before: whether they count for this one is not documented.

    18 is the limit of a Standard policy. An Enhanced one keeps more, up to a limit that
    is not published: there the job's own error says it, and no count does.
    https://learn.microsoft.com/azure/backup/backup-azure-vms-enhanced-policy
    """
    limit = str(POINT_LIMIT)
    if policy.type == ENHANCED:
        if not _limit_told(subject):
            return _enhanced(policy, total)
        return phrase("points_of_former_machine", count=str(former)) if former == total else None
    if total - former < POINT_LIMIT <= total:
        return phrase("points_of_former_machine", count=str(former))
    if total < POINT_LIMIT:
        return phrase("fewer_than_job_says", count=str(total), limit=limit)
    if others >= POINT_LIMIT:
        return phrase("others_at_limit", count=str(others))
    return None


def _enhanced(policy: BackupPolicy, total: int) -> Sentence:
    """Under an Enhanced policy, without the limit's own code: more points than the
    policy keeps by itself show that its clean-up does not work."""
    kept = policy.instant_points_kept
    if kept is not None and total <= kept:
        return phrase("enhanced_without_limit", limit=str(POINT_LIMIT))
    told = phrase("not_reported") if kept is None else str(kept)
    return phrase("enhanced_beyond_retention", count=str(total), kept=told)


async def _read_policy(subject: Subject, reader: Reader) -> BackupPolicy | Finding:
    """The policy, whose type item and policy name alike; else UNKNOWN."""
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
    return policy


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
    counted += say_unsettled(points_of(own))
    if not targets:
        return await _without_lock(own, counted, item_id, reader)
    return confirmed(CAUSE, *counted, *dict.fromkeys(lock_evidence), targets=tuple(targets))


async def _without_lock(
    own: list[RestorePointCollection], counted: list[Sentence], item_id: str, reader: Reader
) -> Finding:
    """At the limit, and no lock keeps the points. Two things do that Azure shows
    elsewhere or not at all: a lock on the vault, under which the clean-up was seen to
    fail, and a shared access signature on a disk of a point. Neither is touched.
    https://learn.microsoft.com/azure/virtual-machines/restore-point-troubleshooting
    """
    found = unknown(CAUSE, *counted, phrase("no_lock"))
    vault_id = item_id.rsplit("/", VAULT_LEVELS)[0]
    locks = await reader.locks(vault_id)
    if isinstance(locks, Absent | Unreadable):
        doubt = phrase("vault_lock_not_known", reason=locks.why)
        return replace(found, evidence=(*found.evidence, doubt))
    on_vault = tuple(
        phrase("vault_locked", name=lock.name, level=lock.level, scope=lock.scope) for lock in locks
    )
    steps = [by_hand.remove_lock(lock) for lock in locks]
    for collection in own if not locks else ():
        steps += by_hand.end_access(collection.id)
    return replace(found, evidence=(*found.evidence, *on_vault), by_hand=tuple(steps))


def _limit_told(subject: Subject) -> bool:
    return fold(subject.error_code) == fold(LIMIT_CODE)


def _below(subject: Subject, evidence: Sentence) -> Finding:
    """Never RULED_OUT where the job itself names the limit."""
    return (
        unknown(CAUSE, evidence, phrase("job_names_limit"))
        if _limit_told(subject)
        else ruled_out(CAUSE, evidence)
    )


CHECKER = Checker(CAUSE, check, EXAMPLES)
