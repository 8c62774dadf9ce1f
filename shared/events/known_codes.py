"""The error codes that Microsoft's articles name, with their other spellings and their
English messages.

SPELLINGS has the codes with a row in the catalogue; OTHERS those without: they are
recognised so that a person is told the code as Microsoft writes it, and nothing is
fixed for them.
https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
https://learn.microsoft.com/azure/backup/backup-azure-vms-troubleshoot
"""

from __future__ import annotations

SPELLINGS: dict[str, tuple[str, ...]] = {
    "UserErrorGuestAgentStatusUnavailable": (),
    "ExtensionSnapshotFailedNoNetwork": (),
    "ExtentionOperationFailed": (
        "ExtensionOperationFailed",
        "ExtensionOperationFailedForManagedDisks",
        "ExtentionOperationFailedForManagedDisks",
    ),
    "GuestAgentSnapshotTaskStatusError": (),
    "BackUpOperationFailed": (),
    "BackUpOperationFailedV2": (),
    "UserErrorRpCollectionLimitReached": (),
    "UserErrorVmProvisioningStateFailed": (),
    "UserErrorVmNotInDesirableState": ("VmNotInDesirableState",),
    "ExtensionStuckInDeletionState": (),
    "UserErrorBackupOperationInProgress": ("SystemBackupOperationInProgress",),
    "CopyingVHDsFromBackUpVaultTakingLongTime": (),
    "AzureVmOffline": (),
    "UserErrorCrpReportedUserError": (),
}
"""The catalogue's name of each code, with Microsoft's other spellings of it."""

OTHERS = (
    "BCMCrpInternalError",
    "BCMV2VMNotFound",
    "ExtensionConfigParsingFailure",
    "ExtensionFailedOutOfMemoryError",
    "ExtensionFailedSnapshotLimitReachedError",
    "ExtensionFailedSnapshotRateExceededError",
    "ExtensionFailedTimeoutVMNetworkUnresponsive",
    "ExtensionFailedVssServiceInBadState",
    "ExtensionFailedVssWriterInBadState",
    "ExtensionInstallationFailedCOM",
    "ExtensionInstallationFailedMDTC",
    "ExtensionOperationInProgress",
    "ExtensionSnapshotBitlockerError",
    "ExtensionSnapshotFailedCOM",
    "ExtensionSnapshotFailedNoSecureNetwork",
    "ExtensionVCRedistInstallationFailure",
    "GuestAgentCertificateNotFound",
    "UserErrorBCMPremiumStorageQuotaError",
    "UserErrorBcmDatasourceNotPresent",
    "UserErrorFsFreezeFailed",
    "UserErrorFsFreezeTimeout",
    "UserErrorGuestAgentVersionUnsupported",
    "UserErrorJobSuccessfullyCancelled",
    "UserErrorKeyvaultPermissionsNotConfigured",
    "UserErrorMarketPlaceVMNotSupported",
    "UserErrorRequestDisallowedByPolicy",
    "UserErrorResourceGroupLockPreventsManagedRpDelete",
    "UserErrorResourceIsInLockedState",
    "UserErrorRpCollectionDeleted",
    "UserErrorRpCollectionMarkedForDeletion",
    "UserErrorSkuNotAvailable",
    "UserErrorUnableToOpenMount",
    "UserErrorUnsupportedDiskSize",
    "UserErrorVMInternetConnectivityIssue",
    "UserErrorVmNotFoundV2",
    "VMRestorePointInternalError",
)

NUMBERS = {320001: "ResourceNotFound", 400094: "BCMV2VMNotFound", 380008: "AzureVmOffline"}
"""The only pairs of number and name that Microsoft publishes. ResourceNotFound is known
by its number and message only: it is ARM's own code as well, so a text that has the
word names no code of Azure Backup.
https://learn.microsoft.com/azure/backup/backup-azure-vms-troubleshoot"""

