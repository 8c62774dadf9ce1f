"""Cause 5: the backup extension cannot update or load. Its remedy is to uninstall it:
the next backup installs it again.

On Linux, where the extension is missing, the agent has to be looked at instead, as in
cause 3.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.arm_ids import fold
from shared.diagnosis.checkers import linux_agent
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
    the_extensions,
    the_vm,
    unknown,
)
from shared.facts import Absent, Extension, Unreadable, VirtualMachine
from shared.incident.model import Finding, Target, Verdict
from shared.sentences import phrase

CAUSE = "backup_extension"
UNSETTLED = ("creating", "updating", "deleting", "transitioning")
STUCK_AFTER = timedelta(minutes=30)
"""An extension that is still on its way this long after the failed job began is stuck:
Azure gives up after 15 minutes."""


async def check(subject: Subject, reader: Reader) -> Finding:
    extensions = await reader.extensions(subject.vm_id)
    if isinstance(extensions, Absent | Unreadable):
        return not_read(CAUSE, the_extensions(subject), extensions)
    ours = [extension for extension in extensions if extension.is_backup_extension]
    if ours:
        return _judge(subject, ours[0])
    vm = await reader.virtual_machine(subject.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return not_read(CAUSE, the_vm(subject), vm)
    return _missing(vm, subject.minimum_linux_agent)


def _judge(subject: Subject, extension: Extension) -> Finding:
    state = phrase(
        "extension_state",
        name=extension.name,
        type=f"{extension.publisher}.{extension.type}",
        state=extension.provisioning_state or phrase("in_no_state"),
    )
    status = phrase(
        "extension_status",
        code=extension.status_code or phrase("no_status"),
        message=repr(extension.status_message),
    )
    if extension.failed:
        return confirmed(CAUSE, state, status, targets=(Target(extension.id),))
    if fold(extension.provisioning_state) == "succeeded":
        return ruled_out(CAUSE, state, status)
    if fold(extension.provisioning_state) in UNSETTLED and is_stuck(extension, subject.failed_at):
        return confirmed(
            CAUSE,
            state,
            phrase("not_moved_since", time=extension.status_time),
            targets=(Target(extension.id),),
        )
    return unknown(CAUSE, state, status, phrase("may_settle"))


def is_stuck(extension: Extension, failed_at: str) -> bool:
    """Whether the last sign of life lies before the failed job by more than the time
    after which Azure gives up."""
    last_move = extension.status_time
    try:
        return datetime.fromisoformat(failed_at) - datetime.fromisoformat(last_move) >= STUCK_AFTER
    except (ValueError, TypeError):
        return False


def _missing(vm: VirtualMachine, minimum_linux_agent: str) -> Finding:
    if fold(vm.os_type) != "linux":
        return ruled_out(CAUSE, phrase("extension_missing"))
    agent = linux_agent.judge(vm, minimum_linux_agent)
    evidence = (phrase("extension_missing_on_linux"), *agent.evidence)
    if agent.verdict is Verdict.CONFIRMED:
        return confirmed(CAUSE, *evidence)
    return unknown(CAUSE, *evidence)


_FAILED = Extension(
    id=f"{WINDOWS_VM.id}/extensions/VMSnapshot",
    name="VMSnapshot",
    publisher="Microsoft.Azure.RecoveryServices",
    type="VMSnapshot",
    provisioning_state="Failed",
    status_code="ProvisioningState/failed/1",
    status_message="The handler could not be loaded.",
    status_time="2026-01-10T01:00:00Z",
)
_GOOD = replace(_FAILED, provisioning_state="Succeeded", status_code="ProvisioningState/succeeded")
_FOREIGN = replace(_FAILED, publisher="Contoso.Tools")
CHECKER = Checker(
    CAUSE,
    check,
    (
        Example("it works", KnownFacts(vm=WINDOWS_VM, vm_extensions=(_GOOD,)), Verdict.RULED_OUT),
        Example(
            "another publisher's failed",
            KnownFacts(vm=WINDOWS_VM, vm_extensions=(_FOREIGN,)),
            Verdict.RULED_OUT,
        ),
        Example(
            "missing on Windows", KnownFacts(vm=WINDOWS_VM, vm_extensions=()), Verdict.RULED_OUT
        ),
        Example(
            "it failed", KnownFacts(vm=WINDOWS_VM, vm_extensions=(_FAILED,)), Verdict.CONFIRMED
        ),
        Example(
            "it failed under another name",
            KnownFacts(vm=WINDOWS_VM, vm_extensions=(replace(_FAILED, name="snap"),)),
            Verdict.CONFIRMED,
        ),
        Example(
            "updating since long before the failure",
            KnownFacts(
                vm=WINDOWS_VM, vm_extensions=(replace(_GOOD, provisioning_state="Updating"),)
            ),
            Verdict.CONFIRMED,
        ),
        Example(
            "updating, no time known",
            KnownFacts(
                vm=WINDOWS_VM,
                vm_extensions=(replace(_GOOD, provisioning_state="Updating", status_time=""),),
            ),
            Verdict.UNKNOWN,
        ),
        Example(
            "missing on Linux, agent fine",
            KnownFacts(vm=LINUX_VM, vm_extensions=()),
            Verdict.UNKNOWN,
        ),
        Example(
            "missing on Linux, agent old",
            KnownFacts(vm=replace(LINUX_VM, agent_version="2.0.8"), vm_extensions=()),
            Verdict.CONFIRMED,
        ),
        Example("the extensions cannot be read", KnownFacts(vm=WINDOWS_VM), Verdict.UNKNOWN),
    ),
)
