"""The error codes of Azure Backup that the simulator reports, with their English
messages.

Only three numbers are publicly known (backup-azure-vms-troubleshoot). All other codes
have 0 in errorDetails[].errorCode, so no conclusion may rest on that number.
"""

from __future__ import annotations

from local.simulator.ids import fold

GUEST_AGENT = "UserErrorGuestAgentStatusUnavailable"
NO_NETWORK = "ExtensionSnapshotFailedNoNetwork"
EXTENSION = "ExtentionOperationFailed"
"""Microsoft's own spelling."""
SNAPSHOT_STATUS = "GuestAgentSnapshotTaskStatusError"
INTERNAL = "BackUpOperationFailed"
VM_NOT_FOUND = "BCMV2VMNotFound"
POLICY = "UserErrorRequestDisallowedByPolicy"
VM_STATE = "UserErrorVmProvisioningStateFailed"
NOT_DESIRABLE = "UserErrorVmNotInDesirableState"
STUCK = "ExtensionStuckInDeletionState"
IN_PROGRESS = "UserErrorBackupOperationInProgress"
COPY_TIMED_OUT = "CopyingVHDsFromBackUpVaultTakingLongTime"
OFFLINE = "AzureVmOffline"
SEE_MESSAGE = "UserErrorCrpReportedUserError"

_EXTENSION_MESSAGE = "VMSnapshot extension operation failed"
_INTERNAL_MESSAGE = (
    "Backup failed with an internal error - Please retry the operation in a few minutes"
)

MESSAGES = {
    GUEST_AGENT: "VM agent unable to communicate with Azure Backup",
    NO_NETWORK: "Snapshot operation failed due to no network connectivity on the virtual machine",
    EXTENSION: _EXTENSION_MESSAGE,
    "ExtensionOperationFailed": _EXTENSION_MESSAGE,
    "ExtensionOperationFailedForManagedDisks": _EXTENSION_MESSAGE,
    SNAPSHOT_STATUS: "Could not communicate with the VM agent for snapshot status",
    INTERNAL: _INTERNAL_MESSAGE,
    "BackUpOperationFailedV2": _INTERNAL_MESSAGE,
    "UserErrorRpCollectionLimitReached": "The Restore Point collection max limit has reached.",
    "UserErrorFsFreezeFailed": (
        "Failed to freeze one or more mount-points of the VM to take a file-system consistent"
        " snapshot."
    ),
    "UserErrorParentFullBackupMissing": "First full backup is missing for this datasource.",
    POLICY: "An invalid policy is configured on the VM which is preventing Snapshot operation.",
    VM_NOT_FOUND: "The virtual machine doesn't exist",
    VM_STATE: "The VM is in failed provisioning state",
    NOT_DESIRABLE: "VM is not in a state that allows backups.",
    STUCK: "Extension state is not supportive to the backup operation",
    IN_PROGRESS: "Unable to initiate backup as another backup operation is currently in progress",
    COPY_TIMED_OUT: "Copying backed up data from vault timed out",
    OFFLINE: (
        "Failed to install Microsoft Recovery Services extension as virtual machine is not running"
    ),
    SEE_MESSAGE: "Backup failed due to an error. For details, see Job Error Message Details.",
}

NUMBERS = {"ResourceNotFound": 320001, VM_NOT_FOUND: 400094, OFFLINE: 380008}


def message(code: str) -> str:
    return MESSAGES.get(code, "The backup failed.")


def recommendation(code: str) -> str:
    return f"For troubleshooting instructions, see https://aka.ms/AB-{fold(code)}"
