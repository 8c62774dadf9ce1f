"""Facts of a VM's network interface: the security rules and routes in effect on it.
shared/azure/network_from_wire.py makes them from the provider's JSON.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SecurityRule:
    """A rule in effect for outbound traffic.
    https://learn.microsoft.com/rest/api/virtualnetwork/network-interfaces/list-effective-network-security-groups
    """

    name: str
    priority: int
    """The smaller number is looked at first."""
    access: str
    """Allow or Deny."""
    protocol: str
    """Tcp, Udp or All."""
    ports: tuple[str, ...]
    """Of the destination: a number, a range such as 0-65535, or *."""
    destinations: tuple[str, ...]
    """Service tags and address prefixes, as the rule names them."""
    addresses: tuple[str, ...]
    """The address prefixes that Azure expanded the destinations to."""


@dataclass(frozen=True, slots=True)
class AppliedGroup:
    """The rules that one network security group, of the interface or of its subnet,
    applies. Traffic has to pass each of them."""

    id: str
    """Of the group, or of the network manager whose rules these are; or ""."""
    rules: tuple[SecurityRule, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """https://learn.microsoft.com/rest/api/virtualnetwork/network-interfaces/get-effective-route-table"""

    active: bool
    prefixes: tuple[str, ...]
    next_hop_type: str
    """Internet, VirtualAppliance, VirtualNetworkGateway, None, ..."""
    next_hop_addresses: tuple[str, ...]
