"""Restore points and locks: cause 6, in both layouts and under both policies."""

from __future__ import annotations

from local.scenarios import parts
from tests.diagnosis_states.agent import NO_WORDS
from tests.diagnosis_states.azure import (
    SERVICE_GROUP,
    SUBSCRIPTION_ID,
    VM,
    VM_GROUP,
    Azure,
    Collection,
    Lock,
    collection_id,
    group_id,
)
from tests.diagnosis_states.row import (
    AGAIN,
    DELETE,
    INTERNAL,
    INTERNAL_V2,
    LIMIT,
    PERSON,
    UNDECIDED,
    Row,
)

FULL = Collection(18)
OF_2018 = Collection(18, VM_GROUP, f"AzureBackup_{VM}")
SERVICE_LOCK = Lock(group_id(SERVICE_GROUP))
VM_GROUP_LOCK = Lock(group_id(VM_GROUP))
RESTORE_POINT = f"{collection_id()}/restorePoints/AzureBackup_20261120_223107"
LIMIT_PAGE = "snapshot-timeout, UserErrorRpCollectionLimitReached"
LOCK_PAGE = "lock-resources: Azure Backup keeps at most 18 points, a lock stops the clean-up"
ALL_POINTS = "azure-docs #47934: 'across restore point collections and resource groups for a VM'"
DELETED_ONLY = "mission: only what loses nothing newer than the newest point in the vault"
WELL = "1U 2R 3R 4R 5R"
IN_USE = "6: at the limit without a lock: a point in use, which no list shows, keeps it as well"
OTHER_TOOL = "acronis-vm-app-01"
RECOVERY_SERVICES = f"{SUBSCRIPTION_ID}/providers/Microsoft.RecoveryServices/"

