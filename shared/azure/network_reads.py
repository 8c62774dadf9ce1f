"""Reads what is in effect on a VM's network interface. Both reads are long-running
POSTs that change nothing, and need a VM that runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from shared import network_facts
from shared.arm_ids import parse
from shared.azure import network_from_wire
from shared.azure.calls import ResponseHook
from shared.azure.reads import Reads
from shared.azure.wire import Wire
from shared.errors import NotUsable
from shared.facts import Absent, Unreadable


class NetworkReads(Reads):
    async def effective_groups(
        self, interface_id: str
    ) -> tuple[network_facts.AppliedGroup, ...] | Absent | Unreadable:
        """The network security groups that apply to the interface, with their outbound
        rules; empty where none does."""
        return await self._read_of_interface(
            "the effective security rules of",
            interface_id,
            lambda interfaces: interfaces.begin_list_effective_network_security_groups,
            network_from_wire.read_effective_groups,
        )

    async def effective_routes(
        self, interface_id: str
    ) -> tuple[network_facts.Route, ...] | Absent | Unreadable:
        return await self._read_of_interface(
            "the effective routes of",
            interface_id,
            lambda interfaces: interfaces.begin_get_effective_route_table,
            network_from_wire.read_effective_routes,
        )

    async def _read_of_interface[T](
        self,
        what: str,
        interface_id: str,
        choose: Callable[[Any], Callable[..., Awaitable[Any]]],
        make: Callable[[Wire], T],
    ) -> T | Absent | Unreadable:
        try:
            where = parse(interface_id, "the network interface")
        except NotUsable as error:
            return Unreadable(f"{what} a network interface", error.reason)

        async def read(hook: ResponseHook) -> T:
            begin = choose(self._clients.network.network_interfaces)
            poller = await begin(where.resource_group, where.name, raw_response_hook=hook)
            return make((await poller.result()).as_dict())

        return await self._read(f"{what} {where.name}", read)
