"""Reads facts from Azure. It has no method that changes anything, so checkers may have
it.

Every method returns the fact, Absent, or Unreadable with the reason; none raises for
what Azure answers.
"""

from __future__ import annotations

import asyncio

from azure.core.rest import HttpRequest

from shared import errors, facts
from shared.arm_ids import ArmId, fold, parse
from shared.azure import from_wire, graph, policies
from shared.azure.answers import check_id, require_whole_list
from shared.azure.calls import ResponseHook
from shared.azure.network_reads import NetworkReads
from shared.azure.vault_reads import VaultReads
from shared.facts import Absent, Unreadable


class ArmReader(VaultReads, NetworkReads):
    """VMs, their restore points, resource groups, locks and policies; all that vaults
    know; what is in effect on network interfaces."""

    async def virtual_machine(self, vm_id: str) -> facts.VirtualMachine | Absent | Unreadable:
        vm = parse(vm_id)

        async def read(hook: ResponseHook) -> facts.VirtualMachine:
            found = await self._clients.compute.virtual_machines.get(
                vm.resource_group, vm.name, expand="instanceView", raw_response_hook=hook
            )
            wire = found.as_dict()
            check_id(vm_id, wire.get("id"))
            return from_wire.read_virtual_machine(wire)

        return await self._read(f"the VM {vm.name}", read)

    async def extensions(self, vm_id: str) -> tuple[facts.Extension, ...] | Absent | Unreadable:
        """The extensions that the VM's list shows. The backup extension may be hidden
        from it."""
        vm = parse(vm_id)

        async def read(hook: ResponseHook) -> tuple[facts.Extension, ...]:
            listed = await self._clients.compute.virtual_machine_extensions.list(
                vm.resource_group, vm.name, raw_response_hook=require_whole_list(hook)
            )
            return tuple(from_wire.read_extension(each.as_dict()) for each in listed.value or ())

        return await self._read(f"the extensions of {vm.name}", read)

    async def extension(self, extension_id: str) -> facts.Extension | Absent | Unreadable:
        """One extension, by its name; what it reported is in the VM's instance view."""
        try:
            extension = parse(extension_id, "the extension")
        except errors.NotUsable as error:
            return Unreadable("an extension", error.reason)
        vm_name, name = extension.names[-2], extension.names[-1]

        async def read(hook: ResponseHook) -> facts.Extension:
            found = await self._clients.compute.virtual_machine_extensions.get(
                extension.resource_group, vm_name, name, raw_response_hook=hook
            )
            wire = found.as_dict()
            check_id(extension_id, wire.get("id"))
            return from_wire.read_extension(wire)

        return await self._read(f"the extension {name} of {vm_name}", read)

    async def resource_group_tags(
        self, resource_group: str
    ) -> dict[str, str] | Absent | Unreadable:
        group_id = f"/subscriptions/{self._clients.subscription_id}/resourceGroups/{resource_group}"

        async def read(hook: ResponseHook) -> dict[str, str]:
            group = await self._clients.resources.resource_groups.get(
                resource_group, raw_response_hook=hook
            )
            check_id(group_id, group.id)
            return from_wire.read_tags({"tags": group.tags})

        return await self._read(f"the resource group {resource_group}", read)

    async def restore_point_collections(
        self, vm_id: str
    ) -> tuple[facts.RestorePointCollection, ...] | Absent | Unreadable:
        """Every collection of the subscription whose source is this VM, with its
        points, whoever created it.

        Found by source, in any resource group: the group's name can be customised, old
        collections stay in old groups, and points of other backup tools count towards
        the limit as well. Resource Graph says where they are; it may lag behind, so
        each is read again, and those of the VM's own group are listed.
        """
        vm = parse(vm_id)
        where = await asyncio.gather(self._ask_graph(vm), self._list_own_group(vm))
        ids: dict[str, str] = {}
        for each in where:
            if isinstance(each, Absent | Unreadable):
                return each
            ids |= {fold(found): found for found in each}
        read = await asyncio.gather(*map(self.restore_point_collection, ids.values()))
        if unread := [each for each in read if isinstance(each, Unreadable)]:
            return unread[0]
        there = [each for each in read if isinstance(each, facts.RestorePointCollection)]
        return tuple(each for each in there if each.is_of(vm_id))

    async def _ask_graph(self, vm: ArmId) -> tuple[str, ...] | Absent | Unreadable:
        async def read(hook: ResponseHook) -> tuple[str, ...]:
            request = HttpRequest(
                "POST",
                graph.ADDRESS,
                params={"api-version": graph.API_VERSION},
                json=graph.build_question(vm),
            )
            answer = await self._clients.resources.send_request(request, raw_response_hook=hook)
            answer.raise_for_status()
            return tuple(each.text for each in graph.read_ids(answer.json()))

        return await self._read("where the restore point collections are", read)

    async def _list_own_group(self, vm: ArmId) -> tuple[str, ...] | Absent | Unreadable:
        async def read(hook: ResponseHook) -> tuple[str, ...]:
            listed = self._clients.compute.restore_point_collections.list(
                vm.resource_group, raw_response_hook=require_whole_list(hook)
            )
            found = [from_wire.read_collection(each.as_dict()) async for each in listed]
            return tuple(each.id for each in found if each.is_of(vm.text))

        return await self._read(f"the restore point collections of {vm.resource_group}", read)

    async def restore_point_collection(
        self, collection_id: str
    ) -> facts.RestorePointCollection | Absent | Unreadable:
        async def read(_: ResponseHook) -> facts.RestorePointCollection:
            return await self._read_with_points(collection_id)

        return await self._read(f"the restore point collection {parse(collection_id).name}", read)

    async def locks(
        self, scope: str, *, below: bool = False
    ) -> tuple[facts.Lock, ...] | Absent | Unreadable:
        """Every lock at or above `scope`; with `below` those on its children as well,
        so that for a collection these are all locks that block its deletion.

        Two lists: only `atScope()` is documented to show the locks above, and only the
        list of the resource itself those below ("a resource or any level below
        resource").
        https://learn.microsoft.com/rest/api/resources/management-locks/list-at-resource-level
        """
        listed = [
            await self._locks(scope, "atScope()"),
            *([await self._locks(scope, None)] if below else []),
        ]
        found: dict[str, facts.Lock] = {}
        for each in listed:
            if isinstance(each, Absent | Unreadable):
                return each
            found.update({fold(lock.id): lock for lock in each})
        return tuple(found.values())

    async def _locks(
        self, scope: str, odata_filter: str | None
    ) -> tuple[facts.Lock, ...] | Absent | Unreadable:
        where = "above" if odata_filter else "below"

        async def read(hook: ResponseHook) -> tuple[facts.Lock, ...]:
            locks = self._clients.locks.management_locks
            listed = locks.list_by_scope(
                scope.lstrip("/"), filter=odata_filter, raw_response_hook=require_whole_list(hook)
            )
            return tuple(
                [from_wire.read_lock(each.serialize(keep_readonly=True)) async for each in listed]
            )

        return await self._read(f"the locks at or {where} {scope}", read)

    async def lock(self, lock_id: str) -> facts.Lock | Absent | Unreadable:
        scope, name = lock_id.rsplit("/", 4)[0], lock_id.rsplit("/", 1)[1]

        async def read(hook: ResponseHook) -> facts.Lock:
            locks = self._clients.locks.management_locks
            found = await locks.get_by_scope(scope.lstrip("/"), name, raw_response_hook=hook)
            check_id(lock_id, found.id)
            return from_wire.read_lock(found.serialize(keep_readonly=True))

        return await self._read(f"the lock {name}", read)

    async def extension_denials(
        self, vm: facts.VirtualMachine, extension: facts.Extension
    ) -> tuple[facts.PolicyDenial, ...] | Absent | Unreadable:
        """The policies that would refuse this extension if it were installed again;
        empty when Azure sees none."""
        scope = parse(vm.id)
        group_id = f"/subscriptions/{scope.subscription}/resourceGroups/{scope.resource_group}"
        address = f"{group_id}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions"
        body = policies.build_question(vm, extension.name, extension.publisher, extension.type)

        async def read(hook: ResponseHook) -> tuple[facts.PolicyDenial, ...]:
            request = HttpRequest(
                "POST", address, params={"api-version": policies.API_VERSION}, json=body
            )
            answer = await self._clients.resources.send_request(request, raw_response_hook=hook)
            answer.raise_for_status()
            if answer.status_code != 200:
                raise errors.Unavailable(
                    f"checkPolicyRestrictions answers with status {answer.status_code}"
                )
            return policies.read_denials(answer.json())

        return await self._read(f"the policies that would refuse {extension.name}", read)

    async def _read_with_points(self, collection_id: str) -> facts.RestorePointCollection:
        collection = parse(collection_id)
        collections = self._clients.compute.restore_point_collections
        found = await collections.get(
            collection.resource_group, collection.name, expand="restorePoints"
        )
        wire = found.as_dict()
        check_id(collection_id, wire.get("id"))
        return from_wire.read_collection(wire)
