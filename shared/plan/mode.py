"""The mode in force now: the tags that have a say in it are read right before use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.arm_ids import fold, parse
from shared.azure.reader import ArmReader
from shared.facts import Absent, Unreadable, VirtualMachine, why_unread
from shared.incident.model import Incident
from shared.plan.policy import Mode, mode_in_force


@dataclass(frozen=True, slots=True)
class ModeNotKnown:
    reason: str
    vm_gone: bool = False
    """The VM does not exist: asking again cannot help."""


async def mode_now(
    setting: str,
    reader: ArmReader,
    incident: Incident,
    targets: Iterable[str] = (),
    vm: VirtualMachine | Unreadable | None = None,
) -> Mode | ModeNotKnown:
    """The mode in force for this VM. `setting`: that of the installation. `targets`:
    resources that would be deleted, whose groups have a say as well. `vm`: where it was
    read a moment ago."""
    found = vm or await reader.virtual_machine(incident.vm_id)
    if isinstance(found, Absent | Unreadable):
        why = why_unread("the VM's tags allow a change", found)
        return ModeNotKnown(why, vm_gone=isinstance(found, Absent))
    names = {
        fold(name): name
        for name in (parse(each).resource_group for each in (*targets, incident.vm_id))
    }
    group_tags: dict[str, dict[str, str]] = {}
    for name in names.values():
        tags = await reader.resource_group_tags(name)
        if isinstance(tags, Absent | Unreadable):
            return ModeNotKnown(why_unread("the resource group's tags allow a change", tags))
        group_tags[name] = tags
    return mode_in_force(setting, found.tags, group_tags)
