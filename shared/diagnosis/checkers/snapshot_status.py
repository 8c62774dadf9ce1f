"""Cause 4: the snapshot status cannot be read, or no snapshot can be taken.

Two ways: the VM was shut down from inside (RDP), so that its state is reported wrong;
or DHCP is off in the guest, so that it has no host address and no extension can work.
An agent that is Ready speaks against both: it talks to the host over that address.
https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
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
    silent,
    the_vm,
    unknown,
)
from shared.facts import Absent, Unreadable, VirtualMachine
from shared.incident.model import Finding, Verdict
from shared.sentences import phrase

CAUSE = "snapshot_status"


async def check(subject: Subject, reader: Reader) -> Finding:
    vm = await reader.virtual_machine(subject.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return not_read(CAUSE, the_vm(subject), vm)
    return _judge(vm)


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


CHECKER = Checker(
    CAUSE,
    check,
    (
        Example("running, agent Ready", KnownFacts(vm=WINDOWS_VM), Verdict.RULED_OUT),
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
