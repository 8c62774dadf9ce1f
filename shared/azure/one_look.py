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


class Reads:
    """What was asked for, by kind and id: once, however many ask at the same time."""

    def __init__(self) -> None:
        self.asked: dict[str, asyncio.Future[Any]] = {}

    async def once[T](self, what: str, of: str, read: Callable[[str], Awaitable[T]]) -> T:
        key = name_fact(what, of)
        if key not in self.asked:
            self.asked[key] = asyncio.ensure_future(read(of))
        # shielded: one caller that is cancelled must not cancel the read of the others
        found: T = await asyncio.shield(self.asked[key])
        return found


def name_fact(what: str, of: str) -> str:
    return f"{what} {fold(of)}"


class OneLook(ArmReader):
    def __init__(self, clients: AzureClients) -> None:
        super().__init__(clients)
        self._reads = Reads()

    async def virtual_machine(self, vm_id: str) -> facts.VirtualMachine | Absent | Unreadable:
        return await self._reads.once("VM", vm_id, super().virtual_machine)

    async def resource_group_tags(
        self, resource_group: str
    ) -> dict[str, str] | Absent | Unreadable:
        return await self._reads.once("tags", resource_group, super().resource_group_tags)

    async def locks(
        self, scope: str, *, below: bool = False
    ) -> tuple[facts.Lock, ...] | Absent | Unreadable:
        return await self._reads.once(f"locks {below}", scope, partial(super().locks, below=below))

    async def vaults(self) -> tuple[facts.Vault, ...] | Absent | Unreadable:
        vaults = super().vaults
        return await self._reads.once("vaults", "", lambda _: vaults())

    async def backup_policy(self, policy_id: str) -> vault_facts.BackupPolicy | Absent | Unreadable:
        return await self._reads.once("policy", policy_id, super().backup_policy)

    async def running_jobs(
        self, vault_id: str, *, cancelling: bool = True
    ) -> tuple[facts.Job, ...] | Absent | Unreadable:
        read = partial(super().running_jobs, cancelling=cancelling)
        return await self._reads.once(f"jobs {cancelling}", vault_id, read)

    async def jobs_begun(
        self, vault_id: str, since: datetime
    ) -> tuple[facts.Job, ...] | Absent | Unreadable:
        read = partial(super().jobs_begun, since=since)
        return await self._reads.once(f"jobs begun since {since}", vault_id, read)
