"""Every code and message that the articles print, in each place where an alert or a job
may have it: with and without the recommendation behind it."""

from __future__ import annotations

from typing import Any

import pytest

from shared.arm_ids import fold
from shared.events.error_codes import (
    SEE_MESSAGE,
    from_job,
    from_link,
    from_message,
    from_origin,
    resolve,
    spell,
)
from shared.events.known_codes import MESSAGES, NUMBERS, OTHERS, SPELLINGS
from shared.events.model import CodeHint

ROWS = {spelling: name for name, others in SPELLINGS.items() for spelling in (name, *others)}
KNOWN = ROWS | {name: name for name in OTHERS}
PRINTED = {
    "VM Agent unable to communicate with Azure Backup": "UserErrorGuestAgentStatusUnavailable",
    "Could not communicate with the VM agent for snapshot status": (
        "GuestAgentSnapshotTaskStatusError"
    ),
    "The VM is in failed provisioning state": "UserErrorVmProvisioningStateFailed",
    "VM is in Failed Provisioning State": "UserErrorVmProvisioningStateFailed",
    "The Restore Point collection max limit has reached.": "UserErrorRpCollectionLimitReached",
    "Backup doesn't have sufficient permissions to the key vault for backup of encrypted VMs.": (
        "UserErrorKeyvaultPermissionsNotConfigured"
    ),
    "Snapshot operation failed due to no network connectivity on the virtual machine": (
        "ExtensionSnapshotFailedNoNetwork"
    ),
    "Snapshot operation failed due to no network connectivity on the VM": (
        "ExtensionSnapshotFailedNoNetwork"
    ),
    "VMSnapshot extension operation failed": "ExtentionOperationFailed",
    "Backup failed with an internal error": "BackUpOperationFailed",
    "Backup fails, with an internal error": "BackUpOperationFailed",
    "The backups of VMs have failed after the policy migration from Standard to Enhanced policy.": (
        "BackUpOperationFailedV2"
    ),
    "The configured disk size(s) is currently not supported by Azure Backup.": (
        "UserErrorUnsupportedDiskSize"
    ),
    "Unable to initiate backup as another backup operation is currently in progress": (
        "UserErrorBackupOperationInProgress"
    ),
    "Backup failed due to an error. For details, see Job Error Message Details.": (
        "UserErrorCrpReportedUserError"
    ),
    "Backup failed: This virtual machine is not (actively) protected by Azure Backup.": (
        "UserErrorBcmDatasourceNotPresent"
    ),
    "Copying backed up data from vault timed out": "CopyingVHDsFromBackUpVaultTakingLongTime",
    "VM is not in a state that allows backups.": "UserErrorVmNotInDesirableState",
    "Failed to freeze one or more mount-points of the VM to take a file-system consistent"
    " snapshot.": "UserErrorFsFreezeFailed",
    "Snapshot operation failed due to COM+ error": "ExtensionSnapshotFailedCOM",
    "Extension installation/operation failed due to a COM+ error": "ExtensionInstallationFailedCOM",
    "Snapshot operation failed because VSS writers were in a bad state.": (
        "ExtensionFailedVssWriterInBadState"
    ),
    "Snapshot operation failed due to VSS (Volume Shadow Copy) service in bad state.": (
        "ExtensionFailedVssServiceInBadState"
    ),
    "Failure in parsing the config for the backup extension.": "ExtensionConfigParsingFailure",
    "Extension state is not supportive to the backup operation": "ExtensionStuckInDeletionState",
    "Snapshot operation failed as snapshot limit is exceeded for some of the disks attached": (
        "ExtensionFailedSnapshotLimitReachedError"
    ),
    "Snapshot operation failed due to inadequate VM resources.": (
        "ExtensionFailedTimeoutVMNetworkUnresponsive"
    ),
    "Could not perform the operation as VM no longer exists.": "ResourceNotFound",
    "The virtual machine doesn't exist": "BCMV2VMNotFound",
    "The virtual machine doesn\u2019t exist": "BCMV2VMNotFound",
    "Could not copy the snapshot of the virtual machine, due to insufficient free space in the"
    " storage account": "UserErrorBCMPremiumStorageQuotaError",
    "Failed to install Microsoft Recovery Services extension as virtual machine  is not running": (
        "AzureVmOffline"
    ),
    "The VM isn't in a state that allows backups.": "UserErrorVmNotInDesirableState",
    "The snapshot operation failed because of failure to create a secure network communication"
    " channel.": "ExtensionSnapshotFailedNoSecureNetwork",
    "The snapshot operation failed because of failure to install Visual C++ Redistributable for"
    " Visual Studio 2015.": "ExtensionVCRedistInstallationFailure",
    "An invalid policy is configured on the VM which is preventing Snapshot operation.": (
        "UserErrorRequestDisallowedByPolicy"
    ),
    "Backup failed due to a lock on virtual machine.": "UserErrorResourceIsInLockedState",
}
"""As the articles print them, stop and gaps included."""
TAILS = (
    "{}",
    "{}.",
    "{} - Please retry the operation in a few minutes",
    "{}. Please retry the operation in a few minutes.",
    "{}, please retry the operation",
    "{}\r\nRecommended Action: Open the job.",
    "{}\nFor troubleshooting instructions, see https://aka.ms/AB-AA4ecq8",
    " {}  ",
)


