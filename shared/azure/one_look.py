"""Asks Azure once for what several ask within one look, so that twenty VMs of a group
do not ask twenty times for its tags.

Made for one look and thrown away with it: a fact that is kept is no fact any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
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
        self._asked: dict[tuple[str, str], asyncio.Future[Any]] = {}

    async def virtual_machine(self, vm_id: str) -> facts.VirtualMachine | Absent | Unreadable:
        return await self._once("VM", vm_id, super().virtual_machine)

    async def resource_group_tags(
        self, resource_group: str
    ) -> dict[str, str] | Absent | Unreadable:
        return await self._once("tags", resource_group, super().resource_group_tags)

    async def locks(
        self, scope: str, *, below: bool = False
    ) -> tuple[facts.Lock, ...] | Absent | Unreadable:
        return await self._once(f"locks {below}", scope, partial(super().locks, below=below))

    async def vaults(self) -> tuple[facts.Vault, ...] | Absent | Unreadable:
        vaults = super().vaults
        return await self._once("vaults", "", lambda _: vaults())

    async def backup_policy(self, policy_id: str) -> vault_facts.BackupPolicy | Absent | Unreadable:
        return await self._once("policy", policy_id, super().backup_policy)

    async def running_jobs(self, vault_id: str) -> tuple[facts.Job, ...] | Absent | Unreadable:
        return await self._once("jobs", vault_id, super().running_jobs)

    async def _once[T](self, what: str, of: str, read: Callable[[str], Awaitable[T]]) -> T:
        key = (what, fold(of))
        if key not in self._asked:
            self._asked[key] = asyncio.ensure_future(read(of))
        found: T = await asyncio.shield(self._asked[key])
        return found
