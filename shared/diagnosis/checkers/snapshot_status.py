"""Cause 4: the snapshot status cannot be read, or no snapshot can be taken.

- The VM was shut down from inside (RDP), so that its state is reported wrong; or DHCP
  is off in the guest, so that it has no host address and no extension can work. An
  agent that has answered since the failed job began speaks against both: it talks to
  the host over that address, which cannot be seen from outside.
- The VM is in provisioning state Failed, or an operation on it is stuck. A backup or a
  restore that runs is no business of this checker: while one does, nothing is diagnosed
  (shared/diagnosis/before.py).
- A file system in the guest could not be frozen: the backup extension says so itself.

https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
"""

from __future__ import annotations

from dataclasses import replace

from shared import clock
from shared.arm_ids import fold
from shared.diagnosis.by_hand import mend_file_system, reapply_vm, wait_for_operation
from shared.diagnosis.checkers.agent_evidence import describe_agent, is_old, say_old
from shared.diagnosis.checkers.contract import (
    LINUX_VM,
    WINDOWS_VM,
    Checker,
    Example,
    KnownFacts,
    Reader,
    Subject,
    confirmed,
    not_read,
    ruled_out,
    silent,
    the_vm,
    unknown,
)
from shared.diagnosis.checkers.extension_words import (
    find_mount,
    find_words,
    names_freeze,
    quote_words,
)
from shared.diagnosis.checkers.other_operation import UNSETTLED
from shared.extension_facts import ExtensionStatus, ReportedExtension
from shared.facts import Absent, Unreadable, VirtualMachine
from shared.incident.model import Finding, Verdict
from shared.sentences import Sentence, phrase

CAUSE = "snapshot_status"


