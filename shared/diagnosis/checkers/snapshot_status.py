"""Cause 4: the snapshot status cannot be read, or no snapshot can be taken.

Two ways: the VM was shut down from inside (RDP), so that its state is reported wrong;
or DHCP is off in the guest, so that it has no host address and no extension can work.
An agent that is Ready speaks against both: it talks to the host over that address.

A third way the backup extension names itself: a file system in the guest could not be
frozen for the snapshot.
https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
"""

from __future__ import annotations

from dataclasses import replace

from shared.arm_ids import fold
from shared.diagnosis.by_hand import mend_file_system
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
from shared.diagnosis.checkers.extension_words import find_words, names_freeze, quote_words
from shared.extension_facts import ExtensionStatus, ReportedExtension
from shared.facts import Absent, Unreadable, VirtualMachine
from shared.incident.model import Finding, Verdict
from shared.sentences import phrase

CAUSE = "snapshot_status"


async def check(subject: Subject, reader: Reader) -> Finding:
    vm = await reader.virtual_machine(subject.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return not_read(CAUSE, the_vm(subject), vm)
    return _judge_words(vm, subject.failed_at) or _judge(vm)


def _judge_words(vm: VirtualMachine, failed_at: str) -> Finding | None:
    """CONFIRMED where the extension says so of the failed job; None where it does
    not."""
    for extension in (each for each in vm.extensions if each.is_backup_extension):
        words = find_words(extension.statuses, names_freeze)
        if words.is_newer_than(failed_at):
            said = quote_words(extension.name, words)
            found = confirmed(CAUSE, said, phrase("freeze_failed"))
            return replace(found, by_hand=mend_file_system(vm.name))
    return None


def _judge(vm: VirtualMachine) -> Finding:
    state = fold(vm.power_state)
    if state == "stopped":
        return confirmed(CAUSE, phrase("shut_down_inside"))
    if state == "deallocated":
        return ruled_out(CAUSE, phrase("deallocated"))
    if state != "running":
        reported = vm.power_state or phrase("not_reported")
        return unknown(CAUSE, phrase("power_state_unsettled", state=reported))
    if vm.agent_ready:
        return ruled_out(CAUSE, phrase("state_right"))
    return unknown(
        CAUSE, phrase("running_agent_silent", status=vm.agent_status or phrase("silent"))
    )


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
        Example("running, agent silent", KnownFacts(vm=silent(WINDOWS_VM)), Verdict.UNKNOWN),
        Example(
            "no power state", KnownFacts(vm=replace(WINDOWS_VM, power_state="")), Verdict.UNKNOWN
        ),
        Example("the VM cannot be read", KnownFacts(), Verdict.UNKNOWN),
    ),
)