ROWS = (
    Row(
        "layout of 2018: 18 points, VM's group locked",
        INTERNAL,
        Azure(collections=(OF_2018,), locks=(VM_GROUP_LOCK,)),
        f"{WELL} 6C",
        DELETE,
        f"article of 2018, cause 6; {LOCK_PAGE}",
        NO_WORDS,
    ),
    Row(
        "layout of 2018, internal error V2 under a standard policy",
        INTERNAL_V2,
        Azure(collections=(OF_2018,), locks=(VM_GROUP_LOCK,)),
        f"{WELL} 6C",
        DELETE,
        f"article of 2018, cause 6; {LOCK_PAGE}",
        NO_WORDS,
    ),
    Row(
        "today's layout: 18 points, service group locked",
        LIMIT,
        Azure(collections=(FULL,), locks=(SERVICE_LOCK,)),
        "6C",
        DELETE,
        LIMIT_PAGE,
    ),
    Row(
        "today's layout, internal error",
        INTERNAL,
        Azure(collections=(FULL,), locks=(SERVICE_LOCK,)),
        f"{WELL} 6C",
        DELETE,
        f"{LIMIT_PAGE}; {LOCK_PAGE}",
        NO_WORDS,
    ),
    Row(
        "custom prefix: its group locked",
        INTERNAL,
        Azure(
            collections=(Collection(18, "contoso-rpc-1"),),
            group_prefix="contoso-rpc-",
            locks=(Lock(group_id("contoso-rpc-1")),),
        ),
        f"{WELL} 6C",
        DELETE,
        "backup-during-vm-creation: the policy names the groups; azurerm #7766",
        NO_WORDS,
    ),
    Row(
        "service group is read-only",
        LIMIT,
        Azure(collections=(FULL,), locks=(Lock(SERVICE_LOCK.scope, "ReadOnly"),)),
        "6C",
        PERSON,
        "lock-resources: with ReadOnly back, no restore point can be made there: nothing is mended",
    ),
    Row(
        "18 points, only the VM's group locked, today's layout",
        INTERNAL,
        Azure(collections=(FULL,), locks=(VM_GROUP_LOCK,)),
        f"{WELL} 6U",
        AGAIN,
        "FAQ: locks can be applied to customer-created groups; the points are in another",
        f"{NO_WORDS}; {IN_USE}",
    ),
    Row(
        "subscription locked",
        INTERNAL,
        Azure(collections=(FULL,), locks=(Lock(SUBSCRIPTION_ID),)),
        f"{WELL} 6C",
        PERSON,
        "azure-docs #47491; a lock of the subscription is never lifted",
        NO_WORDS,
    ),
    Row(
        "service group and subscription locked",
        LIMIT,
        Azure(collections=(FULL,), locks=(SERVICE_LOCK, Lock(SUBSCRIPTION_ID))),
        "6C",
        PERSON,
        "azure-docs #47491; a lock of the subscription is never lifted",
    ),
    Row(
        "lock with an owner",
        LIMIT,
        Azure(
            collections=(FULL,),
            locks=(Lock(SERVICE_LOCK.scope, owner="44444444-4444-4444-4444-444444444444"),),
        ),
        "6C",
        PERSON,
        "azure-docs #22411: owned by system applications, 401 on removal",
    ),
    Row(
        "lock on the collection itself",
        LIMIT,
        Azure(collections=(FULL,), locks=(Lock(collection_id()),)),
        "6C",
        PERSON,
        "mission: an owner's word about exactly that is reported, never touched",
    ),
    Row(
        "lock on one of its points",
        LIMIT,
        Azure(collections=(FULL,), locks=(SERVICE_LOCK, Lock(RESTORE_POINT))),
        "6C",
        PERSON,
        "mission: an owner's word about exactly that is reported, never touched",
    ),
    Row(
        "S17 lock on the vault",
        LIMIT,
        Azure(collections=(FULL,), locks=(Lock(parts.vault_id()),)),
        "6U",
        PERSON,
        "azure-docs #47491: 'at the subscription or Backup Vault level'",
        "6: a lock of the vault is not above the collection; the report says that it stops the"
        " clean-up all the same",
    ),
    Row(
        "3 points, group locked",
        INTERNAL,
        Azure(collections=(Collection(3),), locks=(SERVICE_LOCK,)),
        f"{WELL} 6R",
        AGAIN,
        "instant-restore-capability: n+1 to n+3 snapshots are normal; 18 is the limit",
        NO_WORDS,
    ),
    Row(
        "17 points, group locked",
        INTERNAL,
        Azure(collections=(Collection(17),), locks=(SERVICE_LOCK,)),
        f"{WELL} 6R",
        AGAIN,
        f"{LIMIT_PAGE}: the limit is 18",
        NO_WORDS,
    ),
    Row(
        "18 points, nothing locked",
        INTERNAL,
        Azure(collections=(FULL,)),
        f"{WELL} 6U",
        AGAIN,
        "restore points: DiskRestorePointUsedByCustomer; without a lock Azure Backup cleans up",
        f"{NO_WORDS}; {IN_USE}",
    ),
    Row(
        "limit code, 18 points, nothing locked",
        LIMIT,
        Azure(collections=(FULL,)),
        "6U",
        AGAIN,
        f"{LIMIT_PAGE}: an on-demand backup starts the clean-up, the first is expected to fail",
        "6: Azure says that the limit is reached, and no lock is seen",
    ),
    Row(
        "limit code, no collection",
        LIMIT,
        Azure(collections=()),
        "6U",
        UNDECIDED,
        f"{LIMIT_PAGE}; never ruled out under the limit's own code",
        "6: Azure says that the limit is reached, and no point is seen; remedy: nothing shows"
        " whether the clean-up can work",
    ),
    Row(
        "no collection",
        INTERNAL,
        Azure(collections=()),
        f"{WELL} 6R",
        AGAIN,
        "article of 2018, cause 6: past the limit",
        NO_WORDS,
    ),
    Row(
        "S16 the limit counts every collection",
        LIMIT,
        Azure(
            collections=(Collection(10), Collection(9, VM_GROUP, OTHER_TOOL)),
            locks=(SERVICE_LOCK,),
        ),
        "6C",
        DELETE,
        ALL_POINTS,
    ),
    Row(
        "limit code, all points are another tool's",
        LIMIT,
        Azure(collections=(Collection(18, VM_GROUP, OTHER_TOOL),)),
        "6U",
        PERSON,
        f"{ALL_POINTS}; another tool's collection is named, never deleted",
        "6: no point of Azure Backup's is there that a lock could keep",
    ),
    Row(
        "leftover of 2018 in a locked group, today's collection free",
        LIMIT,
        Azure(
            collections=(Collection(10, VM_GROUP, f"AzureBackup_{VM}"), Collection(9)),
            locks=(VM_GROUP_LOCK,),
        ),
        "6C",
        DELETE,
        f"{ALL_POINTS}; azure-docs #14269: old collections stay in the VM's group",
    ),
    Row(
        "the neighbour's points: vm-app-01 and vm-app-010",
        INTERNAL,
        Azure(
            collections=(
                Collection(3),
                Collection(18, SERVICE_GROUP, f"AzureBackup_{VM}0_7522207648058", of_vm=f"{VM}0"),
            ),
            locks=(SERVICE_LOCK,),
        ),
        f"{WELL} 6R",
        AGAIN,
        "REST restorePointCollections: properties.source.id says of which VM, not the name",
        NO_WORDS,
    ),
)
