"""What must hold in the vault right before a change, read afresh. What cannot be read
is a no."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol

from shared import clock
from shared.arm_ids import fold
from shared.execution.lock_window.lock_row import LockRow, count_in
from shared.execution.restore_points import Known, why_item_stops, why_kept
from shared.facts import (
    Absent,
    Lock,
    RestorePointCollection,
    Unreadable,
    VirtualMachine,
    why_unread,
)
from shared.vault_facts import BackupPolicy, ProtectedItem, RecoveryPoint


class ItemReader(Protocol):
    async def protected_item(self, item_id: str) -> ProtectedItem | Absent | Unreadable: ...


class VaultReader(ItemReader, Protocol):
    """What these guards ask of Azure."""

    async def virtual_machine(self, vm_id: str) -> VirtualMachine | Absent | Unreadable: ...
    async def backup_policy(self, policy_id: str) -> BackupPolicy | Absent | Unreadable: ...
    async def recovery_points(
        self, item_id: str
    ) -> tuple[RecoveryPoint, ...] | Absent | Unreadable: ...
    async def locks(self, scope: str) -> tuple[Lock, ...] | Absent | Unreadable: ...


async def why_points_lost(
    reader: VaultReader,
    collection: RestorePointCollection,
    vm_id: str,
    item_id: str,
    pairing: timedelta,
) -> str:
    """Why the collection must not be deleted without a person, or "" when it may be: it
    would help, and nothing would be lost."""
    vm, (item, policy), recovery = await asyncio.gather(
        reader.virtual_machine(vm_id),
        _item_and_policy(reader, item_id),
        reader.recovery_points(item_id),
    )
    known = Known(collection, vm, item, policy, recovery)
    return "; ".join(why_kept(known, pairing, clock.as_time(clock.now())))


async def why_no_backup_follows(reader: ItemReader, vm_id: str, item_id: str) -> str:
    """Why no new backup of the VM would follow a change, or "" when one would."""
    item = await reader.protected_item(item_id)
    if isinstance(item, Absent | Unreadable):
        return why_unread("a new backup would follow", item)
    return "; ".join(why_item_stops(item, vm_id))


async def why_backup_refused(
    reader: VaultReader, vault_id: str, lifted: Iterable[LockRow] = ()
) -> str:
    """Which lock will refuse the verifying backup, or "": ReadOnly forbids the POST
    that starts one, wherever it is inherited from. `lifted`: the locks that are off
    because of us, and back by then.

    https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
    """
    locks = await reader.locks(vault_id)
    if isinstance(locks, Absent | Unreadable):
        return why_unread("the vault takes a new backup", locks)
    read_only = [
        lock for lock in count_in(locks, lifted, vault_id) if fold(lock.level) == "readonly"
    ]
    if not read_only:
        return ""
    named = ", ".join(f"{lock.name} ({lock.level}) on {lock.scope}" for lock in read_only)
    return (
        f"a new backup would be refused, so nothing is deleted: the vault is under the lock {named}"
    )


async def _item_and_policy(
    reader: VaultReader, item_id: str
) -> tuple[ProtectedItem | Absent | Unreadable, BackupPolicy | Absent | Unreadable]:
    item = await reader.protected_item(item_id)
    if isinstance(item, Absent | Unreadable):
        return item, Unreadable("the backup policy", "the item that names it could not be read")
    return item, await reader.backup_policy(item.policy_id)
