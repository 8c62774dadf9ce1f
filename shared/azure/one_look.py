"""Reads each fact once for all who need it within one look, so that twenty VMs of a
resource group do not read its tags twenty times.

Create one per look and drop it afterwards: a cached fact may be out of date.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any

from shared import facts, vault_facts
from shared.arm_ids import fold
from shared.azure.clients import AzureClients
from shared.azure.reader import ArmReader
from shared.facts import Absent, Unreadable


class OneLook(ArmReader):
    def __init__(self, clients: AzureClients) -> None:
        super().__init__(clients)
        self._reads: dict[tuple[str, str], asyncio.Future[Any]] = {}

    async def virtual_machine(self, vm_id: str) -> facts.VirtualMachine | Absent | Unreadable:
        return await self._read_once("VM", vm_id, super().virtual_machine)

    async def resource_group_tags(
        self, resource_group: str
    ) -> dict[str, str] | Absent | Unreadable:
        return await self._read_once("tags", resource_group, super().resource_group_tags)

    async def locks(
        self, scope: str, *, below: bool = False
    ) -> tuple[facts.Lock, ...] | Absent | Unreadable:
        return await self._read_once(f"locks {below}", scope, partial(super().locks, below=below))

    async def vaults(self) -> tuple[facts.Vault, ...] | Absent | Unreadable:
        vaults = super().vaults
        return await self._read_once("vaults", "", lambda _: vaults())

    async def backup_policy(self, policy_id: str) -> vault_facts.BackupPolicy | Absent | Unreadable:
        return await self._read_once("policy", policy_id, super().backup_policy)

    async def running_jobs(
        self, vault_id: str, *, cancelling: bool = True
    ) -> tuple[facts.Job, ...] | Absent | Unreadable:
        read = partial(super().running_jobs, cancelling=cancelling)
        return await self._read_once(f"jobs {cancelling}", vault_id, read)

    async def jobs_begun(
        self, vault_id: str, since: datetime
    ) -> tuple[facts.Job, ...] | Absent | Unreadable:
        read = partial(super().jobs_begun, since=since)
        return await self._read_once(f"jobs begun since {since}", vault_id, read)

    async def _read_once[T](self, what: str, of: str, read: Callable[[str], Awaitable[T]]) -> T:
        key = (what, fold(of))
        if key not in self._reads:
            self._reads[key] = asyncio.ensure_future(read(of))
        # shielded: one caller that is cancelled must not cancel the read of the others
        found: T = await asyncio.shield(self._reads[key])
        return found
