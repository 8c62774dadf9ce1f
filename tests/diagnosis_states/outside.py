"""Outside the causes: the VM's state, jobs, other codes, what cannot be read."""

from __future__ import annotations

from tests.diagnosis_states.agent import NO_WORDS, NOT_RUNNING
from tests.diagnosis_states.azure import NOW, VM_ID, Azure, Collection, Lock, OtherJob, fault
from tests.diagnosis_states.extension import APPROVED_EXTENSIONS
from tests.diagnosis_states.restore_points import SERVICE_LOCK
from tests.diagnosis_states.row import (
    AGAIN,
    EXTENSION,
    INTERNAL,
    INTERNAL_V2,
    NOTHING,
    PERSON,
    UNDECIDED,
    Row,
)

WELL = "1U 2R 3R 4R 5R 6R"
RETRY = "message of BackUpOperationFailed: retry the operation in a few minutes"
JOB_RUNS = (
    "decision: while a job runs nothing is diagnosed, so checkers judge the VM without its jobs"
)
UPDATING = {"provisioning": "Updating", "provisioning_code": "updating"}
NOT_DESIRABLE = "vms-troubleshoot, UserErrorVmNotInDesirableState"

ROWS = (
    Row("everything is well", INTERNAL, Azure(), WELL, AGAIN, RETRY, NO_WORDS),
    Row(
        "everything is well on linux",
        INTERNAL,
        Azure(os_type="Linux"),
        WELL,
        AGAIN,
        RETRY,
        NO_WORDS,
    ),
    Row(
        "everything is well, V2 code, standard policy",
        INTERNAL_V2,
        Azure(),
        WELL,
        AGAIN,
        RETRY,
        NO_WORDS,
    ),
    Row(
        "everything is well, V2 code, enhanced policy",
        INTERNAL_V2,
        Azure(policy="V2"),
        WELL,
        PERSON,
        "vms-troubleshoot, BackUpOperationFailedV2: after a migration of the policy, Support",
        NO_WORDS,
    ),
    Row(
        "updating since before the job",
        EXTENSION,
        Azure(provisioned_at=-180, **UPDATING),  # type: ignore[arg-type]
        "4C 5R 2R 3R",
        PERSON,
        f"{NOT_DESIRABLE}: a transient state; three hours are stuck",
    ),
    Row(
        "updating since a minute",
        INTERNAL,
        Azure(provisioned_at=NOW - 1, **UPDATING),  # type: ignore[arg-type]
        "1U 2R 3R 4U 5R 6R",
        PERSON,
        f"{NOT_DESIRABLE}: transient, wait",
        f"{NO_WORDS}; 4: what began after the failed job did not fail it",
    ),
    Row(
        "updating since before the job, and the code says so",
        "UserErrorVmNotInDesirableState",
        Azure(provisioned_at=-180, **UPDATING),  # type: ignore[arg-type]
        "7U 8C 2R 3R",
        PERSON,
        f"{NOT_DESIRABLE}: transient, wait",
        "7: whether the operation fails is not known while it runs",
    ),
    Row(
        "VM in failed state",
        "UserErrorVmNotInDesirableState",
        Azure(provisioning="Failed", provisioning_code="failed/AllocationFailed"),
        "1U 2R 3R 4C 5R 6R 7C 8R",
        PERSON,
        f"{NOT_DESIRABLE}: Failed",
        NO_WORDS,
    ),
    Row(
        "deallocated, internal error",
        INTERNAL,
        Azure(power="deallocated", agent="none"),
        "1U 2U 3R 4R 5R 6R",
        AGAIN,
        f"FAQ: a deallocated VM is backed up; {RETRY}",
        NOT_RUNNING,
    ),
    Row(
        "deallocating",
        INTERNAL,
        Azure(power="deallocating", agent="none", provisioned_at=NOW - 1, **UPDATING),  # type: ignore[arg-type]
        "1U 2U 3R 4U 5R 6R",
        PERSON,
        f"{NOT_DESIRABLE}: transient, wait",
        f"{NOT_RUNNING}; 4: it is not settled",
    ),
    Row(
        "a backup runs",
        INTERNAL,
        Azure(jobs=(OtherJob("InProgress"),)),
        WELL,
        NOTHING,
        f"snapshot-timeout, UserErrorBackupOperationInProgress: wait; {JOB_RUNS}",
        NO_WORDS,
    ),
    Row(
        "a restore runs",
        EXTENSION,
        Azure(jobs=(OtherJob("InProgress", "Restore"),)),
        "4R 5R 2R 3R",
        NOTHING,
        "snapshot-timeout, UserErrorBackupOperationInProgress: a running job refuses another;"
        f" {JOB_RUNS}",
    ),
    Row(
        "a later backup completed",
        INTERNAL,
        Azure(jobs=(OtherJob("Completed"),)),
        WELL,
        NOTHING,
        "FAQ: the service retries by itself; the failure has healed",
        NO_WORDS,
    ),
    Row(
        "a later backup completed with warnings",
        INTERNAL,
        Azure(jobs=(OtherJob("CompletedWithWarnings"),)),
        WELL,
        NOTHING,
        "REST backupJobs: CompletedWithWarnings has made a recovery point",
        NO_WORDS,
    ),
    Row(
        "the job was cancelled",
        "UserErrorJobSuccessfullyCancelled",
        Azure(job_status="Cancelled"),
        f"{WELL} 7R 8R",
        NOTHING,
        "support article UserErrorJobSuccessfullyCancelled: somebody wanted that",
        NO_WORDS,
    ),
    Row(
        "S25 resource in locked state",
        "UserErrorResourceIsInLockedState",
        Azure(locks=(Lock(VM_ID, "ReadOnly"),)),
        f"{WELL} 7R 8R",
        PERSON,
        "support article UserErrorResourceIsInLockedState: a lock on the VM is named",
        NO_WORDS,
    ),
    Row(
        "S18 the limit, told as an error of Compute",
        "UserErrorCrpReportedUserError",
        Azure(
            collections=(Collection(18),),
            locks=(SERVICE_LOCK,),
            job_words=(
                "OperationNotAllowed : The number of restore points across restore point"
                " collections and resource groups for a VM cannot exceed 18"
            ),
        ),
        "1U 2R 3R 4R 5R 6C 7R 8R",
        PERSON,
        "azure-docs #47934: its own words; nothing by guess, but limit, collection and lock told",
        NO_WORDS,
    ),
    Row(
        "another backup was in progress",
        "UserErrorBackupOperationInProgress",
        Azure(),
        f"{WELL} 8R",
        UNDECIDED,
        "snapshot-timeout, UserErrorBackupOperationInProgress: wait for it, then retry",
        f"{NO_WORDS}; remedy: the next scheduled backup may serve as the retry",
    ),
    Row(
        "key vault rights are missing",
        "UserErrorKeyvaultPermissionsNotConfigured",
        Azure(),
        f"{WELL} 7R 8R",
        PERSON,
        "snapshot-timeout: set the rights; retry only where they are set already",
        NO_WORDS,
    ),
    Row(
        "VSS writers are in a bad state",
        "ExtensionFailedVssWriterInBadState",
        Azure(),
        f"{WELL} 7R 8R",
        PERSON,
        "vms-troubleshoot: restart the writers' services, in the guest",
        NO_WORDS,
    ),
    Row(
        "copying to the vault takes too long",
        "CopyingVHDsFromBackUpVaultTakingLongTime",
        Azure(),
        f"{WELL} 8R",
        UNDECIDED,
        "vms-troubleshoot: transient, retry",
        f"{NO_WORDS}; remedy: a code without a row gets no second try, Microsoft advises one",
    ),
    Row(
        "a policy denies the snapshot",
        "UserErrorRequestDisallowedByPolicy",
        Azure(extension=None, more=(APPROVED_EXTENSIONS,)),
        "1U 2R 3R 4R 5U 6R 7R 8R",
        PERSON,
        "vms-troubleshoot, UserErrorRequestDisallowedByPolicy",
        f"{NO_WORDS}; 5: the extension is in none of the three places",
    ),
    Row(
        "VM is gone",
        "BCMV2VMNotFound",
        Azure(vm_gone=True),
        "1U 2U 3U 4U 5U 6U 7U 8U",
        PERSON,
        "vms-troubleshoot, 400094: deleted, moved or renamed",
        "there is no VM to judge",
    ),
    Row(
        "VM cannot be read",
        INTERNAL,
        Azure(
            collections=(Collection(18),),
            locks=(SERVICE_LOCK,),
            faults=(fault("/virtualMachines/[^/]+(/instanceView)?$", 403),),
        ),
        "1U 2U 3U 4U 5U 6U",
        PERSON,
        "a fact that could not be read is unknown",
        "the VM was not read: not its agent, its disks, its vmId",
    ),
)
