"""Reads error codes from events and jobs, and spells each in one way.

An alert has no field for the code. It is in the last link of the recommended actions
(aka.ms/AB-<code>), at the end of originAlertId, and in the job's details. Where these
disagree the job wins, and the disagreement is recorded. docs/limits.md says what was
seen in a real alert and what was not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.arm_ids import fold
from shared.events.model import CodeHint

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
}
"""The catalogue's name of each code, with Microsoft's other spellings of it."""

NUMBERS = {320001: "ResourceNotFound", 400094: "BCMV2VMNotFound", 380008: "AzureVmOffline"}
"""The only pairs of number and name that Microsoft publishes.
https://learn.microsoft.com/azure/backup/backup-azure-vms-troubleshoot"""

MESSAGES = {
    "vm agent unable to communicate with azure backup": "UserErrorGuestAgentStatusUnavailable",
    "snapshot operation failed due to no network connectivity on the virtual machine": (
        "ExtensionSnapshotFailedNoNetwork"
    ),
    "vmsnapshot extension operation failed": "ExtentionOperationFailed",
    "could not communicate with the vm agent for snapshot status": (
        "GuestAgentSnapshotTaskStatusError"
    ),
    "backup failed with an internal error": "BackUpOperationFailed",
    "the restore point collection max limit has reached": "UserErrorRpCollectionLimitReached",
}
"""English messages, matched as whole sentences only: a part of one proves nothing, and
translated ones are not recognised."""

_LINK = re.compile(r"aka\.ms/AB-([A-Za-z0-9]{1,100})", re.IGNORECASE | re.ASCII)
_NAME = re.compile(
    r"\b(?:UserError|Extension|Extention|GuestAgent|BackUpOperation|VMRestorePoint|BCMV2)[A-Za-z0-9]{3,80}\b"
)
_BY_SPELLING = {
    fold(spelling): name for name, others in SPELLINGS.items() for spelling in (name, *others)
}


@dataclass(frozen=True, slots=True)
class Resolved:
    """The code to act on, where it was read, and the readings that contradict it."""

    code: str
    """"" where nothing names one."""
    source: str
    conflicts: tuple[str, ...]


def canonical(text: str) -> str:
    """The catalogue's spelling of a code; "" for a code that it does not have."""
    return _BY_SPELLING.get(fold(text.strip()), "")


def from_link(recommended_actions: str) -> CodeHint | None:
    """The code in the last link of the form aka.ms/AB-<code>. Opaque links such as
    AB-AA4ecq8 name no code."""
    for raw in reversed(_LINK.findall(recommended_actions)):
        if code := canonical(raw):
            return CodeHint("link", code, raw)
        if not any(char.isdecimal() for char in raw):
            return CodeHint("link", raw, raw)
    return None


def from_origin(origin_alert_id: str) -> CodeHint | None:
    """The longest known code at the end of originAlertId, which is provider, code and
    backup type in lower case without separators."""
    tail = fold(origin_alert_id).rsplit("_", 1)[-1].lstrip("0123456789")
    found = max((spelling for spelling in _BY_SPELLING if spelling in tail), key=len, default="")
    return CodeHint("originAlertId", _BY_SPELLING[found], tail) if found else None


def from_message(message: str, source: str = "description") -> CodeHint | None:
    """The code that the text names, else the code whose English message the text is."""
    for name in _NAME.findall(message):
        if code := canonical(name):
            return CodeHint(source, code, name)
    first = fold(re.split(r" - |[.\r\n]", message.strip(), maxsplit=1)[0].strip())
    return CodeHint(source, MESSAGES[first], message) if first in MESSAGES else None


def from_job(
    error_details: Sequence[Mapping[str, Any]], dynamic_error_message: str
) -> CodeHint | None:
    """The code in the job's own details. The best reading wins: a link or a text with a
    code of the catalogue, a published number, any other name. Other numbers mean
    nothing."""
    texts = [dynamic_error_message]
    for detail in error_details:
        texts += [_read_text(detail.get("errorString")), _read_text(detail.get("errorTitle"))]
    links = [from_link(_join_recommendations(detail)) for detail in error_details]
    known = [hint for hint in links if hint and canonical(hint.code)]
    by_text = [hint for text in texts if (hint := from_message(text, "job"))]
    by_number = [
        CodeHint("job", name, str(each["errorCode"]))
        for each in error_details
        if (name := NUMBERS.get(_read_number(each.get("errorCode"))))
    ]
    named = [CodeHint("job", match[0], match[0]) for text in texts if (match := _NAME.search(text))]
    found = [*known, *by_text, *by_number, *named, *(hint for hint in links if hint)]
    return CodeHint("job", found[0].code, found[0].raw) if found else None


def resolve(job: CodeHint | None, hints: Iterable[CodeHint]) -> Resolved:
    """The job wins over the event, and among the event's places the first one wins.
    BackUpOperationFailed and its V2 share one message, so a message alone never
    contradicts a name."""
    ordered = [hint for hint in (job, *hints) if hint is not None]
    if not ordered:
        return Resolved("", "nothing", ())
    chosen = ordered[0]
    for hint in ordered[1:]:
        if _more_exact(hint, chosen):
            chosen = hint
    conflicts = tuple(
        f"{hint.source} says {hint.code}"
        for hint in ordered
        if hint is not chosen and not _agree(hint, chosen)
    )
    return Resolved(chosen.code, chosen.source, conflicts)


def _more_exact(hint: CodeHint, chosen: CodeHint) -> bool:
    """Whether `hint` names the V2 of a code that `chosen` has only by the message that
    both share."""
    by_message = fold(chosen.raw) != fold(chosen.code) and " " in chosen.raw.strip()
    return by_message and fold(hint.code) == fold(f"{chosen.code}V2")


def _agree(one: CodeHint, other: CodeHint) -> bool:
    if fold(one.code) == fold(other.code):
        return True
    return _more_exact(one, other) or _more_exact(other, one)


def _join_recommendations(detail: Mapping[str, Any]) -> str:
    found = detail.get("recommendations")
    return " ".join(_read_text(each) for each in found) if isinstance(found, list) else ""


def _read_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _read_number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
