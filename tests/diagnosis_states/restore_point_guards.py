"""Restore points and locks: cause 6, and what speaks against its fix."""

from __future__ import annotations

from local.scenarios import parts
from tests.diagnosis_states.agent import (
    NO_WORDS,
    NOT_RUNNING,
    SILENT_RUNNING,
)
from tests.diagnosis_states.azure import (
    SERVICE_GROUP,
    Azure,
    Collection,
    fault,
    group_id,
)
from tests.diagnosis_states.extension import (
    FAILED,
)
from tests.diagnosis_states.restore_points import (
    DELETED_ONLY,
    FULL,
    LIMIT_PAGE,
    LOCK_PAGE,
    RECOVERY_SERVICES,
    SERVICE_LOCK,
    WELL,
)
from tests.diagnosis_states.row import (
    DELETE,
    INTERNAL,
    LIMIT,
    PERSON,
    UNDECIDED,
    UNINSTALL,
    Row,
)

ROWS = (
    Row(
        "points of a former machine of that name",
        LIMIT,
        Azure(
            collections=(Collection(18, machine_guid="75b98339-86b5-401c-9989-01250e14c867"),),
            locks=(SERVICE_LOCK,),
        ),
        "6U",
        PERSON,
        "REST restorePoints: sourceMetadata.vmId; mission: the same machine by its vmId",
        "6: whether points of a former machine count for this one is not established",
    ),
    Row(
        "unmanaged disks",
        INTERNAL,
        Azure(managed=False, collections=()),
        f"{WELL} 6R",
        PERSON,
        "article of 2018, cause 6: managed-disk VMs only; Advisor 2026-06: retired",
        NO_WORDS,
    ),
    Row(
        "enhanced policy: 90 points locked, internal error",
        INTERNAL,
        Azure(policy="V2", collections=(Collection(90),), locks=(SERVICE_LOCK,)),
        f"{WELL} 6U",
        PERSON,
        "enhanced-policy: up to 102 points are normal; its limit is stated nowhere",
        f"{NO_WORDS}; 6: the limit of an Enhanced policy is not established",
    ),
    Row(
        "enhanced policy, limit code, all in the vault",
        LIMIT,
        Azure(policy="V2", collections=(Collection(90),), locks=(SERVICE_LOCK,)),
        "6C",
        DELETE,
        f"{LIMIT_PAGE}; under an Enhanced policy the error is believed, not the count",
    ),
    Row(
        "enhanced policy, limit code, five snapshots not in the vault",
        LIMIT,
        Azure(policy="V2", collections=(Collection(90, not_vaulted=5),), locks=(SERVICE_LOCK,)),
        "6C",
        PERSON,
        f"enhanced-policy: only the day's last backup goes to the vault; {DELETED_ONLY}",
    ),
    Row(
        "newest point is not in the vault yet",
        LIMIT,
        Azure(collections=(Collection(18, not_vaulted=1),), locks=(SERVICE_LOCK,)),
        "6C",
        PERSON,
        f"instant-restore-capability: transfer takes hours; {DELETED_ONLY}",
    ),
    Row(
        "protection is stopped",
        LIMIT,
        Azure(protection="ProtectionStopped", collections=(FULL,), locks=(SERVICE_LOCK,)),
        "6C",
        PERSON,
        "mission: only where the item is protected; UserErrorBcmDatasourceNotPresent",
    ),
    Row(
        "a restore point is being made",
        LIMIT,
        Azure(collections=(Collection(18, newest_state="Creating"),), locks=(SERVICE_LOCK,)),
        "6C",
        PERSON,
        "support article RpCollectionDeleted: deleted while in use",
    ),
    Row(
        "a file-recovery session is open",
        LIMIT,
        Azure(collections=(FULL,), locks=(SERVICE_LOCK,), session_open=True),
        "6C",
        PERSON,
        "REST recoveryPoints: isInstantIlrSessionActive; the disks are mounted",
    ),
    Row(
        "a deny assignment beside the lock",
        LIMIT,
        Azure(
            collections=(FULL,),
            locks=(SERVICE_LOCK,),
            more=(parts.deny_assignment(group_id(SERVICE_GROUP), "Deployment stack stack-app"),),
        ),
        "6C",
        UNDECIDED,
        "deployment-stacks: a deny assignment is not in the list of locks",
        "remedy: it shows only when the deletion is refused",
    ),
    Row(
        "service group with managedBy",
        LIMIT,
        Azure(
            collections=(FULL,),
            locks=(SERVICE_LOCK,),
            more=({**parts.group(SERVICE_GROUP), "managedBy": RECOVERY_SERVICES},),
        ),
        "6C",
        DELETE,
        "azurerm #15015: managedBy of RecoveryServices is no owner's word",
    ),
    Row(
        "locks cannot be read",
        LIMIT,
        Azure(collections=(FULL,), locks=(SERVICE_LOCK,), faults=(fault("/locks", 403),)),
        "6U",
        UNDECIDED,
        "a fact that could not be read is unknown",
        "6: the locks were not read; remedy: whether that speaks against a new backup",
    ),
    Row(
        "collections cannot be read",
        LIMIT,
        Azure(
            collections=(FULL,),
            locks=(SERVICE_LOCK,),
            faults=(fault("restorePointCollections|ResourceGraph", 403, ""),),
        ),
        "6U",
        UNDECIDED,
        "a fact that could not be read is unknown",
        "6: the collections were not read; remedy: whether that speaks against a new backup",
    ),
    Row(
        "policy cannot be read",
        INTERNAL,
        Azure(collections=(FULL,), locks=(SERVICE_LOCK,), faults=(fault("/backupPolicies/", 403),)),
        f"{WELL} 6U",
        PERSON,
        "instant-restore-capability: the limit depends on the policy",
        f"{NO_WORDS}; 6: the policy was not read, so its limit is not known",
    ),
    Row(
        "18 points locked, shut down inside the guest",
        INTERNAL,
        Azure(
            collections=(FULL,),
            locks=(SERVICE_LOCK,),
            power="stopped",
            agent="silent",
        ),
        "1U 2U 3R 4C 5R 6C",
        DELETE,
        f"{LOCK_PAGE}; FAQ: a stopped VM is backed up, crash-consistent, so the backup can pass",
        NOT_RUNNING,
    ),
    Row(
        "18 points locked, agent silent",
        INTERNAL,
        Azure(collections=(FULL,), locks=(SERVICE_LOCK,), agent="silent"),
        "1U 2C 3R 4U 5R 6C",
        PERSON,
        f"{LOCK_PAGE}; the verifying backup cannot pass",
        SILENT_RUNNING,
    ),
    Row(
        "18 points locked, extension failed",
        INTERNAL,
        Azure(collections=(FULL,), locks=(SERVICE_LOCK,), extension=FAILED),
        "1U 2R 3R 4R 5C 6C",
        UNINSTALL,
        "article of 2018: cause 5 is tried before cause 6",
        NO_WORDS,
    ),
    Row(
        "agentless, limit code, agent silent",
        LIMIT,
        Azure(
            policy="agentless", collections=(Collection(90),), locks=(SERVICE_LOCK,), agent="silent"
        ),
        "6C",
        DELETE,
        "agentless overview: a dead agent stops no such backup",
    ),
)
