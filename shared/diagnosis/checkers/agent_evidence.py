"""Does the VM agent answer? What causes 2 and 3 share, with all that the instance view
tells of the agent.

The agent reports every few minutes, and Azure goes on showing its last report: one
from before the failed job says nothing about it (Azure/WALinuxAgent issue 323).
"""

from __future__ import annotations

from shared import clock
from shared.arm_ids import fold, parse
from shared.diagnosis.agent_steps import (
    allow_extensions,
    install_or_do_without,
    mend_linux_agent,
    mend_windows_agent,
)
from shared.diagnosis.by_hand import see_instance_view
from shared.diagnosis.checkers.contract import Subject, confirmed, unknown
from shared.diagnosis.checkers.extension_words import shorten
from shared.extension_facts import ReportedExtension, find_newest
from shared.facts import VirtualMachine
from shared.incident.model import Finding
from shared.sentences import Sentence, join, phrase

POWER_NOT_TOLD = ("", "unknown")
MOST_HANDLERS = 10

AGENT_CAUSES = ("windows_agent", "linux_agent")
"""Causes 2 and 3."""


def judge_silence(cause: str, subject: Subject, vm: VirtualMachine) -> Finding | None:
    """Why the agent may be what failed; None where it has answered since the failed job
    began, or where Azure says that it is Ready and not since when.

    A power state that Azure does not tell leaves that open only while nothing is heard
    of the agent.
    """
    told = describe_agent(vm)
    if not vm.running and not (
        fold(vm.power_state) in POWER_NOT_TOLD and has_answered(vm, subject)
    ):
        state = vm.power_state or phrase("power_state_not_known")
        return unknown(cause, phrase("vm_not_running", state=state), *told)
    if not vm.agent_ready:
        status = vm.agent_status or phrase("not_in_instance_view")
        said = _quote_agent(vm.agent_message)
        return confirmed(cause, phrase("agent_not_ready", status=status), *said, *told)
    if is_old(vm, subject):
        return unknown(cause, say_old(vm, subject), *told)
    return None


def _quote_agent(message: str) -> tuple[Sentence, ...]:
    """Empty for an agent that reports nothing."""
    return (phrase("agent_message", message=repr(shorten(message))),) if message else ()


def has_answered(vm: VirtualMachine, subject: Subject) -> bool:
    """Whether its agent is Ready by a report since the failed job began."""
    reported, failed = clock.normal(vm.agent_time), clock.normal(subject.failed_at)
    return vm.agent_ready and bool(reported and failed) and reported >= failed


def is_old(vm: VirtualMachine, subject: Subject) -> bool:
    """Whether its last report is known to be from before the failed job."""
    reported, failed = clock.normal(vm.agent_time), clock.normal(subject.failed_at)
    return bool(reported and failed) and reported < failed


def say_old(vm: VirtualMachine, subject: Subject) -> Sentence:
    return phrase(
        "agent_report_is_old",
        status=vm.agent_status,
        time=clock.normal(vm.agent_time),
        failed_at=clock.normal(subject.failed_at),
    )


def describe_agent(vm: VirtualMachine) -> tuple[Sentence, ...]:
    """What the instance view and the VM's profile tell of agent and system, apart from
    the agent's state."""
    guest = vm.guest
    told = [_name_system(vm)]
    if vm.agent_status:
        time = clock.normal(vm.agent_time) or phrase("no_time")
        version = vm.agent_version or phrase("not_reported")
        told.insert(0, phrase("agent_reported", time=time, version=version))
    if handlers := vm.handlers[:MOST_HANDLERS]:
        told.append(phrase("agent_handlers", handlers=join(map(_say_handler, handlers))))
    if guest.provision_agent is False:
        told.append(phrase("agent_not_provisioned"))
    if guest.extension_operations is False:
        told.append(phrase("extension_operations_off"))
    return tuple(told)


def _name_system(vm: VirtualMachine) -> Sentence:
    guest = vm.guest
    named = " ".join(filter(None, (guest.os_name, guest.os_version)))
    if named:
        return phrase("guest_system", system=named)
    if guest.image:
        return phrase("guest_image", image=guest.image)
    return phrase("guest_not_known")


def _say_handler(handler: ReportedExtension) -> Sentence:
    status = find_newest(handler.statuses)
    state = " ".join(filter(None, (status.code, shorten(status.message))))
    return phrase("handler_state", handler=handler.handler, state=state or phrase("no_status"))


def fill_in_steps(vm: VirtualMachine) -> tuple[Sentence, ...]:
    """To mend the agent of this VM: first what its profile forbids, then what its
    system and its distribution want; of both systems where neither is known."""
    where, guest = parse(vm.id), vm.guest
    windows = mend_windows_agent(where.name, where.resource_group)
    linux = mend_linux_agent(where.name, where.resource_group, guest.distribution)
    first: tuple[Sentence, ...] = ()
    if guest.extension_operations is False:
        first += (allow_extensions(vm.id),)
    if guest.provision_agent is False and not vm.agent_status:
        first += (install_or_do_without(),)
    steps = {"windows": windows, "linux": linux}.get(fold(vm.os_type), windows + linux)
    return (*first, *steps, phrase("see_agent_ready", command=see_instance_view(vm.id)))
