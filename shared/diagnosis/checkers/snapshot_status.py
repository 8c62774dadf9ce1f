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
    unknown,
)
from shared.facts import Absent, Unreadable, VirtualMachine
from shared.incident.model import Finding, Verdict

CAUSE = "snapshot_status"


async def check(subject: Subject, reader: Reader) -> Finding:
    vm = await reader.virtual_machine(subject.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return not_read(CAUSE, vm)
    return _judge(vm)


def _judge(vm: VirtualMachine) -> Finding:
    state = fold(vm.power_state)
    if state == "stopped":
        return confirmed(
            CAUSE,
            "the power state is stopped but not deallocated: the VM was shut down from inside the"
            " guest",
        )
    if state == "deallocated":
        return ruled_out(
            CAUSE, "the VM is deallocated, as Azure itself reports it; its disks can be backed up"
        )
    if state != "running":
        return unknown(
            CAUSE,
            f"the power state is {vm.power_state or 'not reported'}: it settles or contradicts"
            " itself",
        )
    if vm.agent_ready:
        return ruled_out(
            CAUSE,
            "the VM runs and its agent is Ready, so its state is right and it has its host address",
        )
    return unknown(
        CAUSE,
        f"the VM is reported running while its agent is {vm.agent_status or 'silent'}:"
        " shut down from inside, DHCP off in the guest, or the agent alone; the guest has to tell",
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
