"""Makes facts of an interface's network from the provider's JSON. What is no such JSON
raises NotUnderstood."""

from __future__ import annotations

from shared.arm_ids import fold
from shared.azure.wire import Wire, read_list, read_needed, read_object, read_text
from shared.errors import NotUnderstood, whole_characters
from shared.network_facts import AppliedGroup, Route, SecurityRule


def read_effective_groups(wire: Wire) -> tuple[AppliedGroup, ...]:
    return tuple(_read_group(each) for each in _read_values(wire))


def read_effective_routes(wire: Wire) -> tuple[Route, ...]:
    return tuple(
        Route(
            active=fold(read_text(each, "state")) == "active",
            prefixes=_read_texts(each, "addressPrefix"),
            next_hop_type=read_needed(each, "nextHopType"),
            next_hop_addresses=_read_texts(each, "nextHopIpAddress"),
        )
        for each in _read_values(wire)
    )


def _read_values(wire: Wire) -> list[Wire]:
    if wire.get("value") is None:
        raise NotUnderstood("the answer is a list without its values")
    return read_list(wire, "value")


def _read_group(wire: Wire) -> AppliedGroup:
    manager = read_object(read_object(wire, "association"), "networkManager")
    group_id = read_text(read_object(wire, "networkSecurityGroup"), "id")
    rules = (_read_rule(each) for each in read_list(wire, "effectiveSecurityRules") if _out(each))
    return AppliedGroup(group_id or read_text(manager, "id"), tuple(rules))


def _out(rule: Wire) -> bool:
    return fold(read_needed(rule, "direction")) == "outbound"


def _read_rule(wire: Wire) -> SecurityRule:
    priority = wire.get("priority")
    if not isinstance(priority, int) or isinstance(priority, bool):
        raise NotUnderstood(f"the priority of a rule is no number: {priority!r:.80}")
    return SecurityRule(
        name=read_needed(wire, "name"),
        priority=priority,
        access=read_needed(wire, "access"),
        protocol=read_needed(wire, "protocol"),
        ports=_read_one_or_many(wire, "destinationPortRange"),
        destinations=_read_one_or_many(wire, "destinationAddressPrefix", "es"),
        addresses=_read_texts(wire, "expandedDestinationAddressPrefix"),
    )


def _read_one_or_many(wire: Wire, name: str, ending: str = "s") -> tuple[str, ...]:
    """A field that a rule has once, or many times under its plural."""
    one = read_text(wire, name)
    return tuple(dict.fromkeys((*((one,) if one else ()), *_read_texts(wire, name + ending))))


def _read_texts(wire: Wire, name: str) -> tuple[str, ...]:
    value = wire.get(name)
    if value is not None and not (
        isinstance(value, list) and all(isinstance(each, str) for each in value)
    ):
        raise NotUnderstood(f"{name} is no list of texts: {value!r:.80}")
    return tuple(whole_characters(each) for each in value or ())
