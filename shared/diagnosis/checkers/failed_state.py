"""Cause 7: the VM, or one of its other extensions, is in a failed provisioning state.

An extension that fails can put the whole VM into Failed, and Azure Backup then refuses
it. Where the backup extension alone has failed, cause 5 mends it.
https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
"""

from __future__ import annotations

from dataclasses import replace

from shared.arm_ids import fold
from shared.diagnosis.by_hand import mend_extension, reapply
from shared.diagnosis.checkers.contract import (
    EXAMPLE_SUBJECT,
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
from shared.diagnosis.checkers.extension_words import shorten
from shared.extension_facts import ExtensionStatus
from shared.facts import Absent, Extension, Unreadable, VirtualMachine
from shared.incident.model import Finding, Verdict
from shared.sentences import Sentence, phrase

CAUSE = "failed_state"
CODES = ("UserErrorVmProvisioningStateFailed", "UserErrorVmNotInDesirableState")
"""Codes by which Azure Backup itself says that the state of the VM is in the way."""


async def check(subject: Subject, reader: Reader) -> Finding:
    vm = await reader.virtual_machine(subject.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return not_read(CAUSE, the_vm(subject), vm)
    extensions = await reader.extensions(subject.vm_id)
    if isinstance(extensions, Absent | Unreadable):
        return not_read(CAUSE, the_extensions(subject), extensions)
    return _judge(subject, vm, extensions)


def _judge(subject: Subject, vm: VirtualMachine, extensions: tuple[Extension, ...]) -> Finding:
    state = _say_state(vm)
    failed = [each for each in extensions if fold(each.provisioning_state) == "failed"]
    others = [each.seen_in(vm) for each in failed if not each.is_backup_extension]
    if others:
        found = _judge_others(subject, vm, (state, *map(_say_failed, others)))
        return replace(found, by_hand=_mend(vm, others))
    if fold(vm.provisioning_state) == "succeeded":
        return ruled_out(CAUSE, state, phrase("no_other_failed"))
    if fold(vm.provisioning_state) != "failed":
        return unknown(CAUSE, state, phrase("no_other_failed"))
    if failed:
        return ruled_out(CAUSE, state, phrase("only_backup_extension_failed"))
    if not any(each.is_backup_extension for each in extensions):
        return unknown(CAUSE, state, phrase("no_other_failed"), phrase("extension_may_be_hidden"))
    return confirmed(CAUSE, state, phrase("no_extension_failed"))


def _judge_others(subject: Subject, vm: VirtualMachine, evidence: tuple[Sentence, ...]) -> Finding:
    """A failed extension can interfere; that it did is shown by the VM's own state, or
    by a code that names it."""
    if fold(vm.provisioning_state) == "failed" or subject.error_code in CODES:
        return confirmed(CAUSE, *evidence)
    return unknown(CAUSE, *evidence, phrase("may_interfere"))


def _mend(vm: VirtualMachine, others: list[Extension]) -> tuple[Sentence, ...]:
    steps = [
        step
        for each in others
        for step in mend_extension(vm.id, each.name, f"{each.publisher}.{each.type}")
    ]
    return (*steps, reapply(vm.id))


def _say_state(vm: VirtualMachine) -> Sentence:
    return phrase(
        "vm_provisioning_state", vm=vm.name, state=vm.provisioning_state or phrase("not_reported")
    )


def _say_failed(extension: Extension) -> Sentence:
    kind, status = f"{extension.publisher}.{extension.type}", extension.status
    if status.is_empty:
        return phrase("other_extension_failed_silently", name=extension.name, type=kind)
    said = repr(shorten(status.message)) if status.message else phrase("no_reason_given")
    return phrase(
        "other_extension_failed",
        name=extension.name,
        type=kind,
        code=status.code or phrase("no_status"),
        message=said,
    )


_FAILED_VM = replace(WINDOWS_VM, provisioning_state="failed")
_BACKUP = Extension(
    id=f"{WINDOWS_VM.id}/extensions/VMSnapshot",
    name="VMSnapshot",
    publisher="Microsoft.Azure.RecoveryServices",
    type="VMSnapshot",
    provisioning_state="Succeeded",
    statuses=(
        ExtensionStatus(
            "ProvisioningState/succeeded", "Command completed successfully.", "2026-01-10T02:05:00Z"
        ),
    ),
)
_SCRIPT = replace(
    _BACKUP,
    id=f"{WINDOWS_VM.id}/extensions/run-setup",
    name="run-setup",
    publisher="Microsoft.Compute",
    type="CustomScriptExtension",
    provisioning_state="Failed",
    statuses=(
        ExtensionStatus(
            "ProvisioningState/failed/1",
            "Command execution finished, but failed.",
            "2026-01-10T02:05:00Z",
        ),
    ),
)
_BACKUP_FAILED = replace(_BACKUP, provisioning_state="Failed")
_STATE_FAILED = replace(EXAMPLE_SUBJECT, error_code=CODES[0])

CHECKER = Checker(
    CAUSE,
    check,
    (
        Example(
            "all Succeeded",
            KnownFacts(vm=WINDOWS_VM, vm_extensions=(_BACKUP,)),
            Verdict.RULED_OUT,
            _STATE_FAILED,
        ),
        Example(
            "the backup extension alone failed",
            KnownFacts(vm=_FAILED_VM, vm_extensions=(_BACKUP_FAILED,)),
            Verdict.RULED_OUT,
            _STATE_FAILED,
        ),
        Example(
            "another extension is still being created",
            KnownFacts(
                vm=WINDOWS_VM,
                vm_extensions=(_BACKUP, replace(_SCRIPT, provisioning_state="Creating")),
            ),
            Verdict.RULED_OUT,
        ),
        Example(
            "VM Failed, another extension failed",
            KnownFacts(vm=_FAILED_VM, vm_extensions=(_BACKUP, _SCRIPT)),
            Verdict.CONFIRMED,
            _STATE_FAILED,
        ),
        Example(
            "VM Failed, both failed",
            KnownFacts(vm=_FAILED_VM, vm_extensions=(_BACKUP_FAILED, _SCRIPT)),
            Verdict.CONFIRMED,
        ),
        Example(
            "VM Failed, no extension failed",
            KnownFacts(vm=_FAILED_VM, vm_extensions=(_BACKUP,)),
            Verdict.CONFIRMED,
            _STATE_FAILED,
        ),
        Example(
            "VM Succeeded, another extension failed, the code names the state",
            KnownFacts(vm=WINDOWS_VM, vm_extensions=(_BACKUP, _SCRIPT)),
            Verdict.CONFIRMED,
            _STATE_FAILED,
        ),
        Example(
            "VM Succeeded, another extension failed, another code",
            KnownFacts(vm=WINDOWS_VM, vm_extensions=(_BACKUP, _SCRIPT)),
            Verdict.UNKNOWN,
        ),
        Example(
            "VM Failed, the backup extension is not in the list",
            KnownFacts(vm=_FAILED_VM, vm_extensions=()),
            Verdict.UNKNOWN,
            _STATE_FAILED,
        ),
        Example(
            "VM Updating",
            KnownFacts(
                vm=replace(WINDOWS_VM, provisioning_state="updating"), vm_extensions=(_BACKUP,)
            ),
            Verdict.UNKNOWN,
            _STATE_FAILED,
        ),
        Example(
            "state not told",
            KnownFacts(vm=replace(WINDOWS_VM, provisioning_state=""), vm_extensions=(_BACKUP,)),
            Verdict.UNKNOWN,
        ),
        Example("the extensions cannot be read", KnownFacts(vm=_FAILED_VM), Verdict.UNKNOWN),
        Example("the VM is gone", KnownFacts(vm=Absent("the VM vm1")), Verdict.UNKNOWN),
        Example("the VM cannot be read", KnownFacts(), Verdict.UNKNOWN),
    ),
)
