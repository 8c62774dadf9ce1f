"""The backup extension: cause 5, by its state, its words, and what stands beside it."""

from __future__ import annotations

from tests.diagnosis_states.agent import (
    NO_WORDS,
)
from tests.diagnosis_states.azure import (
    NOW,
    OLD,
    VM_GROUP,
    Azure,
    Extension,
    Lock,
    Words,
    fault,
    group_id,
)
from tests.diagnosis_states.extension import (
    APPROVED_EXTENSIONS,
    FAILED,
    FSFREEZE,
    LOAD_FAILED,
    RESTRICTED,
    changed,
)
from tests.diagnosis_states.row import (
    EXTENSION,
    NO_NETWORK,
    PERSON,
    SNAPSHOT_TASK,
    UNINSTALL,
    Row,
)

DURING = Words("ProvisioningState/updating", "Plugin is being enabled.")

ROWS = (
    Row(
        "S28 failed in view, still running",
        EXTENSION,
        Azure(
            extension=Extension(
                "Creating", Words("ProvisioningState/failed/1", at=NOW - 1), "Ready"
            )
        ),
        "4R 5U 2R 3R",
        PERSON,
        "azure-linux-extensions #367: an operation on it runs since a minute",
        "5: in transition for less than ten minutes",
    ),
    Row(
        "updating since seven minutes",
        EXTENSION,
        Azure(extension=Extension("Updating", changed(DURING, NOW - 7))),
        "4R 5U 2R 3R",
        PERSON,
        "azure-linux-extensions #367",
        "5: in transition for less than ten minutes",
    ),
    Row(
        "updating since two hours",
        EXTENSION,
        Azure(extension=Extension("Updating", changed(DURING, NOW - 120))),
        "4R 5C 2R 3R",
        UNINSTALL,
        "article of 2018, cause 5: fails to update; decision: in transition for over ten minutes",
    ),
    Row(
        "creating, since when is not known",
        EXTENSION,
        Azure(
            extension=Extension("Creating", Words("ProvisioningState/creating", "", None), "Ready")
        ),
        "4R 5U 2R 3R",
        PERSON,
        "recorded: cloud-custodian SessionHostTest: a status may have no time",
        "5: for how long it is in transition is not known",
    ),
    Row(
        "stuck in deletion",
        "ExtensionStuckInDeletionState",
        Azure(
            extension=Extension(
                "Deleting", Words("ProvisioningState/deleting", "", NOW - 120), "Not Ready"
            )
        ),
        "1U 2R 3R 4R 5C 6R",
        UNINSTALL,
        "vms-troubleshoot, ExtensionStuckInDeletionState: uninstall VmSnapshot, retry",
        NO_WORDS,
    ),
    Row(
        "view says failed, resource says succeeded",
        EXTENSION,
        Azure(extension=Extension("Succeeded", LOAD_FAILED, "Not Ready")),
        "4R 5C 2R 3R",
        UNINSTALL,
        "azure-linux-extensions PR #635: success at the top proves nothing",
    ),
    Row(
        "S36 extension says fsfreeze failed",
        EXTENSION,
        Azure(os_type="Linux", extension=Extension("Succeeded", FSFREEZE)),
        "4C 5R 2R 3R",
        PERSON,
        "WALinuxAgent #525; ExtensionErrorCodeHelper: 121",
    ),
    Row(
        "resource failed, its words say fsfreeze",
        EXTENSION,
        Azure(os_type="Linux", extension=Extension("Failed", FSFREEZE)),
        "4C 5R 2R 3R",
        PERSON,
        "WALinuxAgent #525; vms-troubleshoot, UserErrorFsFreezeFailed: in the guest",
    ),
    Row(
        "S02 extension says restricted network",
        EXTENSION,
        Azure(os_type="Linux", extension=Extension("Succeeded", RESTRICTED)),
        "4R 5R 2R 3R",
        PERSON,
        "azure-linux-extensions #494; ExtensionErrorCodeHelper: 761",
    ),
    Row(
        "resource failed, its words say no network, long before the job",
        NO_NETWORK,
        Azure(os_type="Linux", extension=Extension("Failed", changed(RESTRICTED, OLD))),
        "1U 4R 5U",
        PERSON,
        "WALinuxAgent #323: old words stay; Failed counts at any age",
        "1: words older than the failed job say nothing about it; 5: Failed, and its only words"
        " name another cause, of another job",
    ),
    Row(
        "handler refuses a downgrade",
        EXTENSION,
        Azure(
            extension=Extension(
                "Failed",
                Words(LOAD_FAILED.code, "Downgrade not allowed"),
                "Downgrade not allowed",
            )
        ),
        "4R 5U 2R 3R",
        PERSON,
        "WALinuxAgent #1059",
        "5: Failed, but its words name another cause; whether a removal helps is not established",
    ),
    Row(
        "S05 cause outside the code's row",
        SNAPSHOT_TASK,
        Azure(extension=FAILED),
        "2R 3R 1U",
        PERSON,
        "azure-docs #64646, WALinuxAgent #1059: told, not removed, and a backup would fail again",
        NO_WORDS,
    ),
    Row(
        "S19 policy denies the extension",
        EXTENSION,
        Azure(extension=FAILED, more=(APPROVED_EXTENSIONS,)),
        "4R 5C 2R 3R",
        PERSON,
        "built-in policy c0e996f8: removed, it could not come back; WALinuxAgent #1886",
    ),
    Row(
        "extension failed, its group is locked",
        EXTENSION,
        Azure(extension=FAILED, locks=(Lock(group_id(VM_GROUP)),)),
        "4R 5C 2R 3R",
        PERSON,
        "lock-resources: CanNotDelete on the group covers the extension; lifted only for cause 6",
    ),
    Row(
        "S14 other extension failed",
        "UserErrorVmProvisioningStateFailed",
        Azure(
            provisioning="Failed",
            provisioning_code="failed/VMExtensionProvisioningError",
            others=("run-setup",),
        ),
        "1U 2R 3R 4C 5R 6R 7C",
        PERSON,
        "azure-docs #64646, PR #85736; vms-troubleshoot: a Failed VM does not allow backups",
        NO_WORDS,
    ),
    Row(
        "the extension put the VM in failed state",
        EXTENSION,
        Azure(
            provisioning="Failed",
            provisioning_code="failed/VMExtensionProvisioningError",
            extension=FAILED,
        ),
        "4C 5C 2R 3R",
        UNINSTALL,
        "snapshot-timeout, UserErrorVmProvisioningStateFailed: an extension failure put it there",
    ),
    Row(
        "other extension failed, VM succeeded",
        EXTENSION,
        Azure(others=("run-setup",)),
        "4R 5R 2R 3R",
        PERSON,
        "azure-docs #64646: it is told, it is not ours",
    ),
    Row(
        "everything is well, extension code",
        EXTENSION,
        Azure(),
        "4R 5R 2R 3R",
        PERSON,
        "snapshot-timeout: no retry is advised for this code before a repair",
    ),
    Row(
        "extensions cannot be read",
        EXTENSION,
        Azure(faults=(fault("/extensions", 403),)),
        "4R 5U 2R 3R",
        PERSON,
        "a fact that could not be read is unknown",
        "5: one of its three places was not read",
    ),
)
