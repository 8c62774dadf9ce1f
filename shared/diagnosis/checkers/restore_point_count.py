"""Counts the restore points of a VM against the limit, and tells how soon it is reached
again once a collection is deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from shared.arm_ids import fold, group_of, same
from shared.facts import RestorePoint, RestorePointCollection
from shared.incident.model import Target
from shared.incident.returning import Returning
from shared.sentences import Sentence, phrase
from shared.vault_facts import ENHANCED, BackupPolicy

POINT_LIMIT = 18
"""Restore points of one VM across all its collections and groups, other backup tools'
included, under a Standard policy."""
LIMIT_CODE = "UserErrorRpCollectionLimitReached"
SETTLED_STATES = ("succeeded", "failed")
SHOWN = 5
"""Points that one sentence names at most."""


def count(collections: Iterable[RestorePointCollection]) -> int:
    return len(points_of(collections))


def points_of(collections: Iterable[RestorePointCollection]) -> list[RestorePoint]:
    return [point for each in collections for point in each.points or ()]


def of_other_machines(points: Iterable[RestorePoint], guid: str) -> list[RestorePoint]:
    """Points that name another machine than `guid`: one that had the VM's name before.
    A point, or a VM, that names none is no proof of that."""
    return [
        point
        for point in points
        if guid and point.vm_id_guid and fold(point.vm_id_guid) != fold(guid)
    ]


def say_unsettled(points: Iterable[RestorePoint]) -> tuple[Sentence, ...]:
    """Points that something works on, and points that failed: both can keep a
    collection from being deleted."""
    working = [each for each in points if fold(each.provisioning_state) not in SETTLED_STATES]
    failed = [each for each in points if fold(each.provisioning_state) == "failed"]
    return (
        *([phrase("points_in_work", points=_name(working))] if working else ()),
        *([phrase("points_failed", points=_name(failed))] if failed else ()),
    )


def _name(points: list[RestorePoint]) -> str:
    named = ", ".join(f"{each.name} ({each.provisioning_state or '?'})" for each in points[:SHOWN])
    return named if len(points) <= SHOWN else f"{named}, ... ({len(points)})"


def foresee_return(
    vm_id: str,
    targets: tuple[Target, ...],
    collections: Collection[RestorePointCollection],
    policy: BackupPolicy,
) -> Returning:
    """What comes of deleting the targets and putting their locks back.

    The limit is 18 under a Standard policy. That of an Enhanced one is not published:
    there it is taken to be what the VM has now, since the job says that this is it.
    """
    deleted = count(
        each for each in collections if any(same(each.id, target.id) for target in targets)
    )
    total = count(collections)
    limit = total if policy.type == ENHANCED else POINT_LIMIT
    own_group = group_of(vm_id)
    locks = [
        lock.id for target in targets for lock in target.locks if not same(lock.scope, own_group)
    ]
    room = max(1, limit - (total - deleted))
    return Returning(room, policy.backups_a_week, tuple(dict.fromkeys(locks)))
