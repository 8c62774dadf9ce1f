"""What must hold right before a change, read afresh. Whatever cannot be read is a no."""

from __future__ import annotations

from shared.arm_ids import parse
from shared.azure.reader import ArmReader
from shared.execution.tools import Tools
from shared.facts import Absent, Extension, RestorePointCollection, Unreadable, VirtualMachine
from shared.incident.model import Incident
from shared.plan.policy import Mode, mode_in_force


async def mode_now(tools: Tools, incident: Incident) -> Mode | str:
    """The mode in force for this VM, or why it cannot be known."""
    vm = await tools.reader.virtual_machine(incident.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return f"whether the VM's tags allow a change is not known: {why(vm)}"
    group_tags = await tools.reader.resource_group_tags(parse(incident.vm_id).resource_group)
    if isinstance(group_tags, Absent | Unreadable):
        return f"whether the resource group's tags allow a change is not known: {why(group_tags)}"
    return mode_in_force(tools.settings.mode, vm.tags, group_tags)


async def switched_off(tools: Tools, incident: Incident) -> str:
    """Why no change may be made to this VM now, or "" when policy allows it."""
    mode = await mode_now(tools, incident)
    if isinstance(mode, str):
        return mode
    return "" if mode.name == "auto" else mode.because


async def job_running(tools: Tools, incident: Incident) -> str:
    """Why a running backup or restore of this VM forbids a change, or "" when none runs. A job that names no VM counts as its own."""
    jobs = await tools.reader.running_jobs(incident.vault_id)
    if isinstance(jobs, Absent | Unreadable):
        return f"whether a backup or restore of the VM runs is not known: {why(jobs)}"
    vm = parse(incident.vm_id)
    for job in jobs:
        if job.is_of(vm.name, vm.resource_group) is not False:
            return f"the job {job.name} ({job.operation}) of the VM is {job.status}"
    return ""


def not_ours(collection: RestorePointCollection, vm_id: str) -> str:
    """Why this collection must not be deleted for that VM, or "" when it may be: name and source together."""
    if collection.belongs_to(vm_id):
        return ""
    return f"{collection.id} is not Azure Backup's collection of {vm_id}: its source is {collection.source_id or 'not told'}"


def cannot_take_extension_changes(vm: VirtualMachine) -> str:
    """Why the extension of this VM cannot be removed now, or "".

    Azure refuses on a VM that does not run, and works in vain for 15 minutes where the agent is silent.
    """
    if not vm.running:
        return f"the VM is {vm.power_state or 'in an unknown power state'}; extensions change only on a running VM"
    if not vm.agent_ready:
        return f"the VM agent is {vm.agent_status or 'silent'}; it would not carry out the removal"
    return ""


async def would_not_return(reader: ArmReader, vm: VirtualMachine, extension: Extension) -> str:
    """Why policy would refuse the extension when the next backup installs it again, or "". No answer is a no."""
    denials = await reader.extension_denials(vm, extension)
    if isinstance(denials, Absent | Unreadable):
        return f"whether policy lets {extension.name} be installed again is not known: {why(denials)}"
    if not denials:
        return ""
    named = "; ".join(str(each) for each in denials)
    return f"{extension.name} is not removed, since it could not be installed again: {named}"


def why(fact: Absent | Unreadable) -> str:
    return f"{fact.what} does not exist" if isinstance(fact, Absent) else f"{fact.what}: {fact.reason}"
