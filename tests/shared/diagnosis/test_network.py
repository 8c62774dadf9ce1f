"""Which rule keeps a VM from Azure storage, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from local.scenarios import parts
from local.simulator.server import Simulator
from shared.azure import network_from_wire
from shared.azure.clients import AzureClients
from shared.azure.reader import ArmReader
from shared.diagnosis.checkers.contract import WINDOWS_VM, KnownFacts
from shared.diagnosis.checkers.network_evidence import add_network_evidence
from shared.diagnosis.checkers.way_to_storage import find_default_route, judge_rules, storage_tag
from shared.errors import NotUnderstood
from shared.facts import Absent, Unreadable, VirtualMachine
from shared.incident.model import Finding, Verdict
from shared.network_facts import AppliedGroup, Route, SecurityRule
from shared.settings import Settings
from tests.local.simulator import support

NSG = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/nsg"


def rule(
    name: str,
    priority: int,
    access: str,
    *destinations: str,
    ports: tuple[str, ...] = ("0-65535",),
    protocol: str = "All",
    addresses: tuple[str, ...] = (),
) -> SecurityRule:
    return SecurityRule(name, priority, access, protocol, ports, destinations, addresses)


INTERNET = rule("AllowInternetOutBound", 65001, "Allow", "Internet")
NOTHING = rule("DenyAllOutBound", 65500, "Deny", "0.0.0.0/0")
DENY = rule("deny", 200, "Deny", "Internet")

ONE_GROUP: dict[
    str, tuple[tuple[SecurityRule, ...], list[tuple[str, tuple[int, ...], str | None]]]
] = {
    # its own rules; (the rule that denies, the ports, what it wins over)
    "the default rules alone": ((), []),
    "an allow ahead of the deny": ((rule("a", 100, "Allow", "Storage"), DENY), []),
    "an allow for the region ahead": ((rule("a", 100, "Allow", "Storage.WestEurope"), DENY), []),
    "a deny of another region": ((rule("d", 100, "Deny", "Storage.NorthEurope"),), []),
    "a deny of other ports": ((rule("d", 100, "Deny", "*", ports=("80-80", "444-8442")),), []),
    "a deny of UDP": ((rule("d", 100, "Deny", "*", protocol="Udp"),), []),
    "a deny of private addresses": ((rule("d", 100, "Deny", "10.0.0.0/8", "192.168.0.0/16"),), []),
    "a deny of the virtual network": ((rule("d", 100, "Deny", "VirtualNetwork"),), []),
    "a deny of IPv6": ((rule("d", 100, "Deny", "::/0"),), []),
    "a deny of the internet": ((DENY,), [("deny", (443, 8443), "AllowInternetOutBound")]),
    "a deny of the tag": (
        (rule("d", 300, "deny", "storage"),),
        [("d", (443, 8443), "AllowInternetOutBound")],
    ),
    "a deny of the region's tag": (
        (rule("d", 300, "Deny", "Storage.WestEurope"),),
        [("d", (443, 8443), "AllowInternetOutBound")],
    ),
    "a deny of all of Azure in the region": (
        (rule("d", 300, "Deny", "AzureCloud.westeurope"),),
        [("d", (443, 8443), "AllowInternetOutBound")],
    ),
    "a deny in two halves": (
        (rule("d", 300, "Deny", "0.0.0.0/1", "128.0.0.0/1"),),
        [("d", (443, 8443), "AllowInternetOutBound")],
    ),
    "a deny of a virtual network that is everything": (
        (rule("d", 300, "Deny", "VirtualNetwork", addresses=("0.0.0.0/0",)),),
        [("d", (443, 8443), "AllowInternetOutBound")],
    ),
    "443 is let through, 8443 is not": (
        (rule("a", 100, "Allow", "Storage", ports=("443",)), DENY),
        [("deny", (8443,), "AllowInternetOutBound")],
    ),
    "each port has its own deny": (
        (
            rule("d1", 100, "Deny", "*", ports=("443-443",)),
            rule("d2", 110, "Deny", "*", ports=("*",)),
        ),
        [("d1", (443,), "AllowInternetOutBound"), ("d2", (8443,), "AllowInternetOutBound")],
    ),
    "the deny comes first": (
        (rule("d", 100, "Deny", "*"), rule("a", 101, "Allow", "Storage.WestEurope")),
        [("d", (443, 8443), "a")],
    ),
}


@pytest.mark.parametrize("name", ONE_GROUP)
def test_which_rule_denies_and_what_it_wins_over(name: str) -> None:
    own, expected = ONE_GROUP[name]
    way = judge_rules((AppliedGroup(NSG, (NOTHING, INTERNET, *own)),), "westeurope")
    assert [
        (each.rule.name, each.ports, each.over.name if each.over else None) for each in way.blocked
    ] == expected
    assert way.in_doubt == ()


def test_traffic_has_to_pass_every_group() -> None:
    open_group, closed = AppliedGroup(NSG, (INTERNET, NOTHING)), AppliedGroup(f"{NSG}2", (NOTHING,))
    (blocked,) = judge_rules((open_group, closed), "westeurope").blocked
    assert (blocked.group_id, blocked.rule, blocked.over) == (f"{NSG}2", NOTHING, None)


def test_a_rule_for_public_addresses_is_in_doubt_only_ahead_of_the_one_that_decides() -> None:
    some, later = rule("some", 150, "Allow", "20.38.98.0/24"), rule("x", 250, "Deny", "20.0.0.0/8")
    way = judge_rules((AppliedGroup(NSG, (INTERNET, NOTHING, DENY, some, later)),), "westeurope")
    assert [each.rule for each in way.blocked] == [DENY]
    assert way.in_doubt == (some,)


@pytest.mark.parametrize(
    ("priority", "used", "free"),
    [
        (200, (), 199),
        (200, (199, 198), 197),
        (65500, (), 4096),
        (100, (), None),
        (102, (100, 101), None),
    ],
)
def test_the_number_of_the_rule_that_would_mend_it(
    priority: int, used: tuple[int, ...], free: int | None
) -> None:
    others = tuple(rule(f"o{each}", each, "Allow", "Sql") for each in used)
    group = AppliedGroup(NSG, (rule("d", priority, "Deny", "*"), *others))
    (blocked,) = judge_rules((group,), "westeurope").blocked
    assert blocked.free_priority == free


def test_the_tag_is_that_of_the_region() -> None:
    assert storage_tag("West Europe") == "Storage.WestEurope"


def route(hop: str, *, active: bool = True, prefix: str = "0.0.0.0/0") -> Route:
    return Route(active, (prefix,), hop, ())


@pytest.mark.parametrize(
    ("routes", "hop"),
    [
        ((), None),
        ((route("VnetLocal", prefix="10.0.0.0/8"),), None),
        ((route("Internet", active=False), route("VirtualAppliance")), "VirtualAppliance"),
        ((route("None"),), "None"),
    ],
)
def test_the_next_hop_of_the_default_route(routes: tuple[Route, ...], hop: str | None) -> None:
    found = find_default_route(routes)
    assert (found.next_hop_type if found else None) == hop


CONFIRMED = Finding("no_internet", Verdict.CONFIRMED, ())
DENIED = KnownFacts(
    groups=(AppliedGroup(NSG, (DENY, INTERNET, NOTHING)),), routes=(route("VirtualAppliance"),)
)
TOLD: dict[str, tuple[KnownFacts, dict[str, Any], list[str]]] = {
    "a deny": (
        DENIED,
        {},
        [
            "the rule deny (priority 200) of nsg denies outbound 443, 8443 to Storage.westeurope;"
            " it wins over AllowInternetOutBound (priority 65001)",
            "leads to VirtualAppliance, which has to let the VM reach",
        ],
    ),
    "nothing denies": (
        KnownFacts(groups=(AppliedGroup(NSG, (INTERNET,)),), routes=(route("Internet"),)),
        {},
        ["let outbound 443, 8443 to Storage.westeurope through", "leads to Internet"],
    ),
    "no group, no route": (
        KnownFacts(groups=(), routes=()),
        {},
        ["no network security group applies", "has no default route"],
    ),
    "no right": (
        KnownFacts(groups=Unreadable("rules", "403: no"), routes=Unreadable("routes", "403: no")),
        {},
        ["the effective security rules of vm1-nic", "403: no", "the effective routes of vm1-nic"],
    ),
    "the VM does not run": (DENIED, {"power_state": "deallocated"}, ["the VM is deallocated"]),
}


@pytest.mark.parametrize("name", TOLD)
async def test_what_is_told_and_that_it_stays_confirmed(name: str) -> None:
    facts, changed, words = TOLD[name]
    found = await add_network_evidence(CONFIRMED, replace(WINDOWS_VM, **changed), facts)
    told = "\n".join(str(each) for each in found.evidence)
    assert [each for each in words if each not in told] == [], told
    assert found.verdict is Verdict.CONFIRMED
    steps = "\n".join(map(str, found.by_hand))
    assert ("az network nsg rule create" in steps) == (name == "a deny")
    assert ("az network nic" in steps) == (name != "a deny")


async def test_the_command_is_for_the_rule_that_would_mend_it() -> None:
    (step,) = (await add_network_evidence(CONFIRMED, WINDOWS_VM, DENIED)).by_hand
    assert str(step).endswith(
        "az network nsg rule create --resource-group 'g' --nsg-name 'nsg' --subscription s"
        " --name AllowStorageForBackup --priority 199 --direction Outbound --access Allow"
        " --protocol Tcp --destination-address-prefixes Storage.westeurope"
        " --destination-port-ranges 443 8443"
    )


@pytest.mark.parametrize(
    "vm",
    [replace(WINDOWS_VM, power_state="deallocated"), WINDOWS_VM],
    ids=["a VM that does not run", "rules that let it through"],
)
async def test_where_no_rule_blocks_the_steps_name_each_interface(vm: VirtualMachine) -> None:
    (interface,) = vm.interfaces
    known = KnownFacts(groups=(AppliedGroup(NSG, (INTERNET,)),), routes=())
    found = await add_network_evidence(CONFIRMED, vm, known)
    told = "\n".join(map(str, found.by_hand))
    assert f"az network nic list-effective-nsg --ids {interface}" in told
    assert f"az network nic show-effective-route-table --ids {interface}" in told
    assert f"to {storage_tag(vm.location)} with" in told and "NETWORK_INTERFACE" not in told


async def test_two_interfaces_of_one_name_are_both_named() -> None:
    (interface,) = WINDOWS_VM.interfaces
    other = interface.replace("/resourceGroups/", "/resourceGroups/other-")
    off = replace(WINDOWS_VM, power_state="deallocated", interfaces=(interface, other))
    told = "\n".join(map(str, (await add_network_evidence(CONFIRMED, off, KnownFacts())).by_hand))
    assert all(told.count(f"--ids {each}") == 2 for each in off.interfaces)


async def test_an_interface_that_is_gone_is_called_so() -> None:
    gone = Absent("the network interface", "ResourceNotFound")
    found = await add_network_evidence(CONFIRMED, WINDOWS_VM, KnownFacts(groups=gone, routes=gone))
    (interface,) = WINDOWS_VM.interfaces
    told = f"the network interface {interface.rsplit('/', 1)[1]} does not exist"
    assert [str(each) for each in found.evidence][-2:] == [told, told]


async def test_a_rule_of_a_network_manager_is_not_ours_to_mend() -> None:
    manager = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkManagers/nm"
    facts = replace(DENIED, groups=(AppliedGroup(manager, (DENY,)),))
    (step,) = (await add_network_evidence(CONFIRMED, WINDOWS_VM, facts)).by_hand
    assert step.key == "mend_manager_rule"


GOOD = {
    "name": "securityRules/x",
    "priority": 1,
    "access": "Deny",
    "protocol": "Tcp",
    "direction": "Outbound",
}
STRANGE: dict[str, Any] = {
    "no values": {},
    "values that are an object": {"value": {}},
    "a rule without a direction": {
        "value": [{"effectiveSecurityRules": [{**GOOD, "direction": None}]}]
    },
    "a rule without a priority": {
        "value": [{"effectiveSecurityRules": [{**GOOD, "priority": None}]}]
    },
    "a priority that is a text": {
        "value": [{"effectiveSecurityRules": [{**GOOD, "priority": "1"}]}]
    },
    "ports that are a text": {
        "value": [{"effectiveSecurityRules": [{**GOOD, "destinationPortRanges": "443"}]}]
    },
    "addresses that are numbers": {
        "value": [{"effectiveSecurityRules": [{**GOOD, "expandedDestinationAddressPrefix": [1]}]}]
    },
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_no_list_of_groups_is_not_understood(name: str) -> None:
    with pytest.raises(NotUnderstood):
        network_from_wire.read_effective_groups(STRANGE[name])


async def read_both(changes: dict[str, Any], fault: dict[str, Any] | None = None) -> list[Any]:
    """What the real client reads of the simulator's interface."""
    async with Simulator() as arm:
        arm.world.replace_state(support.state(**changes))
        if fault:
            arm.world.faults.add(fault)
        settings = Settings.from_environment(
            {
                "REMEDIATOR_ARM_ENDPOINT": arm.url,
                "REMEDIATOR_POLL_SECONDS": "0.01",
                "REMEDIATOR_RETRY_SECONDS": "0.1",
            }
        )
        clients = AzureClients(settings, support.SUB)
        try:
            reader, interface = ArmReader(clients), parts.interface("rg-app", "vm1")["id"]
            return [
                await reader.effective_groups(interface),
                await reader.effective_routes(interface),
            ]
        finally:
            await clients.close()


async def test_an_interface_is_read() -> None:
    groups, routes = await read_both({})
    assert groups == ()
    assert routes == (Route(True, ("0.0.0.0/0",), "Internet", ()),)


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any] | None, str]] = {
    "the VM does not run": ({"power": "deallocated"}, None, "running virtual machine"),
    "the right is missing": (
        {},
        {"method": "POST", "path_regex": "effective", "action": {"status": 403}},
        "403",
    ),
    "the operation fails": (
        {},
        {
            "method": "POST",
            "path_regex": "effective",
            "action": {"lro_fail": {"code": "InternalServerError"}},
        },
        "InternalServerError",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_read_is_unreadable_with_its_reason(name: str) -> None:
    changes, fault, reason = REFUSED[name]
    for read in await read_both(changes, fault):
        assert isinstance(read, Unreadable) and reason in read.reason, read


async def test_an_id_that_names_no_interface_is_not_asked_for() -> None:
    settings = Settings.from_environment({"REMEDIATOR_ARM_ENDPOINT": "http://127.0.0.1:1"})
    clients = AzureClients(settings, support.SUB)
    assert isinstance(await ArmReader(clients).effective_groups("nic?x"), Unreadable)
    assert clients._opened == []
