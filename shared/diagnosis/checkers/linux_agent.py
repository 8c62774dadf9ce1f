"""Cause 3: the Linux agent is out of date or not running.

The oldest version that counts as up to date is the setting
REMEDIATOR_MINIMUM_LINUX_AGENT.
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

CAUSE = "linux_agent"


async def check(subject: Subject, reader: Reader) -> Finding:
    vm = await reader.virtual_machine(subject.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return not_read(CAUSE, the_vm(subject), vm)
    finding = judge(vm, subject.minimum_linux_agent)
    return await rule_out_where_agentless(finding, subject, reader)


def judge(vm: VirtualMachine, minimum_version: str) -> Finding:
    """The verdict on an agent; cause 5 asks it too, where the backup extension is
    missing on Linux."""
    if fold(vm.os_type) == "windows":
        return ruled_out(CAUSE, phrase("runs_windows"))
    if fold(vm.os_type) != "linux":
        return unknown(CAUSE, phrase("system_not_known"))
    if not vm.running:
        state = vm.power_state or phrase("power_state_not_known")
        return unknown(CAUSE, phrase("vm_not_running", state=state))
    if not vm.agent_ready:
        return confirmed(CAUSE, *agent_not_ready(vm))
    return _judge_version(vm.agent_version, minimum_version)


def _judge_version(version: str, minimum_version: str) -> Finding:
    have, want = _numbers(version), _numbers(minimum_version)
    if have is None or want is None:
        return unknown(CAUSE, phrase("agent_version_not_known", version=repr(version)))
    if have < want:
        return confirmed(CAUSE, phrase("agent_too_old", version=version, minimum=minimum_version))
    return ruled_out(CAUSE, phrase("agent_new_enough", version=version, minimum=minimum_version))


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
            replace(IN_VAULT, vm=silent(LINUX_VM), policy=AGENTLESS_POLICY),
            Verdict.RULED_OUT,
        ),
        Example("not running", KnownFacts(vm=silent(LINUX_VM)), Verdict.CONFIRMED),
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
