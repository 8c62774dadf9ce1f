"""Where Azure shows the backup extension of a VM: by its name, in the list of
extensions, or only as a handler in the instance view.

On today's VMs it may be hidden from the list while a GET by name finds it.
https://learn.microsoft.com/azure/backup/backup-azure-manage-vms
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shared.arm_ids import fold
from shared.diagnosis.checkers.contract import Reader
from shared.extension_facts import BACKUP_EXTENSION_TYPES, ReportedExtension
from shared.facts import Absent, Extension, Unreadable, VirtualMachine

OWN_NAME = {"windows": BACKUP_EXTENSION_TYPES[:1], "linux": BACKUP_EXTENSION_TYPES[1:]}
"""By operating system: the name that Azure Backup gives it."""


@dataclass(frozen=True, slots=True)
class ListedOnly:
    """The list shows it, and a GET by its name does not find it."""

    extension: Extension


@dataclass(frozen=True, slots=True)
class ReportedOnly:
    """The instance view alone shows it, or its handler."""

    extension: ReportedExtension


type Place = Extension | ListedOnly | ReportedOnly | Absent | Unreadable
"""An Extension: a GET by its name found it, with publisher and type of Azure Backup."""


async def find_backup_extension(vm: VirtualMachine, reader: Reader) -> Place:
    """The VM's backup extension, with all that it reported; Absent where none of the
    places shows it.

    One GET finds it on most VMs. The list is read only where that finds nothing.
    """
    for name in dict.fromkeys(_names(vm)):
        found = await _get(f"{vm.id}/extensions/{name}", vm, reader)
        if not isinstance(found, Absent):
            return found
    listed = await reader.extensions(vm.id)
    if isinstance(listed, Absent | Unreadable):
        return Unreadable(f"the extensions of {vm.name}", listed.why)
    shown = next((each for each in listed if each.is_backup_extension), None)
    if shown is None:
        return _find_reported(vm)
    found = await _get(shown.id, vm, reader)
    return ListedOnly(shown.seen_in(vm)) if isinstance(found, Absent) else found


async def _get(
    extension_id: str, vm: VirtualMachine, reader: Reader
) -> Extension | Absent | Unreadable:
    """Absent also where another publisher's extension has that name."""
    named = await reader.extension(extension_id)
    if isinstance(named, Absent | Unreadable):
        return named
    if not named.is_backup_extension:
        return Absent(f"the backup extension {named.name}")
    return named.seen_in(vm)


def _names(vm: VirtualMachine) -> Iterator[str]:
    """Those under which the instance view shows it, then its usual ones."""
    for shown in vm.extensions:
        if shown.is_backup_extension and shown.name:
            yield shown.name
    yield from OWN_NAME.get(fold(vm.os_type), BACKUP_EXTENSION_TYPES)


def _find_reported(vm: VirtualMachine) -> ReportedOnly | Absent:
    for each in (*vm.extensions, *vm.handlers):
        if each.is_backup_extension:
            return ReportedOnly(each)
    return Absent(f"the backup extension of {vm.name}")
