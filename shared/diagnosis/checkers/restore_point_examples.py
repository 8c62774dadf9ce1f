"""The examples of cause 6, from which its tests are made."""

from __future__ import annotations

from dataclasses import replace

from shared.diagnosis.checkers.contract import (
    DAILY_POLICY,
    EXAMPLE_SUBJECT,
    PROTECTED_ITEM,
    WINDOWS_VM,
    Example,
    KnownFacts,
)
from shared.diagnosis.checkers.restore_point_count import LIMIT_CODE, POINT_LIMIT
from shared.facts import Absent, Lock, RestorePoint, RestorePointCollection, Unreadable
from shared.incident.model import Verdict
from shared.vault_facts import ENHANCED

GROUP = "/subscriptions/s/resourceGroups/g"
POINTS = tuple(
    RestorePoint(
        f"AzureBackup_202601{day:02}_020000",
        f"2026-01-{day:02}T02:00:00Z",
        WINDOWS_VM.vm_id_guid,
        "Succeeded",
    )
    for day in range(1, POINT_LIMIT + 1)
)
COLLECTION = RestorePointCollection(
    id=f"{GROUP}/providers/Microsoft.Compute/restorePointCollections/AzureBackup_vm1",
    name="AzureBackup_vm1",
    source_id=WINDOWS_VM.id,
    location="westeurope",
    provisioning_state="Succeeded",
    points=POINTS,
)
OTHERS = replace(
    COLLECTION, id=COLLECTION.id.replace("AzureBackup_", "acronis-"), name="acronis-vm1"
)
ITEM, POLICY = PROTECTED_ITEM, DAILY_POLICY
LOCK = Lock(
    f"{GROUP}/providers/Microsoft.Authorization/locks/keep", "keep", "CanNotDelete", None, ()
)
ON_COLLECTION = replace(LOCK, id=f"{COLLECTION.id}/providers/Microsoft.Authorization/locks/keep")
ON_POINT = replace(
    LOCK, id=f"{COLLECTION.id}/restorePoints/p1/providers/Microsoft.Authorization/locks/keep"
)
ELSEWHERE = replace(
    LOCK, id="/subscriptions/s/resourceGroups/other/providers/Microsoft.Authorization/locks/keep"
)
FULL = KnownFacts(
    vm=WINDOWS_VM, collections=(COLLECTION,), locked_by=(LOCK,), item=ITEM, policy=POLICY
)
ENHANCED_FULL = replace(
    FULL, item=replace(ITEM, policy_type=ENHANCED), policy=replace(POLICY, type=ENHANCED)
)
HOURLY = replace(
    ENHANCED_FULL,
    policy=replace(DAILY_POLICY, type=ENHANCED, instant_retention_days=7, backups_a_week=42),
)
LIMIT = replace(EXAMPLE_SUBJECT, error_code=LIMIT_CODE)
ON_VAULT = replace(
    LOCK,
    id=f"{PROTECTED_ITEM.id.split('/backupFabrics/')[0]}/providers/Microsoft.Authorization/locks/keep",
)


def holding(count: int, collection: RestorePointCollection = COLLECTION) -> RestorePointCollection:
    return replace(collection, points=POINTS[:count])


def _of_former(number: int, guid: str = "75b98339-86b5-401c-9989-01250e14c867") -> KnownFacts:
    """So many of the points are of another machine."""
    points = tuple(
        replace(point, vm_id_guid=guid) if place < number else point
        for place, point in enumerate(POINTS)
    )
    return replace(FULL, collections=(replace(COLLECTION, points=points),))


def both(ours: int, others: int) -> KnownFacts:
    return replace(FULL, collections=(holding(ours), holding(others, OTHERS)))


