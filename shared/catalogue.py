"""The catalogue: every error code with its causes in order, and every cause with its
checker, fix, advice and page.

Read this file first. To add an error: a row here, a checker
(shared/diagnosis/checkers/), a fix where there is one (shared/execution/fixes/), a page
(docs/causes/). Tests fail when one of the four is missing.

The codes, their order of causes and the remedies follow the article in its edition of
2018; codes that came since are marked with their own page.
https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.diagnosis import advice
from shared.diagnosis.advice import COMMON_ISSUES
from shared.diagnosis.checkers import (
    backup_extension,
    failed_state,
    linux_agent,
    locked_restore_points,
    no_internet,
    other_operation,
    snapshot_status,
    windows_agent,
)
from shared.diagnosis.checkers.contract import Checker
from shared.events.error_codes import SEE_MESSAGE, canonical
from shared.execution.fixes import delete_restore_point_collection, uninstall_extension
from shared.execution.fixes.contract import Fix
from shared.incident.model import RUN_BACKUP_AGAIN
from shared.sentences import Sentence

ARTICLE = "https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout"


@dataclass(frozen=True, slots=True)
class Cause:
    number: int
    """1 to 6 as printed in the article of 2018; later ones are ours."""
    title: str
    checker: Checker
    fix: Fix | None
    """None: only a person can mend it."""
    advice: Callable[[advice.About], tuple[Sentence, ...]]

    @property
    def slug(self) -> str:
        return self.checker.cause

    @property
    def page(self) -> str:
        return f"docs/causes/{self.slug}.md"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    name: str
    message: str
    causes: tuple[int, ...]
    """Numbers of the causes, in the order in which they are tried."""
    link: str = ARTICLE
    retry_advised: bool = False
    """Whether the page that `link` names advises to run the backup again where none of
    the causes holds; False where it does so only after a repair."""
    fixable: bool = True
    """False: the code does not say what failed, so a confirmed cause is told to a
    person and never fixed."""

    @property
    def page(self) -> str:
        return f"docs/codes/{self.name}.md"


CAUSES = (
    Cause(1, "The VM has no internet access", no_internet.CHECKER, None, advice.no_internet),
    Cause(
        2,
        "The VM agent does not respond (Windows)",
        windows_agent.CHECKER,
        None,
        advice.windows_agent,
    ),
    Cause(
        3,
        "The VM agent is out of date or not running (Linux)",
        linux_agent.CHECKER,
        None,
        advice.linux_agent,
    ),
    Cause(
        4,
        "No snapshot status, or no snapshot",
        snapshot_status.CHECKER,
        None,
        advice.snapshot_status,
    ),
    Cause(
        5,
        "The backup extension fails to update or load",
        backup_extension.CHECKER,
        uninstall_extension.FIX,
        advice.backup_extension,
    ),
    Cause(
        6,
        "A lock keeps Azure Backup from deleting old restore points",
        locked_restore_points.CHECKER,
        delete_restore_point_collection.FIX,
        advice.locked_restore_points,
    ),
    Cause(
        7,
        "The VM, or another of its extensions, is in a failed state",
        failed_state.CHECKER,
        None,
        advice.failed_state,
    ),
    Cause(
        8,
        "Another operation works on the VM",
        other_operation.CHECKER,
        None,
        advice.other_operation,
    ),
)

ERROR_CODES = (
    ErrorCode(
        "UserErrorGuestAgentStatusUnavailable",
        "VM agent unable to communicate with Azure Backup",
        (1, 2, 3, 4, 5),
    ),
    ErrorCode(
        "ExtensionSnapshotFailedNoNetwork",
        "Snapshot operation failed due to no network connectivity on the virtual machine",
        (1, 4, 5),
    ),
    ErrorCode("ExtentionOperationFailed", "VMSnapshot extension operation failed", (4, 5, 2, 3)),
    ErrorCode(
        "GuestAgentSnapshotTaskStatusError",
        "Could not communicate with the VM agent for snapshot status",
        (2, 3, 1),
    ),
    ErrorCode(
        "BackUpOperationFailed",
        "Backup failed with an internal error",
        (1, 2, 3, 4, 5, 6),
        retry_advised=True,
    ),
    ErrorCode(
        "BackUpOperationFailedV2",
        "Backup failed with an internal error",
        (1, 2, 3, 4, 5, 6),
        retry_advised=True,
    ),
    ErrorCode(
        "UserErrorRpCollectionLimitReached",
        "The Restore Point collection max limit has reached",
        (6,),
        f"{ARTICLE}#userrorrpcollectionlimitreached-the-restore-point-collection-max-limit-has-reached",
        retry_advised=True,
    ),
    ErrorCode(
        "UserErrorVmProvisioningStateFailed",
        "The VM is in failed provisioning state",
        (7, 5),
        f"{ARTICLE}#usererrorvmprovisioningstatefailed---the-vm-is-in-failed-provisioning-state",
        retry_advised=True,
    ),
    ErrorCode(
        "UserErrorVmNotInDesirableState",
        "VM is not in a state that allows backups",
        (7, 8, 2, 3),
        f"{COMMON_ISSUES}#usererrorvmnotindesirablestate---vm-is-not-in-a-state-that-allows-backups",
        retry_advised=True,
    ),
    ErrorCode(
        "ExtensionStuckInDeletionState",
        "Extension state is not supportive to the backup operation",
        (2, 3, 5),
        f"{COMMON_ISSUES}#extensionstuckindeletionstate---extension-state-is-not-supportive-to-the-backup-operation",
    ),
    ErrorCode(
        "UserErrorBackupOperationInProgress",
        "Unable to initiate backup as another backup operation is currently in progress",
        (8,),
        f"{ARTICLE}#usererrorbackupoperationinprogress---unable-to-initiate-backup-as-another-backup-operation-is-currently-in-progress",
        retry_advised=True,
    ),
    ErrorCode(
        "CopyingVHDsFromBackUpVaultTakingLongTime",
        "Copying backed up data from vault timed out",
        (8,),
        f"{COMMON_ISSUES}#copyingvhdsfrombackupvaulttakinglongtime---copying-backed-up-data-from-vault-timed-out",
        retry_advised=True,
    ),
    ErrorCode(
        "AzureVmOffline",
        "Failed to install Microsoft Recovery Services extension as virtual machine is not running",
        (2, 3, 4),
        f"{COMMON_ISSUES}#380008-azurevmoffline---failed-to-install-microsoft-recovery-services-extension-as-virtual-machine--is-not-running",
    ),
    ErrorCode(
        SEE_MESSAGE,
        "Backup failed due to an error. For details, see Job Error Message Details",
        (6, 7, 8),
        f"{ARTICLE}#usererrorcrpreportedusererror---backup-failed-due-to-an-error-for-details-see-job-error-message-details",
        fixable=False,
    ),
)

_BY_NUMBER = {cause.number: cause for cause in CAUSES}
_BY_SLUG = {cause.slug: cause for cause in CAUSES}
_BY_NAME = {code.name: code for code in ERROR_CODES}


def error_code(name: str) -> ErrorCode | None:
    """The row of an error code, in any of its spellings; None: not in the catalogue, so
    never fixed by guess."""
    return _BY_NAME.get(canonical(name) or name)


def step_kinds() -> tuple[str, ...]:
    """Kinds of the steps that the remedies take: all that can be among an incident's
    actions."""
    fixes = (kind for cause in CAUSES if cause.fix for kind in cause.fix.step_kinds)
    return (*fixes, RUN_BACKUP_AGAIN)


def cause(slug: str) -> Cause:
    """Raises KeyError for a slug that is not in the catalogue."""
    return _BY_SLUG[slug]


def causes_of(name: str) -> tuple[Cause, ...]:
    """The causes of an error code in their order; all causes where it has no row."""
    row = error_code(name)
    return tuple(_BY_NUMBER[number] for number in row.causes) if row else CAUSES
