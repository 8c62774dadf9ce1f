"""Cause 3: the Linux agent is out of date or not running.

The oldest version that counts as up to date is the setting
REMEDIATOR_MINIMUM_LINUX_AGENT.
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

CAUSE = "linux_agent"


async def check(subject: Subject, reader: Reader) -> Finding:
    vm = await reader.virtual_machine(subject.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return not_read(CAUSE, the_vm(subject), vm)
    finding = judge(vm, subject)
    return await rule_out_where_agentless(finding, subject, reader)


def judge(vm: VirtualMachine, subject: Subject) -> Finding:
    """The verdict on an agent; cause 5 asks it too, where the backup extension is
    missing on Linux."""
    if fold(vm.os_type) == "windows":
        return ruled_out(CAUSE, phrase("runs_windows"))
    if fold(vm.os_type) != "linux":
        return unknown(CAUSE, phrase("system_not_known"))
    version = _judge_version(vm, subject.minimum_linux_agent)
    finding = judge_silence(CAUSE, subject, vm)
    if finding is None:
        finding = version
    elif version.verdict is Verdict.CONFIRMED:  # what it last reported is too old as well
        finding = replace(finding, evidence=(*finding.evidence, version.evidence[0]))
    if finding.verdict is Verdict.RULED_OUT:
        return finding
    return replace(finding, by_hand=fill_in_steps(vm))


def _judge_version(vm: VirtualMachine, minimum: str) -> Finding:
    have, want = _numbers(vm.agent_version), _numbers(minimum)
    version, told = vm.agent_version, describe_agent(vm)
    if have is None or want is None:
        not_known = phrase("agent_version_not_known", version=repr(version))
        return unknown(CAUSE, not_known, *told)
    if have < want:
        return confirmed(CAUSE, phrase("agent_too_old", version=version, minimum=minimum), *told)
    return ruled_out(CAUSE, phrase("agent_new_enough", version=version, minimum=minimum), *told)


def _numbers(version: str) -> tuple[int, ...] | None:
    parts = version.split(".")
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else None


CHECKER = Checker(
    CAUSE,
    check,
    (
        Example("Ready and new", KnownFacts(vm=LINUX_VM), Verdict.RULED_OUT),
        Example("a Windows VM, agent silent", KnownFacts(vm=silent(WINDOWS_VM)), Verdict.RULED_OUT),
        Example(
            "out of date",
            KnownFacts(vm=replace(LINUX_VM, agent_version="2.0.8")),
            Verdict.CONFIRMED,
        ),
        Example(
            "2.10 is newer than 2.9",
            KnownFacts(vm=replace(LINUX_VM, agent_version="2.10.0.1")),
            Verdict.RULED_OUT,
        ),
        Example(
            "not running under an agentless policy",
            replace(IN_VAULT, vm=silent(LINUX_VM), item=ENHANCED_ITEM, policy=AGENTLESS_POLICY),
            Verdict.RULED_OUT,
        ),
        Example("not running", KnownFacts(vm=silent(LINUX_VM)), Verdict.CONFIRMED),
        Example(
            "Ready, by a report from before the failed job",
            KnownFacts(vm=replace(LINUX_VM, agent_time="2026-01-07T02:00:00Z")),
            Verdict.UNKNOWN,
        ),
        Example(
            "version not told",
            KnownFacts(vm=replace(LINUX_VM, agent_version="Unknown")),
            Verdict.UNKNOWN,
        ),
        Example(
            "deallocated",
            KnownFacts(vm=replace(LINUX_VM, power_state="deallocated")),
            Verdict.UNKNOWN,
        ),
        Example("the VM cannot be read", KnownFacts(), Verdict.UNKNOWN),
    ),
)