EXAMPLES = (
    Example("no collection", replace(FULL, collections=()), Verdict.RULED_OUT),
    Example(
        "the collection of vm10",
        replace(
            FULL,
            collections=(
                replace(COLLECTION, name="AzureBackup_vm10", source_id=WINDOWS_VM.id + "0"),
            ),
        ),
        Verdict.RULED_OUT,
    ),
    Example("17 points", replace(FULL, collections=(holding(17),)), Verdict.RULED_OUT),
    Example("10 of ours and 7 of another tool", both(10, 7), Verdict.RULED_OUT),
    Example(
        "17 under an Enhanced policy",
        replace(ENHANCED_FULL, collections=(holding(17),)),
        Verdict.RULED_OUT,
    ),
    Example(
        "unmanaged disks",
        replace(FULL, vm=replace(WINDOWS_VM, managed_disks=False)),
        Verdict.RULED_OUT,
    ),
    Example("18 points and a lock on the group", FULL, Verdict.CONFIRMED),
    Example(
        "18 points and a lock on the collection",
        replace(FULL, locked_by=(ON_COLLECTION,)),
        Verdict.CONFIRMED,
    ),
    Example(
        "18 points and a lock on one of them",
        replace(FULL, locked_by=(ON_POINT,)),
        Verdict.CONFIRMED,
    ),
    Example("the same, and the job names the limit", FULL, Verdict.CONFIRMED, LIMIT),
    Example("17 of ours and 2 of another tool", both(17, 2), Verdict.CONFIRMED),
    Example("10 of ours and 9 of another tool", both(10, 9), Verdict.CONFIRMED, LIMIT),
    Example("Enhanced, the job names the limit", ENHANCED_FULL, Verdict.CONFIRMED, LIMIT),
    Example(
        "Enhanced, 4 points, the job names the limit",
        replace(ENHANCED_FULL, collections=(holding(4),)),
        Verdict.CONFIRMED,
        LIMIT,
    ),
    Example("Enhanced, 18 points, within its retention", HOURLY, Verdict.UNKNOWN),
    Example("all of a machine that had its name", _of_former(18), Verdict.UNKNOWN, LIMIT),
    Example("one of 18 of a machine that had its name", _of_former(1), Verdict.UNKNOWN),
    Example(
        "Enhanced, all of a machine that had its name",
        replace(ENHANCED_FULL, collections=_of_former(18).collections),
        Verdict.UNKNOWN,
        LIMIT,
    ),
    Example(
        "Enhanced, one of a machine that had its name",
        replace(ENHANCED_FULL, collections=_of_former(1).collections),
        Verdict.CONFIRMED,
        LIMIT,
    ),
    Example(
        "points that do not name their machine",
        _of_former(18, ""),
        Verdict.CONFIRMED,
    ),
    Example(
        "the VM does not tell its vmId",
        replace(_of_former(18), vm=replace(WINDOWS_VM, vm_id_guid="")),
        Verdict.CONFIRMED,
    ),
    Example(
        "18 points, a lock on the vault", replace(FULL, locked_by=(ON_VAULT,)), Verdict.UNKNOWN
    ),
    Example("Enhanced, 18 points, no word of the limit", ENHANCED_FULL, Verdict.UNKNOWN),
    Example(
        "Enhanced, the job names the limit, no lock",
        replace(ENHANCED_FULL, locked_by=()),
        Verdict.UNKNOWN,
        LIMIT,
    ),
    Example(
        "17 points, the job names the limit",
        replace(FULL, collections=(holding(17),)),
        Verdict.UNKNOWN,
        LIMIT,
    ),
    Example(
        "no collection, the job names the limit",
        replace(FULL, collections=()),
        Verdict.UNKNOWN,
        LIMIT,
    ),
    Example(
        "unmanaged disks, the job names the limit",
        replace(FULL, vm=replace(WINDOWS_VM, managed_disks=False)),
        Verdict.UNKNOWN,
        LIMIT,
    ),
    Example("another tool's alone are at the limit", both(3, 18), Verdict.UNKNOWN),
    Example(
        "18 in a collection of the customer's own",
        replace(FULL, collections=(OTHERS,)),
        Verdict.UNKNOWN,
    ),
    Example("18 points, no lock", replace(FULL, locked_by=()), Verdict.UNKNOWN),
    Example(
        "18 points, a lock on another group",
        replace(FULL, locked_by=(ELSEWHERE,)),
        Verdict.UNKNOWN,
    ),
    Example(
        "disks not told",
        replace(FULL, vm=replace(WINDOWS_VM, managed_disks=None)),
        Verdict.UNKNOWN,
    ),
    Example(
        "locks cannot be read",
        replace(FULL, locked_by=Unreadable("the locks", "403")),
        Verdict.UNKNOWN,
    ),
    Example(
        "the item cannot be read",
        replace(FULL, item=Unreadable("the item", "403")),
        Verdict.UNKNOWN,
    ),
    Example("the item is gone", replace(FULL, item=Absent("the item")), Verdict.UNKNOWN),
    Example(
        "the policy cannot be read",
        replace(FULL, policy=Unreadable("the policy", "403")),
        Verdict.UNKNOWN,
    ),
    Example(
        "item and policy disagree", replace(FULL, policy=ENHANCED_FULL.policy), Verdict.UNKNOWN
    ),
    Example(
        "the item names no policy type",
        replace(FULL, item=replace(ITEM, policy_type="")),
        Verdict.UNKNOWN,
    ),
    Example(
        "points not told",
        replace(FULL, collections=(replace(COLLECTION, points=None),)),
        Verdict.UNKNOWN,
    ),
    Example(
        "collections cannot be read",
        KnownFacts(vm=WINDOWS_VM, locked_by=(LOCK,)),
        Verdict.UNKNOWN,
    ),
    Example("the VM cannot be read", KnownFacts(), Verdict.UNKNOWN),
)
