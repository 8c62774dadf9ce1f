"""A row of the table: one state of Azure, with what must come of it."""

from __future__ import annotations

from dataclasses import dataclass

from shared.incident.model import Verdict
from tests.diagnosis_states.azure import Azure

CHECKERS = {
    "1": "no_internet",
    "2": "windows_agent",
    "3": "linux_agent",
    "4": "snapshot_status",
    "5": "backup_extension",
    "6": "locked_restore_points",
    "7": "failed_state",
    "8": "other_operation",
}
"""By the number of the cause."""
VERDICTS = {"C": Verdict.CONFIRMED, "R": Verdict.RULED_OUT, "U": Verdict.UNKNOWN}

UNINSTALL = "uninstall_extension"
DELETE = "delete_restore_point_collection"
AGAIN = "run_backup_again"
PERSON = "a person"
NOTHING = "nothing"
UNDECIDED = ""
"""The documents do not say which remedy is right; the row checks verdicts only."""
REMEDIES = (UNINSTALL, DELETE, AGAIN, PERSON, NOTHING, UNDECIDED)

AGENT_STATUS = "UserErrorGuestAgentStatusUnavailable"
NO_NETWORK = "ExtensionSnapshotFailedNoNetwork"
EXTENSION = "ExtentionOperationFailed"
SNAPSHOT_TASK = "GuestAgentSnapshotTaskStatusError"
INTERNAL = "BackUpOperationFailed"
INTERNAL_V2 = "BackUpOperationFailedV2"
LIMIT = "UserErrorRpCollectionLimitReached"


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    code: str
    """What the failed job reports."""
    azure: Azure
    expect: str
    """Verdicts as "1U 4R 5C": number of the cause, then Confirmed, Ruled out or
    Unknown. They are those of the causes that the code names; of all where it has no
    row."""
    remedy: str
    source: str
    """The page, public report or recording that the expectation rests on."""
    why: str = ""
    """Of every UNKNOWN, and of UNDECIDED: what the documents leave open."""

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """By the slug of the cause."""
        return {CHECKERS[each[0]]: VERDICTS[each[1]] for each in self.expect.split()}
