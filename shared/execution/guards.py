"""What must hold right before a change, read afresh. What cannot be read is a no."""

from __future__ import annotations

from collections.abc import Iterable

from shared.arm_ids import fold
from shared.azure.reader import ArmReader
from shared.diagnosis.by_hand import allow_extension, start_for_removal, take_off
from shared.extension_facts import IN_TRANSITION
from shared.facts import (
    Absent,
    Extension,
    RestorePointCollection,
    Unreadable,
    VirtualMachine,
    why_unread,
)
from shared.incident.model import Incident
from shared.plan.mode import ModeNotKnown, mode_now
from shared.sentences import Sentence, phrase


async def why_switched_off(
    setting: str, reader: ArmReader, incident: Incident, targets: Iterable[str] = ()
) -> str:
    """Why no change may be made now to this VM, or to what holds `targets`; "" when
    policy allows it. `setting`: the mode of the installation."""
    mode = await mode_now(setting, reader, incident, targets)
    if isinstance(mode, ModeNotKnown):
        return mode.reason
    return "" if mode.name == "auto" else mode.because


def why_not_ours(collection: RestorePointCollection, vm_id: str) -> str:
    """Why this collection must not be deleted for that VM, or "" when it may be: name
    and source together."""
    if collection.belongs_to(vm_id):
        return ""
    return (
        f"{collection.id} is not Azure Backup's collection of {vm_id}: its source is"
        f" {collection.source_id or 'not told'}"
    )


def why_extension_stays(vm: VirtualMachine) -> tuple[str, tuple[Sentence, ...]]:
    """Why the extension of this VM cannot be removed now, with a step for a person, or
    "".

    Azure refuses on a VM that does not run, and works in vain for 15 minutes where the
    agent is silent.
    """
    if not vm.running:
        return (
            f"the VM is {vm.power_state or 'in an unknown power state'}; extensions change only on"
            " a running VM",
            (start_for_removal(vm.id),) if vm.is_off else (),
        )
    if not vm.agent_ready:
        silent = vm.agent_status or "silent"
        return f"the VM agent is {silent}; it would not carry out the removal", ()
    return "", ()


def why_extension_works(vm: VirtualMachine, extension: Extension) -> str:
    """Which operation works on the extension now, as far as Azure shows it, or ""."""
    for each in (extension, vm):
        if fold(each.provisioning_state) in IN_TRANSITION:
            return f"an operation works on {each.name}: it is {each.provisioning_state}"
    return ""


async def why_not_reinstalled(
    reader: ArmReader, vm: VirtualMachine, extension: Extension
) -> tuple[str, tuple[Sentence, ...]]:
    """Why policy would refuse the extension when the next backup installs it again,
    with the step for each assignment; "" where it would not. No answer is a no."""
    denials = await reader.extension_denials(vm, extension)
    if isinstance(denials, Absent | Unreadable):
        return why_unread(f"policy lets {extension.name} be installed again", denials), ()
    if not denials:
        return "", ()
    named = "; ".join(str(each) for each in denials)
    steps = [allow_extension(extension.name, each.assignment_id) for each in denials]
    why = f"{extension.name} is not removed, since it could not be installed again: {named}"
    return why, tuple(dict.fromkeys(each for each in steps if each))


async def why_extension_locked(
    reader: ArmReader, extension_id: str
) -> tuple[str, tuple[Sentence, ...]]:
    """Which lock will refuse the removal of this extension, with the step for each; ""
    where none does. Locks are lifted for cause 6 only. One request.

    Both levels block a DELETE at and below their scope:
    https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
    """
    locks = await reader.locks(extension_id)
    if isinstance(locks, Absent | Unreadable):
        return why_unread("a lock keeps the extension", locks), ()
    blocking = [lock for lock in locks if lock.blocks_deletion]
    if not blocking:
        return "", ()
    named = ", ".join(f"{lock.name} ({lock.level}) on {lock.scope}" for lock in blocking)
    steps = tuple(take_off(lock, phrase("removal_of_extension")) for lock in blocking)
    return f"a lock keeps the extension, and locks are not lifted for extensions: {named}", steps
