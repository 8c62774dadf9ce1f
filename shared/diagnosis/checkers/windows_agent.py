"""Cause 2: the VM agent is installed but does not respond (Windows): service stopped,
agent corrupt, .NET 4.5 missing.

https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
"""

from __future__ import annotations

from dataclasses import replace

from shared.arm_ids import fold
from shared.diagnosis.checkers.agentless import rule_out_where_agentless
from shared.diagnosis.checkers.contract import (
    AGENTLESS_POLICY,
    IN_VAULT,
    LINUX_VM,
    WINDOWS_VM,
    Checker,
    Example,
    KnownFacts,
    Reader,
    Subject,
    agent_not_ready,
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

CAUSE = "windows_agent"


async def check(subject: Subject, reader: Reader) -> Finding:
    vm = await reader.virtual_machine(subject.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return not_read(CAUSE, the_vm(subject), vm)
    if fold(vm.os_type) == "linux":
        return ruled_out(CAUSE, phrase("runs_linux"))
    if fold(vm.os_type) != "windows":
        return unknown(CAUSE, phrase("system_not_known"))
    return await rule_out_where_agentless(_judge(vm), subject, reader)


def _judge(vm: VirtualMachine) -> Finding:
    if not vm.running:
        state = vm.power_state or phrase("power_state_not_known")
        return unknown(CAUSE, phrase("vm_not_running", state=state))
    if vm.agent_ready:
        return ruled_out(CAUSE, phrase("agent_ready", version=vm.agent_version))
    return confirmed(CAUSE, *agent_not_ready(vm))


CHECKER = Checker(
    CAUSE,
    check,
    (
        Example("the agent is Ready", KnownFacts(vm=WINDOWS_VM), Verdict.RULED_OUT),
        Example("a Linux VM, agent silent", KnownFacts(vm=silent(LINUX_VM)), Verdict.RULED_OUT),
        Example(
            "the agent is Not Ready under an agentless policy",
            replace(IN_VAULT, vm=silent(WINDOWS_VM), policy=AGENTLESS_POLICY),
            Verdict.RULED_OUT,
        ),
        Example("the agent is Not Ready", KnownFacts(vm=silent(WINDOWS_VM)), Verdict.CONFIRMED),
        Example(
            "no agent report",
            KnownFacts(vm=replace(WINDOWS_VM, agent_status="")),
            Verdict.CONFIRMED,
        ),
        Example(
            "deallocated",
            KnownFacts(vm=replace(WINDOWS_VM, power_state="deallocated")),
            Verdict.UNKNOWN,
        ),
        Example("OS not told", KnownFacts(vm=replace(WINDOWS_VM, os_type="")), Verdict.UNKNOWN),
        Example("the VM is gone", KnownFacts(vm=Absent("the VM vm1")), Verdict.UNKNOWN),
        Example("the VM cannot be read", KnownFacts(), Verdict.UNKNOWN),
    ),
)
