"""The backup extension: cause 5, in the three places where it can be seen."""

from __future__ import annotations

from local.simulator import ids
from tests.diagnosis_states.agent import NO_WORDS, NOT_RUNNING, SILENT_RUNNING
from tests.diagnosis_states.azure import (
    OLD,
    VM_GROUP,
    Azure,
    Extension,
    Words,
    group_id,
)
from tests.diagnosis_states.row import (
    AGENT_STATUS,
    EXTENSION,
    NO_NETWORK,
    PERSON,
    UNINSTALL,
    Row,
)

LOAD_FAILED = Words(
    "ProvisioningState/failed/1",
    "The extension failed to load and to process the snapshot command.",
)
FAILED = Extension("Failed", LOAD_FAILED, "Not Ready")
FSFREEZE = Words(
    "ProvisioningState/failed/121",
    "Failed to FIFREEZE: /data/dblog StatusCode.FailedRetryableFsFreezeFailed,",
)
RESTRICTED = Words(
    "ProvisioningState/failed/761",
    "T:S snapshot result: errorcode: 409"
    " StatusCode.FailedRetryableSnapshotFailedRestrictedNetwork,",
)
UNINSTALL_PAGE = "backup-azure-manage-vms: remove the extension, the next backup installs it"
NOWHERE = "5: the extension is in none of the three places; a managed VM may hide it"
ONLY_APPROVED = "c0e996f8-39cf-4af9-9f45-83fbde810432"


def changed(words: Words, at: int | None) -> Words:
    return Words(words.code, words.message, at, words.substatus)


APPROVED_EXTENSIONS = {
    "id": f"{group_id(VM_GROUP)}/providers/{ids.POLICY_ASSIGNMENT}/approved-ext",
    "name": "approved-ext",
    "type": ids.POLICY_ASSIGNMENT,
    "properties": {
        "displayName": "Approved VM extensions",
        "scope": group_id(VM_GROUP),
        "enforcementMode": "Default",
        "policyDefinitionId": f"/providers/{ids.POLICY_DEFINITION}/{ONLY_APPROVED}",
        "parameters": {
            "effect": {"value": "Deny"},
            "approvedExtensions": {"value": ["AzureMonitorWindowsAgent"]},
        },
    },
}

