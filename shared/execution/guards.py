"""What must hold right before a change, read afresh. Whatever cannot be read is a no."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from shared.arm_ids import fold, parse
from shared.azure.reader import ArmReader
from shared.execution.tools import Tools
from shared.facts import (
    Absent,
    Extension,
    Job,
    RestorePointCollection,
    Unreadable,
    VirtualMachine,
    why_unread,
)
from shared.incident.model import Incident
from shared.plan.policy import Mode, mode_in_force


@dataclass(frozen=True, slots=True)
class ModeNotKnown:
    reason: str
    vm_gone: bool = False
    """The VM does not exist: asking again is of no use."""


async def mode_now(
    tools: Tools, incident: Incident, targets: Iterable[str] = ()
) -> Mode | ModeNotKnown:
    """The mode in force for this VM.

    `targets`: what would be deleted; the groups that hold it have a say like the VM's
    own.
    """
    vm = await tools.reader.virtual_machine(incident.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return ModeNotKnown(why_unread("the VM's tags allow a change", vm), isinstance(vm, Absent))
    names = {
        fold(name): name
        for name in (parse(each).resource_group for each in (*targets, incident.vm_id))
    }
    group_tags: dict[str, dict[str, str]] = {}
    for name in names.values():
        tags = await tools.reader.resource_group_tags(name)
        if isinstance(tags, Absent | Unreadable):
            return ModeNotKnown(why_unread("the resource group's tags allow a change", tags))
        group_tags[name] = tags
    return mode_in_force(tools.settings.mode, vm.tags, group_tags)


async def switched_off(tools: Tools, incident: Incident, targets: Iterable[str] = ()) -> str:
    """Why no change may be made to this VM, or to what holds `targets`, now, or "" when
    policy allows it."""
    mode = await mode_now(tools, incident, targets)
    if isinstance(mode, ModeNotKnown):
        return mode.reason
    return "" if mode.name == "auto" else mode.because


async def job_running(reader: ArmReader, incident: Incident) -> Job | Unreadable | None:
    """A job of this VM that runs in any vault of the subscription, of whatever kind;
    None when none runs.

    A VM can be restored out of a vault that does not protect it. A job that names no VM
    counts as this one's.
    """
    vaults = await reader.vaults()
    if isinstance(vaults, Absent | Unreadable):
        return Unreadable("whether a job of the VM runs", vaults.why)
    ids = {fold(vault.id): vault.id for vault in vaults} | {
        fold(incident.vault_id): incident.vault_id
    }
    listed = await asyncio.gather(*(reader.running_jobs(vault_id) for vault_id in ids.values()))
    vm = parse(incident.vm_id)
    found: Job | Unreadable | None = None
    for jobs in listed:
        if isinstance(jobs, Absent | Unreadable):
            found = found or Unreadable("whether a job of the VM runs", jobs.why)
            continue
        for job in jobs:
            if job.is_of(vm.name, vm.resource_group) is not False:
                return job
    return found


def why_later(job: Job | Unreadable) -> str:
    """Why a change has to wait, of what `job_running` found."""
    if isinstance(job, Unreadable):
        return f"{job.what} is not known: {job.reason}"
    vault = job.id.rsplit("/", 3)[-3] if job.id.count("/") > 2 else "a vault"
    return f"the job {job.name} ({job.operation}) of the VM in {vault} is {job.status}"


def not_ours(collection: RestorePointCollection, vm_id: str) -> str:
    """Why this collection must not be deleted for that VM, or "" when it may be: name
    and source together."""
    if collection.belongs_to(vm_id):
        return ""
    return (
        f"{collection.id} is not Azure Backup's collection of {vm_id}: its source is"
        f" {collection.source_id or 'not told'}"
    )


def cannot_take_extension_changes(vm: VirtualMachine) -> str:
    """Why the extension of this VM cannot be removed now, or "".

    Azure refuses on a VM that does not run, and works in vain for 15 minutes where the
    agent is silent.
    """
    if not vm.running:
        return (
            f"the VM is {vm.power_state or 'in an unknown power state'}; extensions change only on"
            " a running VM"
        )
    if not vm.agent_ready:
        return f"the VM agent is {vm.agent_status or 'silent'}; it would not carry out the removal"
    return ""


async def would_not_return(reader: ArmReader, vm: VirtualMachine, extension: Extension) -> str:
    """Why policy would refuse the extension when the next backup installs it again, or
    "". No answer is a no."""
    denials = await reader.extension_denials(vm, extension)
    if isinstance(denials, Absent | Unreadable):
        return why_unread(f"policy lets {extension.name} be installed again", denials)
    if not denials:
        return ""
    named = "; ".join(str(each) for each in denials)
    return f"{extension.name} is not removed, since it could not be installed again: {named}"