MESSAGES = {
    "VM Agent unable to communicate with Azure Backup": "UserErrorGuestAgentStatusUnavailable",
    "Snapshot operation failed due to no network connectivity on the virtual machine": (
        "ExtensionSnapshotFailedNoNetwork"
    ),
    "Snapshot operation failed due to no network connectivity on the VM": (
        "ExtensionSnapshotFailedNoNetwork"
    ),
    "VMSnapshot extension operation failed": "ExtentionOperationFailed",
    "Could not communicate with the VM agent for snapshot status": (
        "GuestAgentSnapshotTaskStatusError"
    ),
    "Backup failed with an internal error": "BackUpOperationFailed",
    "Backup fails, with an internal error": "BackUpOperationFailed",
    "The backups of VMs have failed after the policy migration from Standard to Enhanced policy": (
        "BackUpOperationFailedV2"
    ),
    "The Restore Point collection max limit has reached": "UserErrorRpCollectionLimitReached",
    "The VM is in failed provisioning state": "UserErrorVmProvisioningStateFailed",
    "VM is not in a state that allows backups": "UserErrorVmNotInDesirableState",
    "Extension state is not supportive to the backup operation": "ExtensionStuckInDeletionState",
    "Extension state is not supportive to backup operation": "ExtensionStuckInDeletionState",
    "Unable to initiate backup as another backup operation is currently in progress": (
        "UserErrorBackupOperationInProgress"
    ),
    "Backup failed due to an error. For details, see Job Error Message Details": (
        "UserErrorCrpReportedUserError"
    ),
    "Backup doesn't have sufficient permissions to the key vault for backup of encrypted VMs": (
        "UserErrorKeyvaultPermissionsNotConfigured"
    ),
    "The configured disk size(s) is currently not supported by Azure Backup": (
        "UserErrorUnsupportedDiskSize"
    ),
    "Backup failed: This virtual machine is not (actively) protected by Azure Backup": (
        "UserErrorBcmDatasourceNotPresent"
    ),
    "Antivirus configured in the VM is restricting the execution of backup extension": (
        "VMRestorePointInternalError"
    ),
    "Copying backed up data from vault timed out": "CopyingVHDsFromBackUpVaultTakingLongTime",
    "Failed to freeze one or more mount-points of the VM to take a file-system consistent"
    " snapshot": "UserErrorFsFreezeFailed",
    "Snapshot operation failed due to COM+ error": "ExtensionSnapshotFailedCOM",
    "Extension installation/operation failed due to a COM+ error": "ExtensionInstallationFailedCOM",
    'Extension installation failed with the error "COM+ was unable to talk to the Microsoft'
    " Distributed Transaction Coordinator": "ExtensionInstallationFailedMDTC",
    "Snapshot operation failed because VSS writers were in a bad state": (
        "ExtensionFailedVssWriterInBadState"
    ),
    "Snapshot operation failed due to VSS (Volume Shadow Copy) service in bad state": (
        "ExtensionFailedVssServiceInBadState"
    ),
    "Failure in parsing the config for the backup extension": "ExtensionConfigParsingFailure",
    "Snapshot operation failed as snapshot limit is exceeded for some of the disks attached": (
        "ExtensionFailedSnapshotLimitReachedError"
    ),
    "Snapshot operation failed due to inadequate VM resources": (
        "ExtensionFailedTimeoutVMNetworkUnresponsive"
    ),
    "Could not perform the operation as VM no longer exists": "ResourceNotFound",
    "The virtual machine doesn't exist": "BCMV2VMNotFound",
    "Could not copy the snapshot of the virtual machine, due to insufficient free space in the"
    " storage account": "UserErrorBCMPremiumStorageQuotaError",
    "Failed to install Microsoft Recovery Services extension as virtual machine is not running": (
        "AzureVmOffline"
    ),
    "The snapshot operation failed with the Volume Shadow Copy Service (VSS) operation error": (
        "ExtensionSnapshotBitlockerError"
    ),
    "The snapshot operation failed because of failure to create a secure network communication"
    " channel": "ExtensionSnapshotFailedNoSecureNetwork",
    "The snapshot operation failed because of failure to install Visual C++ Redistributable for"
    " Visual Studio 2015": "ExtensionVCRedistInstallationFailure",
    "An invalid policy is configured on the VM which is preventing Snapshot operation": (
        "UserErrorRequestDisallowedByPolicy"
    ),
    "Backup failed due to a lock on virtual machine": "UserErrorResourceIsInLockedState",
}
"""English messages as Microsoft prints them, without a full stop at the end; translated
ones are not recognised."""