ROWS = (
    Row(
        "windows extension failed",
        EXTENSION,
        Azure(extension=FAILED),
        "4R 5C 2R 3R",
        UNINSTALL,
        UNINSTALL_PAGE,
    ),
    Row(
        "linux extension failed",
        EXTENSION,
        Azure(os_type="Linux", extension=FAILED),
        "4R 5C 2R 3R",
        UNINSTALL,
        UNINSTALL_PAGE,
    ),
    Row(
        "S13 removal preempted",
        EXTENSION,
        Azure(
            extension=FAILED,
            faults=(
                {
                    "method": "DELETE",
                    "path_regex": "/extensions/VMSnapshot$",
                    "times": 1,
                    "action": {
                        "lro_fail": {
                            "code": "OperationPreempted",
                            "message": "Operation execution has been preempted by a more recent"
                            " operation.",
                        }
                    },
                },
            ),
        ),
        "4R 5C 2R 3R",
        UNINSTALL,
        "azure-linux-extensions #750, azure-rest-api-specs #22434: wait and look again",
    ),
    Row(
        "extension failed, agent code",
        AGENT_STATUS,
        Azure(extension=FAILED),
        "1U 2R 3R 4R 5C",
        UNINSTALL,
        "article of 2018: cause 5 of this code",
        NO_WORDS,
    ),
    Row(
        "extension failed, network code, no word of the network",
        NO_NETWORK,
        Azure(os_type="Linux", extension=FAILED),
        "1U 4R 5C",
        UNINSTALL,
        "article of 2018: cause 5 of this code",
        NO_WORDS,
    ),
    Row(
        "extension failed long ago, without words",
        EXTENSION,
        Azure(extension=Extension("Failed", Words(LOAD_FAILED.code, "", OLD), "Not Ready")),
        "4R 5C 2R 3R",
        UNINSTALL,
        f"decision: Failed counts at any age, with or without words; {UNINSTALL_PAGE}",
    ),
    Row(
        "extension failed, status without time",
        EXTENSION,
        Azure(extension=Extension("Failed", changed(LOAD_FAILED, None), "Not Ready")),
        "4R 5C 2R 3R",
        UNINSTALL,
        "recorded: cloud-custodian SessionHostTest: a failed status has no time",
    ),
    Row(
        "extension failed, not in the instance view",
        EXTENSION,
        Azure(extension=Extension("Failed", None, "")),
        "4R 5C 2R 3R",
        UNINSTALL,
        "decision: the provisioning state that a GET returns is enough",
    ),
    Row(
        "extension failed, agent silent",
        EXTENSION,
        Azure(extension=FAILED, agent="silent"),
        "4U 5C 2C 3R",
        PERSON,
        "WALinuxAgent e2e tests: the removal runs into VMExtensionProvisioningTimeout",
        SILENT_RUNNING,
    ),
    Row(
        "extension failed, deallocated",
        EXTENSION,
        Azure(extension=FAILED, power="deallocated", agent="none"),
        "4R 5C 2U 3R",
        PERSON,
        "OperationNotAllowed: extensions cannot be modified when the VM is not running;"
        " FAQ: a deallocated VM is backed up",
        NOT_RUNNING,
    ),
    Row(
        "extension failed, shut down inside the guest",
        EXTENSION,
        Azure(extension=FAILED, power="stopped", agent="silent"),
        "4C 5C 2U 3R",
        PERSON,
        "OperationNotAllowed: extensions cannot be modified when the VM is not running",
        NOT_RUNNING,
    ),
    Row(
        "extension hidden from the list, failed",
        EXTENSION,
        Azure(extension=Extension("Failed", LOAD_FAILED, "Not Ready", hidden=True)),
        "4R 5C 2R 3R",
        UNINSTALL,
        "backup-azure-manage-vms: hidden, removed by its name; azure-docs #63454",
    ),
    Row(
        "extension hidden from the list, works",
        EXTENSION,
        Azure(extension=Extension(hidden=True)),
        "4R 5R 2R 3R",
        PERSON,
        "backup-azure-manage-vms: hidden, `az vm extension show --name VMSnapshot` shows it",
    ),
    Row(
        "extension hidden from the list, and from the instance view, failed",
        EXTENSION,
        Azure(extension=Extension("Failed", None, "", hidden=True)),
        "4R 5C 2R 3R",
        UNINSTALL,
        "backup-azure-manage-vms: hidden, removed by its name; azure-docs #63454",
    ),
    Row(
        "extension under another name, failed",
        EXTENSION,
        Azure(extension=Extension("Failed", LOAD_FAILED, "Not Ready", name="backup-snapshot")),
        "4R 5C 2R 3R",
        UNINSTALL,
        "REST virtualMachineExtensions: publisher and type say what it is, a name is free",
    ),
    Row(
        "seen only as a failed handler",
        EXTENSION,
        Azure(extension=Extension("", None, "Not Ready")),
        "4R 5C 2R 3R",
        PERSON,
        "WALinuxAgent #1239: only the handler was left; nothing that a GET returns",
    ),
    Row(
        "seen only as a failed status of the instance view",
        EXTENSION,
        Azure(extension=Extension("", LOAD_FAILED, "Not Ready")),
        "4R 5C 2R 3R",
        PERSON,
        "azure-docs #63454, #64646: not shown; nothing that a GET returns",
    ),
    Row(
        "seen only as a handler that is ready",
        EXTENSION,
        Azure(extension=Extension("", None, "Ready")),
        "4R 5R 2R 3R",
        PERSON,
        "instance view: a handler that is Ready is loaded",
    ),
    Row(
        "nowhere on windows",
        EXTENSION,
        Azure(extension=None),
        "4R 5U 2R 3R",
        PERSON,
        "azure-docs #6076, vmsnapshot-windows: shown only for non-managed VMs",
        NOWHERE,
    ),
    Row(
        "nowhere on linux, agent ready",
        EXTENSION,
        Azure(os_type="Linux", extension=None),
        "4R 5U 2R 3R",
        PERSON,
        "article of 2018: on Linux, if it is not there, as cause 3",
        NOWHERE,
    ),
    Row(
        "nowhere on linux, agent silent",
        EXTENSION,
        Azure(os_type="Linux", extension=None, agent="silent"),
        "4U 5U 2R 3C",
        PERSON,
        "article of 2018: on Linux, if it is not there, as cause 3",
        f"{SILENT_RUNNING}; {NOWHERE}",
    ),
    Row(
        "another publisher's extension of that name, failed",
        EXTENSION,
        Azure(extension=Extension("Failed", LOAD_FAILED, "Not Ready", publisher="Contoso.Backup")),
        "4R 5U 2R 3R",
        PERSON,
        "REST virtualMachineExtensions: publisher and type say what it is, a name is free",
        NOWHERE,
    ),
)
