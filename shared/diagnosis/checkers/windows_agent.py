"""Cause 2: the VM agent is installed but does not respond (Windows): service stopped,
agent corrupt, .NET 4.5 missing. Whether it answers: agent_evidence.

https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
"""

from __future__ import annotations

from dataclasses import replace

from shared.arm_ids import fold
from shared.diagnosis.checkers.agent_evidence import describe_agent, fill_in_steps, judge_silence
from shared.diagnosis.checkers.agentless import rule_out_where_agentless
from shared.diagnosis.checkers.contract import (
    AGENTLESS_POLICY,
    ENHANCED_ITEM,
    IN_VAULT,
    LINUX_VM,
    WINDOWS_VM,
    Checker,
    Example,
    KnownFacts,
    Reader,
    Subject,
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
    return await rule_out_where_agentless(_judge(subject, vm), subject, reader)


def _judge(subject: Subject, vm: VirtualMachine) -> Finding:
    silent_agent = judge_silence(CAUSE, subject, vm)
    if silent_agent is None:
        ready = phrase("agent_ready", version=vm.agent_version)
        return ruled_out(CAUSE, ready, *describe_agent(vm))
    return replace(silent_agent, by_hand=fill_in_steps(vm))


CHECKER = Checker(
    CAUSE,
    check,
    (
        Example("the agent is Ready", KnownFacts(vm=WINDOWS_VM), Verdict.RULED_OUT),
        Example("a Linux VM, agent silent", KnownFacts(vm=silent(LINUX_VM)), Verdict.RULED_OUT),
        Example(
            "the agent is Not Ready under an agentless policy",
            replace(IN_VAULT, vm=silent(WINDOWS_VM), item=ENHANCED_ITEM, policy=AGENTLESS_POLICY),
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
        Example(
            "Ready, by a report from before the failed job",
            KnownFacts(vm=replace(WINDOWS_VM, agent_time="2026-01-07T02:00:00Z")),
            Verdict.UNKNOWN,
        ),
        Example(
            "it has answered, no power state",
            KnownFacts(vm=replace(WINDOWS_VM, power_state="")),
            Verdict.RULED_OUT,
        ),
        Example(
            "Ready without a time, no power state",
            KnownFacts(vm=replace(WINDOWS_VM, power_state="", agent_time="")),
            Verdict.UNKNOWN,
        ),
        Example(
            "no agent report, no power state",
            KnownFacts(vm=replace(WINDOWS_VM, power_state="", agent_status="")),
            Verdict.UNKNOWN,
        ),
        Example("OS not told", KnownFacts(vm=replace(WINDOWS_VM, os_type="")), Verdict.UNKNOWN),
        Example("the VM is gone", KnownFacts(vm=Absent("the VM vm1")), Verdict.UNKNOWN),
        Example("the VM cannot be read", KnownFacts(), Verdict.UNKNOWN),
    ),
)