async def check(subject: Subject, reader: Reader) -> Finding:
    vm = await reader.virtual_machine(subject.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return not_read(CAUSE, the_vm(subject), vm)
    return _judge_words(vm, subject.failed_at) or _judge(subject, vm)


def _judge_words(vm: VirtualMachine, failed_at: str) -> Finding | None:
    """CONFIRMED where the extension says so of the failed job; None where it does
    not."""
    for extension in (each for each in vm.extensions if each.is_backup_extension):
        words = find_words(extension.statuses, names_freeze)
        if words.is_newer_than(failed_at):
            said = quote_words(extension.name, words)
            found = confirmed(CAUSE, said, phrase("freeze_failed"))
            return replace(found, by_hand=mend_file_system(vm.name, find_mount(words)))
    return None


def _judge(subject: Subject, vm: VirtualMachine) -> Finding:
    """An operation on the VM comes first: it may be what moved its power state."""
    return _judge_provisioning(subject, vm) or _judge_power(subject, vm)


def _judge_provisioning(subject: Subject, vm: VirtualMachine) -> Finding | None:
    """None for a VM that is Succeeded."""
    state = phrase(
        "vm_provisioning_state", vm=vm.name, state=vm.provisioning_state or phrase("not_reported")
    )
    match fold(vm.provisioning_state):
        case "succeeded":
            return None
        case "failed":
            found = confirmed(CAUSE, state, phrase("failed_vm_no_snapshot"))
            return replace(found, by_hand=reapply_vm(vm.id))
        case moving if moving in UNSETTLED:
            return _judge_operation(subject, vm, state)
    return unknown(CAUSE, state)


def _judge_operation(subject: Subject, vm: VirtualMachine, state: Sentence) -> Finding:
    """One that began after the failed job did not fail it."""
    since, failed_at = clock.normal(vm.provisioning_time), clock.normal(subject.failed_at)
    if not since or not failed_at:
        found = unknown(CAUSE, state, phrase("operation_since_not_known"))
    elif since < failed_at:
        stuck = phrase("operation_before_job", time=since, failed_at=failed_at)
        found = confirmed(CAUSE, state, stuck)
    else:
        found = unknown(
            CAUSE, state, phrase("operation_after_job", time=since, failed_at=failed_at)
        )
    return replace(found, by_hand=wait_for_operation(vm.id))


def _judge_power(subject: Subject, vm: VirtualMachine) -> Finding:
    told = describe_agent(vm)
    match fold(vm.power_state):
        case "stopped":
            return confirmed(CAUSE, phrase("shut_down_inside"), *told)
        case "deallocated":
            return ruled_out(CAUSE, phrase("deallocated"))
        case "running":
            return _judge_agent(subject, vm, told)
    reported = vm.power_state or phrase("not_reported")
    return unknown(CAUSE, phrase("power_state_unsettled", state=reported), *told)


def _judge_agent(subject: Subject, vm: VirtualMachine, told: tuple[Sentence, ...]) -> Finding:
    """Of a VM that runs, as Azure sees it."""
    if not vm.agent_ready:
        silent_agent = phrase("running_agent_silent", status=vm.agent_status or phrase("silent"))
        return unknown(CAUSE, silent_agent, *told, phrase("host_address_invisible"))
    if is_old(vm, subject):
        return unknown(CAUSE, say_old(vm, subject), *told, phrase("host_address_invisible"))
    return ruled_out(CAUSE, phrase("state_right"))


def _in_state(state: str, since: str = "2026-01-10T01:00:00Z") -> KnownFacts:
    return KnownFacts(vm=replace(WINDOWS_VM, provisioning_state=state, provisioning_time=since))


def _frozen(time: str) -> VirtualMachine:
    words = ExtensionStatus("ProvisioningState/failed/121", "Failed to FIFREEZE: /data", time)
    kind = "Microsoft.Azure.RecoveryServices.VMSnapshotLinux"
    return replace(LINUX_VM, extensions=(ReportedExtension("VMSnapshotLinux", kind, (words,)),))


CHECKER = Checker(
    CAUSE,
    check,
    (
        Example("running, agent Ready", KnownFacts(vm=WINDOWS_VM), Verdict.RULED_OUT),
        Example(
            "a file system did not freeze long ago",
            KnownFacts(vm=_frozen("2025-12-01T02:05:00Z")),
            Verdict.RULED_OUT,
        ),
        Example(
            "a file system did not freeze",
            KnownFacts(vm=_frozen("2026-01-10T02:05:00Z")),
            Verdict.CONFIRMED,
        ),
        Example(
            "deallocated",
            KnownFacts(vm=replace(WINDOWS_VM, power_state="deallocated")),
            Verdict.RULED_OUT,
        ),
        Example(
            "stopped from inside",
            KnownFacts(vm=replace(WINDOWS_VM, power_state="stopped")),
            Verdict.CONFIRMED,
        ),
        Example("in provisioning state Failed", _in_state("Failed"), Verdict.CONFIRMED),
        Example("Updating since before the job", _in_state("Updating"), Verdict.CONFIRMED),
        Example(
            "Updating since after the job began",
            _in_state("Updating", "2026-01-10T02:10:00Z"),
            Verdict.UNKNOWN,
        ),
        Example("Updating, no time known", _in_state("Updating", ""), Verdict.UNKNOWN),
        Example("no provisioning state", _in_state(""), Verdict.UNKNOWN),
        Example(
            "being started, no longer stopped from inside",
            KnownFacts(
                vm=replace(
                    WINDOWS_VM,
                    power_state="stopped",
                    provisioning_state="Updating",
                    provisioning_time="2026-01-10T02:29:00Z",
                )
            ),
            Verdict.UNKNOWN,
        ),
        Example(
            "running, agent Ready by a report from before the job",
            KnownFacts(vm=replace(WINDOWS_VM, agent_time="2026-01-07T02:00:00Z")),
            Verdict.UNKNOWN,
        ),
        Example("running, agent silent", KnownFacts(vm=silent(WINDOWS_VM)), Verdict.UNKNOWN),
        Example(
            "no power state", KnownFacts(vm=replace(WINDOWS_VM, power_state="")), Verdict.UNKNOWN
        ),
        Example("the VM cannot be read", KnownFacts(), Verdict.UNKNOWN),
    ),
)
