"""Cause 1: the VM has no internet access, so the backup extension cannot reach Azure
storage (443; 8443 for managed disks).

What the control plane tells without network evidence: the extension's own last words.
Rules and routes are not read yet, so silence is UNKNOWN. Internal codes:
Azure/azure-linux-extensions VMBackup/main/ExtensionErrorCodeHelper.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.arm_ids import fold
from shared.diagnosis.checkers.contract import (
    WINDOWS_VM,
    Checker,
    Example,
    KnownFacts,
    Reader,
    Subject,
    confirmed,
    not_read,
    ruled_out,
    the_extensions,
    unknown,
)
from shared.facts import Absent, Extension, Unreadable
from shared.incident.model import Finding, Verdict
from shared.sentences import phrase

CAUSE = "no_internet"
NO_NETWORK = (
    "SnapshotFailedNoNetwork",
    "SnapshotFailedRestrictedNetwork",
    "RestrictedNetwork",
    "NoNetwork",
)


async def check(subject: Subject, reader: Reader) -> Finding:
    extensions = await reader.extensions(subject.vm_id)
    if isinstance(extensions, Absent | Unreadable):
        return not_read(CAUSE, the_extensions(subject), extensions)
    for extension in extensions:
        if extension.is_backup_extension:
            return _judge(subject, extension)
    return unknown(CAUSE, phrase("extension_absent"))


def _judge(subject: Subject, extension: Extension) -> Finding:
    last_words = phrase(
        "extension_last_said",
        extension=extension.name,
        time=extension.status_time or phrase("no_time"),
        message=repr(extension.status_message),
    )
    words = fold(extension.status_message)
    if any(fold(word) in words for word in NO_NETWORK):
        return confirmed(CAUSE, last_words)
    if "succeeded" in fold(extension.status_code) and _later(
        extension.status_time, subject.failed_at
    ):
        return ruled_out(CAUSE, last_words, phrase("extension_succeeded_since"))
    return unknown(CAUSE, last_words, phrase("network_not_read"))


def _later(moment: str, than: str) -> bool:
    """Whether both are known times and the first is not before the second."""
    try:
        return datetime.fromisoformat(moment) >= datetime.fromisoformat(than)
    except (ValueError, TypeError):
        return False


_EXTENSION = Extension(
    id=f"{WINDOWS_VM.id}/extensions/VMSnapshot",
    name="VMSnapshot",
    publisher="Microsoft.Azure.RecoveryServices",
    type="VMSnapshot",
    provisioning_state="Succeeded",
    status_code="ProvisioningState/succeeded",
    status_message="Snapshot taken.",
    status_time="2026-01-10T02:01:00Z",
)
CHECKER = Checker(
    CAUSE,
    check,
    (
        Example(
            "it succeeded after the job began",
            KnownFacts(vm_extensions=(_EXTENSION,)),
            Verdict.RULED_OUT,
        ),
        Example(
            "its success is older than the failure",
            KnownFacts(vm_extensions=(replace(_EXTENSION, status_time="2026-01-09T02:01:00Z"),)),
            Verdict.UNKNOWN,
        ),
        Example(
            "it says that the network is missing",
            KnownFacts(
                vm_extensions=(replace(_EXTENSION, status_message="76: SnapshotFailedNoNetwork"),)
            ),
            Verdict.CONFIRMED,
        ),
        Example("it is not there", KnownFacts(vm_extensions=()), Verdict.UNKNOWN),
        Example("the extensions cannot be read", KnownFacts(), Verdict.UNKNOWN),
    ),
)
