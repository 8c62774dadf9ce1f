"""The network: cause 1, which only the extension's own words confirm."""

from __future__ import annotations

from local.scenarios import parts
from tests.diagnosis_states.agent import NO_WORDS
from tests.diagnosis_states.azure import OLD, VM, VM_GROUP, Azure, Extension, Words, group_id
from tests.diagnosis_states.extension import FSFREEZE, RESTRICTED
from tests.diagnosis_states.row import (
    AGAIN,
    AGENT_STATUS,
    INTERNAL,
    NO_NETWORK,
    PERSON,
    SNAPSHOT_TASK,
    Row,
)

SUBSTATUS_76 = (
    '[{"status": {"status": "error", "code": "76", "name":'
    ' "Microsoft.Azure.RecoveryServices.VMSnapshotLinux", "formattedMessage": {"message":'
    ' "StatusCode.FailedRetryableSnapshotFailedNoNetwork,"}}}]'
)
SUBSTATUS_1 = (
    '[{"status": {"status": "success", "code": "1", "name":'
    ' "Microsoft.Azure.RecoveryServices.VMSnapshotLinux", "formattedMessage": {"message":'
    ' "StatusCode.Success,"}}}]'
)
NO_NETWORK_76 = Words(
    "ProvisioningState/failed/76",
    "snapshot result: StatusCode.FailedRetryableSnapshotFailedNoNetwork,",
)
CODES = "azure-linux-extensions, ExtensionErrorCodeHelper: 76 and 761"
TOO_OLD = "1: words older than the failed job say nothing about it"
NO_INTERNET_NEEDED = "backup-support-matrix-iaas: internet connectivity not required"


def _linux(words: Words, resource: str = "Succeeded") -> Azure:
    return Azure(os_type="Linux", extension=Extension(resource, words))


def _denying_interface() -> dict[str, object]:
    """The VM's interface, in a subnet without a way out, below a rule that denies
    everything."""
    interface = parts.interface(VM_GROUP, VM)
    network = f"{group_id(VM_GROUP)}/providers/Microsoft.Network"
    interface["properties"]["networkSecurityGroup"] = {"id": f"{network}/networkSecurityGroups/nsg"}
    return interface


DENY_ALL = {
    "id": f"{group_id(VM_GROUP)}/providers/Microsoft.Network/networkSecurityGroups/nsg",
    "name": "nsg",
    "type": "Microsoft.Network/networkSecurityGroups",
    "location": parts.REGION,
    "properties": {
        "provisioningState": "Succeeded",
        "securityRules": [
            {
                "name": "deny-all-out",
                "properties": {
                    "provisioningState": "Succeeded",
                    "protocol": "*",
                    "sourcePortRange": "*",
                    "destinationPortRange": "*",
                    "sourceAddressPrefix": "*",
                    "destinationAddressPrefix": "*",
                    "access": "Deny",
                    "priority": 100,
                    "direction": "Outbound",
                },
            }
        ],
    },
}

ROWS = (
    Row(
        "S03 success with an error in the substatus",
        NO_NETWORK,
        _linux(Words(substatus=SUBSTATUS_76)),
        "1C 4R 5R",
        PERSON,
        "azure-linux-extensions PR #635, HandlerUtil; code 76",
    ),
    Row(
        "status says no network",
        NO_NETWORK,
        _linux(NO_NETWORK_76),
        "1C 4R 5R",
        PERSON,
        CODES,
    ),
    Row(
        "status says restricted network, agent code",
        AGENT_STATUS,
        _linux(RESTRICTED),
        "1C 2R 3R 4R 5R",
        PERSON,
        f"azure-linux-extensions #494; {CODES}",
    ),
    Row(
        "resource failed, its words say no network",
        NO_NETWORK,
        _linux(NO_NETWORK_76, "Failed"),
        "1C 4R 5R",
        PERSON,
        f"azure-linux-extensions #494: it runs and names another cause; {CODES}",
    ),
    Row(
        "S32 old words of the extension",
        INTERNAL,
        _linux(
            Words(
                message="snapshot: StatusCode.FailedRetryableSnapshotFailedRestrictedNetwork,",
                at=OLD,
            )
        ),
        "1U 2R 3R 4R 5R 6R",
        AGAIN,
        "WALinuxAgent #323; message of BackUpOperationFailed: retry in a few minutes",
        TOO_OLD,
    ),
    Row(
        "old error in the substatus",
        NO_NETWORK,
        _linux(Words(at=OLD, substatus=SUBSTATUS_76)),
        "1U 4R 5R",
        PERSON,
        "WALinuxAgent #323",
        TOO_OLD,
    ),
    Row(
        "words of an hour before the job",
        NO_NETWORK,
        _linux(Words(NO_NETWORK_76.code, NO_NETWORK_76.message, at=-80)),
        "1U 4R 5R",
        PERSON,
        "WALinuxAgent #323",
        TOO_OLD,
    ),
    Row(
        "words without a time",
        NO_NETWORK,
        _linux(Words(NO_NETWORK_76.code, NO_NETWORK_76.message, at=None)),
        "1U 4R 5R",
        PERSON,
        "recorded: cloud-custodian SessionHostTest: a status may have no time",
        "1: whether the words are of this job is not known",
    ),
    Row(
        "the extension is silent about the network",
        NO_NETWORK,
        _linux(Words()),
        "1U 4R 5R",
        PERSON,
        "azure-linux-extensions PR #635",
        NO_WORDS,
    ),
    Row(
        "76 as a number of something else",
        NO_NETWORK,
        _linux(Words(message="Plugin 1.0.9176.0 enabled in 761 ms, 76 MB of network buffers.")),
        "1U 4R 5R",
        PERSON,
        f"{CODES}: codes, not numbers in a text",
        NO_WORDS,
    ),
    Row(
        "a rule denies everything, the extension is silent",
        NO_NETWORK,
        Azure(os_type="Linux", more=(_denying_interface(), DENY_ALL)),
        "1U 4R 5R",
        PERSON,
        NO_INTERNET_NEEDED,
        "1: rules alone confirm nothing, and the extension says nothing of the network",
    ),
    Row(
        "a rule denies everything, the agent is silent",
        SNAPSHOT_TASK,
        Azure(os_type="Linux", agent="silent", more=(_denying_interface(), DENY_ALL)),
        "2R 3C 1U",
        PERSON,
        f"{NO_INTERNET_NEEDED}; 168.63.129.16 is not subject to the rules",
        "1: rules alone confirm nothing, and the extension says nothing of the network",
    ),
    Row(
        "the snapshot command succeeded after the job",
        INTERNAL,
        _linux(Words(at=15, substatus=SUBSTATUS_1)),
        "1R 2R 3R 4R 5R 6R",
        AGAIN,
        "azure-linux-extensions PR #635: the substatus is the result, and it is newer",
    ),
    Row(
        "file systems do not freeze, code of its own",
        "UserErrorFsFreezeFailed",
        _linux(FSFREEZE),
        "1R 2R 3R 4C 5R 6R 7R 8R",
        PERSON,
        "vms-troubleshoot, UserErrorFsFreezeFailed; ExtensionErrorCodeHelper: one code a command",
    ),
)
