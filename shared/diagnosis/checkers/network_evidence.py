"""Reads what the network lets through, where the extension's words point there, and
puts it into the finding: the rule that blocks, and the rule that would mend it.

Rules and routes never confirm a cause by themselves, since backups of VMs need no
internet today, and a guest firewall or proxy is not in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from shared.arm_ids import fold
from shared.diagnosis.by_hand import allow_storage, open_way_to_storage
from shared.diagnosis.checkers.contract import Reader, last_name, not_read
from shared.diagnosis.checkers.way_to_storage import (
    PORTS,
    Blocked,
    find_default_route,
    judge_rules,
    storage_tag,
)
from shared.facts import Absent, Unreadable, VirtualMachine
from shared.incident.model import Finding
from shared.network_facts import AppliedGroup, Route, SecurityRule
from shared.sentences import Sentence, phrase


@dataclass(frozen=True, slots=True)
class _Seen:
    evidence: tuple[Sentence, ...]
    by_hand: tuple[Sentence, ...] = ()


def look_for_block(vm: VirtualMachine) -> tuple[Sentence, ...]:
    """How a person finds what keeps this VM from Azure storage."""
    return open_way_to_storage(vm.id, vm.interfaces, storage_tag(vm.location))


async def add_network_evidence(finding: Finding, vm: VirtualMachine, reader: Reader) -> Finding:
    """The finding with what its interfaces' effective rules and routes tell; with steps
    that name the rule, or how to find what blocks."""
    general = look_for_block(vm)
    if not vm.running:
        state = vm.power_state or phrase("power_state_not_known")
        told = phrase("network_needs_running_vm", state=state)
        return replace(finding, evidence=(*finding.evidence, told), by_hand=general)
    seen = [
        each
        for pair in await asyncio.gather(*(_look(vm, nic, reader) for nic in vm.interfaces))
        for each in pair
    ]
    return replace(
        finding,
        evidence=(*finding.evidence, *(told for each in seen for told in each.evidence)),
        by_hand=tuple(dict.fromkeys(step for each in seen for step in each.by_hand)) or general,
    )


async def _look(vm: VirtualMachine, interface_id: str, reader: Reader) -> tuple[_Seen, _Seen]:
    groups, routes = await asyncio.gather(
        reader.effective_groups(interface_id), reader.effective_routes(interface_id)
    )
    interface = last_name(interface_id)
    return _see_rules(vm, interface, groups), _see_routes(interface, routes)


def _see_rules(
    vm: VirtualMachine, interface: str, groups: tuple[AppliedGroup, ...] | Absent | Unreadable
) -> _Seen:
    if isinstance(groups, Absent | Unreadable):
        return _not_read(phrase("the_effective_rules", interface=interface), interface, groups)
    if not groups:
        return _Seen((phrase("no_group_applies", interface=interface),))
    way, tag = judge_rules(groups, vm.location), storage_tag(vm.location)
    denies = tuple(_tell_block(interface, each, tag) for each in way.blocked)
    through = phrase("rules_let_through", interface=interface, ports=_list(PORTS), tag=tag)
    doubt = phrase("rules_in_doubt", tag=tag, rules=_list(map(_name, way.in_doubt)))
    evidence = (*(denies or (through,)), *((doubt,) if way.in_doubt else ()))
    return _Seen(evidence, tuple(_tell_mending(each, tag) for each in way.blocked))


def _tell_block(interface: str, block: Blocked, tag: str) -> Sentence:
    over = block.over
    return phrase(
        "rule_denies",
        interface=interface,
        rule=_name(block.rule),
        priority=str(block.rule.priority),
        group=last_name(block.group_id),
        ports=_list(block.ports),
        tag=tag,
        over=phrase("rule_with_priority", rule=_name(over), priority=str(over.priority))
        if over
        else phrase("no_rule_that_allows"),
    )


def _tell_mending(block: Blocked, tag: str) -> Sentence:
    return allow_storage(block.group_id, _name(block.rule), block.free_priority, tag)


def _see_routes(interface: str, routes: tuple[Route, ...] | Absent | Unreadable) -> _Seen:
    if isinstance(routes, Absent | Unreadable):
        return _not_read(phrase("the_effective_routes", interface=interface), interface, routes)
    route = find_default_route(routes)
    if route is None:
        return _Seen((phrase("no_default_route", interface=interface),))
    hop = " ".join((route.next_hop_type, *route.next_hop_addresses))
    if fold(route.next_hop_type) == "internet":
        return _Seen((phrase("default_route", interface=interface, next_hop=hop),))
    return _Seen((phrase("default_route_elsewhere", interface=interface, next_hop=hop),))


def _not_read(what: Sentence, interface: str, fact: Absent | Unreadable) -> _Seen:
    if isinstance(fact, Absent):  # the interface itself
        what = phrase("the_interface", interface=interface)
    return _Seen(not_read("", what, fact).evidence)


def _name(rule: SecurityRule) -> str:
    return last_name(rule.name)


def _list(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
