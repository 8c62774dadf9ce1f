"""Cause 8: another operation works on the VM, so that no backup can start.

Seen in the VM's own state: its power state or its provisioning state, or that of
another extension, is on its way. A backup or restore of the VM that runs is no business
of this checker: while one runs, nothing is diagnosed (shared/diagnosis/before.py).
https://learn.microsoft.com/azure/backup/backup-azure-vms-troubleshoot
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
from shared.extension_facts import IN_TRANSITION, ExtensionStatus
from shared.facts import Absent, Extension, Unreadable, VirtualMachine
from shared.incident.model import Finding, Verdict
from shared.sentences import Sentence, phrase

CAUSE = "other_operation"
UNSETTLED = (*IN_TRANSITION, "migrating")
"""Provisioning states on which an operation works.
https://learn.microsoft.com/azure/virtual-machines/states-billing"""
SETTLED = ("succeeded", "failed", "canceled")
MOVING = ("starting", "stopping", "deallocating")
AT_REST = ("running", "stopped", "deallocated")
"""Power states in which a VM can be backed up."""


async def check(subject: Subject, reader: Reader) -> Finding:
    vm = await reader.virtual_machine(subject.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return not_read(CAUSE, the_vm(subject), vm)
    extensions = await reader.extensions(subject.vm_id)
    if isinstance(extensions, Absent | Unreadable):
        return not_read(CAUSE, the_extensions(subject), extensions)
    others = [each for each in extensions if not each.is_backup_extension]
    return _judge(vm, others)


def _judge(vm: VirtualMachine, others: list[Extension]) -> Finding:
    """The backup extension's own state is judged by cause 5."""
    states = (
        phrase("vm_provisioning_state", vm=vm.name, state=_or_none(vm.provisioning_state)),
        phrase("vm_power_state", vm=vm.name, state=_or_none(vm.power_state)),
    )
    under_way = [_say(each) for each in others if fold(each.provisioning_state) in UNSETTLED]
    moving = fold(vm.provisioning_state) in UNSETTLED or fold(vm.power_state) in MOVING
    if moving or under_way:
        return confirmed(CAUSE, *states, *under_way)
    if fold(vm.provisioning_state) in SETTLED and fold(vm.power_state) in AT_REST:
        return ruled_out(CAUSE, *states, phrase("nothing_works_on_it"))
    return unknown(CAUSE, *states)


def _say(extension: Extension) -> Sentence:
    return phrase(
        "extension_state",
        name=extension.name,
        type=f"{extension.publisher}.{extension.type}",
        state=extension.provisioning_state,
    )


def _or_none(state: str) -> str | Sentence:
    return state or phrase("not_reported")


_SCRIPT = Extension(
    id=f"{WINDOWS_VM.id}/extensions/run-setup",
    name="run-setup",
    publisher="Microsoft.Compute",
    type="CustomScriptExtension",
    provisioning_state="Succeeded",
    statuses=(ExtensionStatus("ProvisioningState/succeeded", "", "2026-01-10T02:05:00Z"),),
)
_BACKUP = replace(
    _SCRIPT,
    id=f"{WINDOWS_VM.id}/extensions/VMSnapshot",
    name="VMSnapshot",
    publisher="Microsoft.Azure.RecoveryServices",
    type="VMSnapshot",
    provisioning_state="Deleting",
)


def _vm(*, power_state: str = "running", provisioning_state: str = "succeeded") -> KnownFacts:
    vm = replace(WINDOWS_VM, power_state=power_state, provisioning_state=provisioning_state)
    return KnownFacts(vm=vm, vm_extensions=(_SCRIPT,))


CHECKER = Checker(
    CAUSE,
    check,
    (
        Example("running, Succeeded", _vm(), Verdict.RULED_OUT),
        Example("deallocated", _vm(power_state="deallocated"), Verdict.RULED_OUT),
        Example("Failed is no operation", _vm(provisioning_state="failed"), Verdict.RULED_OUT),
        Example(
            "only the backup extension is on its way",
            KnownFacts(vm=WINDOWS_VM, vm_extensions=(_SCRIPT, _BACKUP)),
            Verdict.RULED_OUT,
        ),
        Example("the VM is Updating", _vm(provisioning_state="updating"), Verdict.CONFIRMED),
        Example("the VM is shutting down", _vm(power_state="stopping"), Verdict.CONFIRMED),
        Example("the VM starts", _vm(power_state="starting"), Verdict.CONFIRMED),
        Example(
            "another extension is being created",
            KnownFacts(
                vm=WINDOWS_VM, vm_extensions=(replace(_SCRIPT, provisioning_state="Creating"),)
            ),
            Verdict.CONFIRMED,
        ),
        Example("no power state", _vm(power_state=""), Verdict.UNKNOWN),
        Example("an unknown power state", _vm(power_state="hibernating"), Verdict.UNKNOWN),
        Example("no provisioning state", _vm(provisioning_state=""), Verdict.UNKNOWN),
        Example("the extensions cannot be read", KnownFacts(vm=WINDOWS_VM), Verdict.UNKNOWN),
        Example("the VM is gone", KnownFacts(vm=Absent("the VM vm1")), Verdict.UNKNOWN),
        Example("the VM cannot be read", KnownFacts(), Verdict.UNKNOWN),
    ),
)
