"""Reads locks as they are meant to be: one that is off because of us counts as on."""

from __future__ import annotations

from shared.azure.reader import ArmReader
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.lock_row import count_in
from shared.facts import Absent, Extension, Lock, RestorePointCollection, Unreadable, VirtualMachine
from shared.network_facts import AppliedGroup, Route
from shared.vault_facts import BackupPolicy, ProtectedItem


class LedgerAwareReader:
    """What checkers read through: `locks` has those in the ledger as well."""

    def __init__(self, reader: ArmReader, ledger: LockLedger) -> None:
        self._reader = reader
        self._ledger = ledger

    async def virtual_machine(self, vm_id: str) -> VirtualMachine | Absent | Unreadable:
        return await self._reader.virtual_machine(vm_id)

    async def extensions(self, vm_id: str) -> tuple[Extension, ...] | Absent | Unreadable:
        return await self._reader.extensions(vm_id)

    async def extension(self, extension_id: str) -> Extension | Absent | Unreadable:
        return await self._reader.extension(extension_id)

    async def restore_point_collections(
        self, vm_id: str
    ) -> tuple[RestorePointCollection, ...] | Absent | Unreadable:
        return await self._reader.restore_point_collections(vm_id)

    async def locks(
        self, scope: str, *, below: bool = False
    ) -> tuple[Lock, ...] | Absent | Unreadable:
        # The ledger first: a lock that goes back between the two reads is then counted
        # once too often, never missed.
        lifted = await self._ledger.open_locks()
        read = await self._reader.locks(scope, below=below)
        return read if isinstance(read, Absent | Unreadable) else count_in(read, lifted, scope)

    async def protected_item(self, item_id: str) -> ProtectedItem | Absent | Unreadable:
        return await self._reader.protected_item(item_id)

    async def backup_policy(self, policy_id: str) -> BackupPolicy | Absent | Unreadable:
        return await self._reader.backup_policy(policy_id)

    async def effective_groups(
        self, interface_id: str
    ) -> tuple[AppliedGroup, ...] | Absent | Unreadable:
        return await self._reader.effective_groups(interface_id)

    async def effective_routes(self, interface_id: str) -> tuple[Route, ...] | Absent | Unreadable:
        return await self._reader.effective_routes(interface_id)
