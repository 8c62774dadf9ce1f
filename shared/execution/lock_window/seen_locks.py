"""Reads locks as they are meant to be: those that are off because of us count as there."""

from __future__ import annotations

from shared.azure.reader import ArmReader
from shared.execution.lock_window.ledger import LockLedger, counted_in
from shared.facts import Absent, Extension, Lock, RestorePointCollection, Unreadable, VirtualMachine
from shared.vault_facts import BackupPolicy, ProtectedItem


class LedgerAwareReader:
    """What checkers read through: locks that are off because of us count as there."""

    def __init__(self, reader: ArmReader, ledger: LockLedger) -> None:
        self._reader = reader
        self._ledger = ledger

    async def virtual_machine(self, vm_id: str) -> VirtualMachine | Absent | Unreadable:
        return await self._reader.virtual_machine(vm_id)

    async def extensions(self, vm_id: str) -> tuple[Extension, ...] | Absent | Unreadable:
        return await self._reader.extensions(vm_id)

    async def restore_point_collections(
        self, vm_id: str
    ) -> tuple[RestorePointCollection, ...] | Absent | Unreadable:
        return await self._reader.restore_point_collections(vm_id)

    async def locks(
        self, scope: str, *, below: bool = False
    ) -> tuple[Lock, ...] | Absent | Unreadable:
        lifted = await self._ledger.open_locks()
        read = await self._reader.locks(scope, below=below)
        return read if isinstance(read, Absent | Unreadable) else counted_in(read, lifted, scope)

    async def protected_item(self, item_id: str) -> ProtectedItem | Absent | Unreadable:
        return await self._reader.protected_item(item_id)

    async def backup_policy(self, policy_id: str) -> BackupPolicy | Absent | Unreadable:
        return await self._reader.backup_policy(policy_id)
