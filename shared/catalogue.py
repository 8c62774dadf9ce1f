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
from shared.diagnosis.checkers import (
    backup_extension,
    linux_agent,
    locked_restore_points,
    no_internet,
    snapshot_status,
    windows_agent,
)
from shared.diagnosis.checkers.contract import Checker
from shared.events.error_codes import canonical
from shared.execution.fixes import delete_restore_point_collection, uninstall_extension
from shared.execution.fixes.contract import Fix
from shared.sentences import Sentence

ARTICLE = "https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout"


@dataclass(frozen=True, slots=True)
class Cause:
    number: int
    """As printed in the article and in mission tables."""
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
    ErrorCode("BackUpOperationFailed", "Backup failed with an internal error", (1, 2, 3, 4, 5, 6)),
    ErrorCode(
        "BackUpOperationFailedV2", "Backup failed with an internal error", (1, 2, 3, 4, 5, 6)
    ),
    ErrorCode(
        "UserErrorRpCollectionLimitReached",
        "The Restore Point collection max limit has reached",
        (6,),
        ARTICLE
        + "#userrorrpcollectionlimitreached-the-restore-point-collection-max-limit-has-reached",
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
    """Kinds of the steps that the fixes take: all that can be among an incident's
    actions."""
    return tuple(kind for cause in CAUSES if cause.fix for kind in cause.fix.step_kinds)


def cause(slug: str) -> Cause:
    """Raises KeyError for a slug that is not in the catalogue."""
    return _BY_SLUG[slug]


def causes_of(name: str) -> tuple[Cause, ...]:
    """The causes of an error code in their order; all causes where it has no row."""
    row = error_code(name)
    return tuple(_BY_NUMBER[number] for number in row.causes) if row else CAUSES