def code_of(hint: CodeHint | None) -> str:
    return hint.code if hint else ""


def row(code: str) -> str:
    """In the catalogue's spelling, where it has the code."""
    return KNOWN.get(code, code)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("message", PRINTED)
def test_a_message_leads_to_its_code_with_and_without_what_follows(message: str, tail: str) -> None:
    for text in (tail.format(message.rstrip(".")), tail.format(message.rstrip(".")).upper()):
        assert code_of(from_message(text)) == row(PRINTED[message])
        detail = {"errorCode": 0, "errorTitle": text, "errorString": "", "recommendations": []}
        assert code_of(from_job([detail], "")) == row(PRINTED[message])


@pytest.mark.parametrize("written", KNOWN)
def test_a_code_in_any_case_and_place_leads_to_its_name(written: str) -> None:
    code = KNOWN[written]
    for each in (written, fold(written), written.upper()):
        assert spell(f" {each} ") == code
        assert code_of(from_link(f"See https://aka.ms/AB-{each}.")) == code
        assert code_of(from_message(f"{each}: something")) == code
        assert code_of(from_message(f"Error code: {each}\nError message: it failed")) == code
        assert code_of(from_job([], f"{each}: something")) == code
        found = from_job([{"recommendations": [f"see https://aka.ms/AB-{each}"]}], "")
        assert code_of(found) == code
    assert code_of(from_origin(f"2516_0_468azureiaasvm{fold(written)}full")) == code


def test_every_message_is_of_a_code_that_is_known_and_is_tried_here() -> None:
    assert {*MESSAGES.values()} <= {*SPELLINGS, *OTHERS, *NUMBERS.values()}
    untried = {
        "VMRestorePointInternalError",
        "ExtensionInstallationFailedMDTC",
        "ExtensionSnapshotBitlockerError",
    }
    assert {*MESSAGES.values()} - {row(code) for code in PRINTED.values()} == untried
    assert not {*SPELLINGS} & {*OTHERS}


@pytest.mark.parametrize(
    "text",
    [
        "We saw: Backup failed with an internal error",
        "Backup failed with an internal error of ours",
        "The virtual machine doesn't exist in this region",
        "VMSnapshot extension operation failed2",
        "ResourceNotFound : The Resource 'Microsoft.Compute/disks/d' was not found.",
        "OperationNotAllowed : The number of restore points cannot exceed 18.",
        "",
    ],
)
def test_a_part_of_a_message_and_a_code_of_arm_prove_nothing(text: str) -> None:
    assert from_message(text) is None


LINK = "For troubleshooting instructions, see https://aka.ms/AB-{}"


@pytest.mark.parametrize(
    ("titles", "recommended", "dynamic", "code"),
    [
        ([], "backupoperationfailed", "UserErrorFsFreezeFailed: x", "BackUpOperationFailed"),
        (
            ["Backup failed with an internal error"],
            "",
            "UserErrorFsFreezeFailed: x",
            "UserErrorFsFreezeFailed",
        ),
        (
            ["Backup failed with an internal error"],
            "",
            "UserErrorNobodyKnows: x",
            "UserErrorNobodyKnows",
        ),
        (
            ["VMSnapshot extension operation failed"],
            "",
            "the handler says GuestAgentStatus Ready",
            "ExtentionOperationFailed",
        ),
        ([], "usererrornobodyknows", "UserErrorNobodyKnows: x", "UserErrorNobodyKnows"),
        ([], "", f"{SEE_MESSAGE}: VMSnapshot extension operation failed", ""),
        ([], fold(SEE_MESSAGE), "VMSnapshot extension operation failed", ""),
        ([], "", f"{SEE_MESSAGE}: OperationNotAllowed : it cannot exceed 18.", SEE_MESSAGE),
        ([], fold(SEE_MESSAGE), "GuestAgentStatus is Ready", SEE_MESSAGE),
        ([], fold(SEE_MESSAGE), "ExtentionOperationFailed: x", "ExtentionOperationFailed"),
    ],
)
def test_which_reading_of_a_job_wins(
    titles: list[str], recommended: str, dynamic: str, code: str
) -> None:
    """A code that sends the reader to the message gives way to the code there."""
    details: list[dict[str, Any]] = [
        {"errorString": title, "recommendations": [LINK.format(recommended)] if recommended else []}
        for title in titles or [""]
    ]
    assert code_of(from_job(details, dynamic)) == (code or "ExtentionOperationFailed")


def test_a_code_that_sends_to_the_message_contradicts_nothing_found_there() -> None:
    link = from_link(LINK.format(fold(SEE_MESSAGE)))
    assert link
    inner = from_job([], f"{SEE_MESSAGE}: VMSnapshot extension operation failed")
    assert resolve(inner, [link]).conflicts == ()
    job, named = from_job([], f"{SEE_MESSAGE}: x"), from_link(LINK.format("backupoperationfailed"))
    assert named
    found = resolve(job, [named])
    assert (found.code, found.conflicts) == (SEE_MESSAGE, ("link says BackUpOperationFailed",))
