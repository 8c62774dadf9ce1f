"""Judges the effective rules and routes of an interface: may the VM reach Azure storage
of its region? Pure.

Rules of a group are looked at by their priority number, the smallest first; the first
that fits decides. Traffic has to pass the groups of the interface and of its subnet.
https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, collapse_addresses, ip_network

from shared.arm_ids import fold
from shared.network_facts import AppliedGroup, Route, SecurityRule

PORTS = (443, 8443)
"""8443 for managed disks."""
EVERYWHERE = "0.0.0.0/0"
FIRST_PRIORITY, LAST_PRIORITY = 100, 4096
"""Of the rules that a customer may make; Azure's default rules come behind them."""


class _Fits(Enum):
    """Whether a rule applies to traffic to Azure storage."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"
    """It names public addresses, which are not compared with those of the tag."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """A rule that keeps the VM from Azure storage."""

    group_id: str
    rule: SecurityRule
    ports: tuple[int, ...]
    over: SecurityRule | None
    """The first rule behind it that would allow it; None where none does."""
    free_priority: int | None
    """The nearest number ahead of it that no rule of its group has."""


@dataclass(frozen=True, slots=True)
class Way:
    blocked: tuple[Blocked, ...]
    in_doubt: tuple[SecurityRule, ...]
    """Rules ahead of the deciding one that name public addresses."""


def storage_tag(region: str) -> str:
    """The service tag of Azure storage in that region."""
    return f"Storage.{region.replace(' ', '')}"


def judge_rules(groups: tuple[AppliedGroup, ...], region: str) -> Way:
    blocked: list[Blocked] = []
    in_doubt: list[SecurityRule] = []
    for group in groups:
        ordered = sorted(group.rules, key=lambda rule: rule.priority)
        denied: dict[SecurityRule, list[int]] = {}
        for port in PORTS:
            fits = [(rule, _fits(rule, port, region)) for rule in ordered]
            certain = [rule for rule, how in fits if how is _Fits.YES]
            ahead = certain[0].priority if certain else None
            in_doubt += [
                rule
                for rule, how in fits
                if how is _Fits.MAYBE and (ahead is None or rule.priority < ahead)
            ]
            if certain and fold(certain[0].access) == "deny":
                denied.setdefault(certain[0], []).append(port)
        blocked += [_describe(group, rule, tuple(ports), region) for rule, ports in denied.items()]
    return Way(tuple(blocked), tuple(dict.fromkeys(in_doubt)))


def _describe(
    group: AppliedGroup, rule: SecurityRule, ports: tuple[int, ...], region: str
) -> Blocked:
    behind = [
        each
        for each in sorted(group.rules, key=lambda each: each.priority)
        if each.priority > rule.priority
        and fold(each.access) == "allow"
        and _fits(each, ports[0], region) is _Fits.YES
    ]
    used = {each.priority for each in group.rules}
    nearest = min(rule.priority - 1, LAST_PRIORITY)
    free = (n for n in range(nearest, FIRST_PRIORITY - 1, -1) if n not in used)
    return Blocked(group.id, rule, ports, behind[0] if behind else None, next(free, None))


def _fits(rule: SecurityRule, port: int, region: str) -> _Fits:
    if fold(rule.protocol) not in ("tcp", "all", "*"):
        return _Fits.NO
    if not any(_has_port(each, port) for each in rule.ports):
        return _Fits.NO
    if EVERYWHERE in rule.addresses:  # such as VirtualNetwork under forced tunnelling
        return _Fits.YES
    return _fits_destinations(rule.destinations, region)


def _has_port(ports: str, port: int) -> bool:
    first, _, last = ports.partition("-")
    if not first.strip().isdecimal() or not (last or first).strip().isdecimal():
        return ports.strip() == "*"
    return int(first) <= port <= int(last or first)


def _fits_destinations(destinations: tuple[str, ...], region: str) -> _Fits:
    own = fold(region.replace(" ", ""))
    tags = ("*", "internet", "azurecloud", f"azurecloud.{own}", "storage", f"storage.{own}")
    if any(fold(each) in tags for each in destinations):
        return _Fits.YES
    networks = [found for each in destinations if (found := _read_network(each))]
    if IPv4Network(EVERYWHERE) in collapse_addresses(networks):
        return _Fits.YES
    return _Fits.NO if all(each.is_private for each in networks) else _Fits.MAYBE


def _read_network(text: str) -> IPv4Network | None:
    """None for a service tag and for IPv6, which Azure storage is not reached by."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    return network if isinstance(network, IPv4Network) else None


def find_default_route(routes: tuple[Route, ...]) -> Route | None:
    return next((each for each in routes if each.active and EVERYWHERE in each.prefixes), None)
