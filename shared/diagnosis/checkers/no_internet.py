"""Cause 1: the VM has no internet access, so the backup extension cannot reach Azure
storage (443; 8443 for managed disks).

The extension's own words are the evidence, where they are newer than the failed job.
Rules and routes are read only then, to name what blocks; they prove nothing alone,
since backups of VMs need no internet today.
https://learn.microsoft.com/azure/backup/backup-azure-vm-backup-faq
"""

from __future__ import annotations

from dataclasses import replace

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
    the_vm,
    unknown,
)
from shared.diagnosis.checkers.extension_places import (
    ListedOnly,
    Place,
    ReportedOnly,
    find_backup_extension,
)
from shared.diagnosis.checkers.extension_words import (
    find_words,
    has_words,
    names_freeze,
    names_network,
    quote_words,
    tells_success,
)
from shared.diagnosis.checkers.network_evidence import add_network_evidence, look_for_block
from shared.extension_facts import ExtensionStatus, find_newest
from shared.facts import Absent, Extension, Unreadable
from shared.incident.model import Finding, Verdict
from shared.sentences import phrase

CAUSE = "no_internet"


async def check(subject: Subject, reader: Reader) -> Finding:
    vm = await reader.virtual_machine(subject.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return not_read(CAUSE, the_vm(subject), vm)
    finding = _judge_place(subject, await find_backup_extension(vm, reader))
    if finding.verdict is Verdict.CONFIRMED:
        return await add_network_evidence(finding, vm, reader)
    if finding.verdict is Verdict.UNKNOWN:
        return replace(finding, by_hand=look_for_block(vm))
    return finding


def _judge_place(subject: Subject, found: Place) -> Finding:
    match found:
        case Extension():
            return _judge_extension(subject, found)
        case ListedOnly(extension):
            return _judge(subject, extension.name, extension.statuses)
        case ReportedOnly(extension):
            return _judge(subject, extension.handler, extension.statuses)
        case Absent():
            return unknown(CAUSE, phrase("extension_absent"))
        case Unreadable():
            return not_read(CAUSE, the_extensions(subject), found)


def _judge_extension(subject: Subject, extension: Extension) -> Finding:
    """Of one that a GET by its name found. That it failed is told here as well: not
    every code that names this cause names cause 5."""
    finding = _judge(subject, extension.name, extension.statuses)
    if finding.verdict is not Verdict.UNKNOWN:
        return finding
    if fold(extension.provisioning_state) == "failed" or (
        extension.failed and extension.status.is_newer_than(subject.failed_at)
    ):
        failed = phrase("extension_is_failed", name=extension.name)
        return replace(finding, evidence=(*finding.evidence, failed))
    words = find_words(extension.statuses, names_network)
    if fold(extension.provisioning_state) == "succeeded" and words.is_older_than(subject.failed_at):
        return unknown(
            CAUSE, quote_words(extension.name, words), phrase("old_words_of_working_extension")
        )
    return finding


def _judge(subject: Subject, name: str, statuses: tuple[ExtensionStatus, ...]) -> Finding:
    words = find_words(statuses, names_network)
    if words.is_newer_than(subject.failed_at):
        return confirmed(CAUSE, quote_words(name, words), phrase("network_in_words"))
    if has_words(words):
        return unknown(CAUSE, quote_words(name, words), phrase("words_are_old"))
    other = find_words(statuses, names_freeze)
    if other.is_newer_than(subject.failed_at):
        return ruled_out(CAUSE, quote_words(name, other), phrase("words_name_no_network"))
    success = find_words(statuses, tells_success)
    if success.is_newer_than(subject.failed_at):
        return ruled_out(CAUSE, quote_words(name, success), phrase("extension_succeeded_since"))
    return unknown(CAUSE, quote_words(name, find_newest(statuses)), phrase("network_not_named"))


_SUCCESS = ExtensionStatus(
    "ComponentStatus/0/succeeded",
    '[{"status": {"status": "success", "code": "1"}}]',
    "2026-01-10T02:05:00Z",
    is_substatus=True,
)
_NO_NETWORK = replace(_SUCCESS, message='[{"status": {"status": "error", "code": "76"}}]')
_FINISHED = ExtensionStatus("ProvisioningState/succeeded", "", "2026-01-10T02:05:00Z")
_EXTENSION = Extension(
    id=f"{WINDOWS_VM.id}/extensions/VMSnapshot",
    name="VMSnapshot",
    publisher="Microsoft.Azure.RecoveryServices",
    type="VMSnapshot",
    provisioning_state="Succeeded",
    statuses=(_FINISHED,),
)
_OLD = "2026-01-09T02:01:00Z"


def _saying(*statuses: ExtensionStatus) -> KnownFacts:
    said = replace(_EXTENSION, statuses=(_FINISHED, *statuses))
    return KnownFacts(vm=WINDOWS_VM, vm_extensions=(said,))


CHECKER = Checker(
    CAUSE,
    check,
    (
        Example("its command succeeded after the job began", _saying(_SUCCESS), Verdict.RULED_OUT),
        Example(
            "its status says succeeded, which it says of any command",
            _saying(),
            Verdict.UNKNOWN,
        ),
        Example(
            "its success is older than the failure",
            _saying(replace(_SUCCESS, time=_OLD)),
            Verdict.UNKNOWN,
        ),
        Example("it names the network in a substatus", _saying(_NO_NETWORK), Verdict.CONFIRMED),
        Example(
            "it names the network in its status",
            _saying(replace(_FINISHED, code="ProvisioningState/failed/761")),
            Verdict.CONFIRMED,
        ),
        Example(
            "it named the network long ago",
            _saying(replace(_NO_NETWORK, time=_OLD)),
            Verdict.UNKNOWN,
        ),
        Example(
            "it names a file system that does not freeze",
            _saying(replace(_FINISHED, code="ProvisioningState/failed/121")),
            Verdict.RULED_OUT,
        ),
        Example(
            "it failed, and says nothing of the network",
            replace(_saying(), vm_extensions=(replace(_EXTENSION, provisioning_state="Failed"),)),
            Verdict.UNKNOWN,
        ),
        Example("it is not there", KnownFacts(vm=WINDOWS_VM, vm_extensions=()), Verdict.UNKNOWN),
        Example("the extensions cannot be read", KnownFacts(vm=WINDOWS_VM), Verdict.UNKNOWN),
        Example("the VM cannot be read", KnownFacts(), Verdict.UNKNOWN),
    ),
)
