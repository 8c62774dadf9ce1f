"""Decides whether a restore point collection may be deleted without a person: would it
help, and would nothing be lost. Pure.

1. The item is backed up: otherwise no new backup follows, and the snapshots may be all
   that is left.
2. Item and policy name the same policy type. Unknown is a no.
3. The vault holds at least one recovery point that can be restored without its
   snapshot.
4. Nobody works with the points: each is in a settled state, and no file-recovery
   session is open.
5. Each point is of this machine, by `vmId`: a VM that was made again under the old name
   is another one.
6. Each point has its copy in the vault. No id links a restore point with a recovery
   point, so they are paired one to one by time. What has no copy may go only where the
   policy has expired it: then it is a leftover that the lock kept.

https://learn.microsoft.com/azure/backup/backup-instant-restore-capability and
https://learn.microsoft.com/rest/api/backup/recovery-points/list
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.arm_ids import fold, same
from shared.clock import as_time
from shared.facts import (
    Absent,
    RestorePoint,
    RestorePointCollection,
    Unreadable,
    VirtualMachine,
    why_unread,
)
from shared.vault_facts import BackupPolicy, ProtectedItem, RecoveryPoint

SETTLED_STATES = ("succeeded", "failed")
"""Provisioning states in which nothing works on a point. Creating, Updating, Deleting,
"" and unknown ones are none."""
DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class Known:
    """What was read for one decision, or why it could not be read."""

    collection: RestorePointCollection
    vm: VirtualMachine | Absent | Unreadable
    item: ProtectedItem | Absent | Unreadable
    policy: BackupPolicy | Absent | Unreadable
    recovery_points: tuple[RecoveryPoint, ...] | Absent | Unreadable


@dataclass(frozen=True, slots=True)
class _Dated[T]:
    at: datetime
    what: T


def why_kept(known: Known, pairing: timedelta, now: datetime) -> tuple[str, ...]:
    """Why this collection must not be deleted automatically; () when it may be.

    `pairing`: how far apart the times of a restore point and of its recovery point may
    lie.
    """
    vm, item, policy, recovery = known.vm, known.item, known.policy, known.recovery_points
    points = known.collection.points
    if points is None:
        return (f"the restore points of {known.collection.name} were not told",)
    if (
        isinstance(vm, Absent | Unreadable)
        or isinstance(item, Absent | Unreadable)
        or isinstance(policy, Absent | Unreadable)
        or isinstance(recovery, Absent | Unreadable)
    ):
        unread = [
            each for each in (vm, item, policy, recovery) if isinstance(each, Absent | Unreadable)
        ]
        return tuple(why_unread("a restore point would be lost", each) for each in unread)
    reasons = (
        *why_item_stops(item, vm.id),
        *_why_type_unknown(item, policy),
        *why_in_use(known.collection, recovery),
        *_why_other_machine(points, vm.vm_id_guid),
    )
    return reasons or _why_lost(points, recovery, policy.daily_retention, pairing, now)


def why_changed(
    then: RestorePointCollection,
    now: RestorePointCollection,
    vm_id: str,
    item: ProtectedItem | Absent | Unreadable,
    recovery: tuple[RecoveryPoint, ...] | Absent | Unreadable,
) -> tuple[str, ...]:
    """Why a collection that could go a moment ago must stay now; only what can have
    changed meanwhile counts."""
    if isinstance(item, Absent | Unreadable) or isinstance(recovery, Absent | Unreadable):
        unread = [each for each in (item, recovery) if isinstance(each, Absent | Unreadable)]
        return tuple(why_unread("a restore point would be lost", each) for each in unread)
    if now.points is None:
        return (f"the restore points of {now.name} were not told",)
    new = [
        point
        for point in now.points
        if point.name not in {known.name for known in then.points or ()}
    ]
    made = (f"restore points that were made just now: {_list_points(new)}",) if new else ()
    return (*made, *why_item_stops(item, vm_id), *why_in_use(now, recovery))


def why_item_stops(item: ProtectedItem, vm_id: str) -> tuple[str, ...]:
    """Why no new backup of this VM would follow a change."""
    if item.source_id and not same(item.source_id, vm_id):
        return (f"the vault's item protects {item.source_id}, not {vm_id}",)
    return (
        (f"no new backup would follow: {item.why_not_backed_up}",) if item.why_not_backed_up else ()
    )


def why_in_use(
    collection: RestorePointCollection, recovery: Iterable[RecoveryPoint]
) -> tuple[str, ...]:
    """Who uses the points now: Azure itself, or a person with a file-recovery session.

    Points that go with their collection, which is being deleted already, are no reason:
    the same deletion is sent again after a crash.
    """
    going = (DELETING,) if fold(collection.provisioning_state) == DELETING else ()
    reasons = [
        f"the restore point {point.label} is {point.provisioning_state or 'in no state'}"
        for point in collection.points or ()
        if fold(point.provisioning_state) not in (*SETTLED_STATES, *going)
    ]
    for each in recovery:
        if each.session_open:
            reasons.append(
                f"a file-recovery session is open on the recovery point {each.name} ({each.time})"
            )
        elif each.session_open is None:
            reasons.append(
                f"the recovery point {each.name} ({each.time}) does not say whether a file-recovery"
                " session is open"
            )
    return tuple(reasons)


def _why_type_unknown(item: ProtectedItem, policy: BackupPolicy) -> tuple[str, ...]:
    if item.policy_type and item.policy_type == policy.type:
        return ()
    return (
        (
            "the type of the backup policy is not known: the item says"
            f" {item.policy_type or 'nothing'}, the policy {policy.type or 'nothing'}"
        ),
    )


def _why_other_machine(points: Iterable[RestorePoint], guid: str) -> tuple[str, ...]:
    if not guid:
        return ("the VM does not tell its vmId, so whose restore points these are is not known",)
    other = [point for point in points if fold(point.vm_id_guid) != fold(guid)]
    if not other:
        return ()
    named = ", ".join(
        f"{point.label} of {point.vm_id_guid or 'no machine that it names'}" for point in other
    )
    return (f"restore points of another machine than the VM (vmId {guid}): {named}",)


def _why_lost(
    points: tuple[RestorePoint, ...],
    recovery: tuple[RecoveryPoint, ...],
    daily_retention: timedelta | None,
    pairing: timedelta,
    now: datetime,
) -> tuple[str, ...]:
    copies = [_Dated(at, each) for each in recovery if (at := _read_time(each.time))]
    vaulted = [copy.at for copy in copies if copy.what.in_vault]
    if not vaulted:
        return (
            (
                "the vault holds no recovery point of the VM; its restore points:"
                f" {_list_points(points) or 'none'}"
            ),
        )
    if undated := [point for point in points if not _read_time(point.created_at)]:
        return (f"restore points without a time: {_list_points(undated)}",)
    dated = [_Dated(at, point) for point in points if (at := _read_time(point.created_at))]
    expired_before = (
        min(max(vaulted), now - daily_retention) if daily_retention is not None else None
    )
    strange, kept = [], []
    for point, copy in zip(dated, _pair(dated, copies, pairing), strict=True):
        if copy and copy.in_vault:
            continue
        if copy and (copy.unknown_tiers or not copy.tiers):
            strange.append(
                f"the copy of {point.what.label} has a tier that is not known:"
                f" {', '.join(copy.unknown_tiers) or 'none is told'}"
            )
        elif expired_before is None or point.at >= expired_before:
            kept.append(point.what)
    if kept:
        newest = max(vaulted).isoformat()
        strange.append(
            f"restore points that are not in the vault, whose newest recovery point is of {newest}:"
            f" {_list_points(kept)}"
        )
    return tuple(strange)


def _pair(
    points: list[_Dated[RestorePoint]], copies: list[_Dated[RecoveryPoint]], pairing: timedelta
) -> list[RecoveryPoint | None]:
    """The recovery point of each restore point, in the order of `points`: closest pairs
    first, each point once.

    Recovery points that are not in the vault take part: a snapshot's own entry must not
    leave it to the copy of another one.
    """
    near = sorted(
        (abs(point.at - copy.at), copy.what.in_vault, i, j)
        for i, point in enumerate(points)
        for j, copy in enumerate(copies)
        if abs(point.at - copy.at) <= pairing
    )
    partner: dict[int, int] = {}
    for _, _, i, j in near:
        if i not in partner and j not in partner.values():
            partner[i] = j
    return [copies[partner[i]].what if i in partner else None for i in range(len(points))]


def _list_points(points: Iterable[RestorePoint]) -> str:
    return ", ".join(point.label for point in points)


def _read_time(text: str) -> datetime | None:
    try:
        return as_time(text) if text else None
    except ValueError:
        return None
