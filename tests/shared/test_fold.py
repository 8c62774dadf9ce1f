"""Ids are compared as ARM compares them: ASCII letters without case, every other letter
as it is."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest

from local.simulator import ids as simulated
from shared.arm_ids import fold, is_at_or_above, parse, same
from shared.azure import from_wire
from shared.errors import NotUsable
from shared.events.vm_items import item_of_id, item_of_names, item_of_vm, job_of_id
from shared.execution.lock_window.ledger import key_of
from shared.execution.lock_window.lock_row import LockRow, count_in
from shared.facts import Job, Lock, RestorePointCollection
from shared.incident.book import job_key
from shared.store.keys import key_of_text
from tests.docs.test_docs import ROOT
from tests.shared.execution.rows import row

SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
DEPLOYED_OR_LOCAL = ("functions", "shared", "local/simulator", "local/scenarios", "command_line")


def group(name: str) -> str:
    return f"{SUBSCRIPTION}/resourceGroups/{name}"


def vm(name: str) -> str:
    return f"{group(name)}/providers/Microsoft.Compute/virtualMachines/vm"


def lock(name: str) -> Lock:
    return Lock(
        f"{group(name)}/providers/Microsoft.Authorization/locks/keep",
        "keep",
        "CanNotDelete",
        None,
        (),
    )


def job(group_name: str) -> Job:
    told = {
        "status": "Failed",
        "operation": "Backup",
        "containerName": f"iaasvmcontainerv2;{group_name};vm",
    }
    return from_wire.read_job({"name": "j", "properties": told})


def collection(name: str) -> RestorePointCollection:
    return RestorePointCollection("/c", "AzureBackup_vm", vm(name), "", "Succeeded", ())


def open_lock(name: str) -> LockRow:
    return row(lock=lock(name))


TWO_NAMES = [
    ("rg-straße", "rg-strasse"),
    ("rg-kelvin\u212a", "rg-kelvink"),
    ("rg-É", "rg-é"),
    ("rg-ﬁn", "rg-fin"),
    ("rg-σ", "rg-ς"),
]
"""Pairs that Python's casefold, or its lower, makes one."""
COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "ids": lambda one, other: same(group(one), group(other)),
    "scopes": lambda one, other: is_at_or_above(group(one), vm(other)),
    "locks": lambda one, other: lock(one).same_content(lock(other)),
    "collections": lambda one, other: collection(one).belongs_to(vm(other)),
    "jobs": lambda one, other: bool(job(one).is_of("vm", other)),
    "claims": lambda one, other: (
        job_key(f"{group(one)}/v", "j") == job_key(f"{group(other)}/v", "j")
    ),
    "ledger": lambda one, other: key_of(open_lock(one)) == key_of(open_lock(other)),
    "keys of the store": lambda one, other: key_of_text(vm(one)) == key_of_text(vm(other)),
    "locks that are off": lambda one, other: (
        len(count_in([lock(one)], [open_lock(other)], vm(other))) == 1
    ),
    "types": lambda one, other: (
        parse(f"{group('rg')}/providers/P/{one}/n").type
        == parse(f"{group('rg')}/providers/P/{other}/n").type
    ),
    "the simulator": lambda one, other: simulated.key(group(one)) == simulated.key(group(other)),
    "the simulator's scopes": lambda one, other: simulated.at_or_above(group(one), vm(other)),
}


@pytest.mark.parametrize("compared", COMPARISONS)
@pytest.mark.parametrize(("one", "other"), TWO_NAMES)
def test_two_names_stay_two(compared: str, one: str, other: str) -> None:
    assert not COMPARISONS[compared](one, other)


@pytest.mark.parametrize("compared", COMPARISONS)
def test_ascii_letters_have_no_case(compared: str) -> None:
    assert COMPARISONS[compared]("RG-Straße", "rg-sTRAßE")


def test_fold_leaves_every_other_character_alone() -> None:
    every = "".join(map(chr, range(0x110000)))
    changed = {one: other for one, other in zip(every, fold(every), strict=True) if one != other}
    assert changed == {chr(letter): chr(letter + 32) for letter in range(ord("A"), ord("Z") + 1)}


def test_nothing_else_is_used_to_compare() -> None:
    """`casefold` and `lower` know more letters than ARM: in the product's own code
    there is `fold` alone."""
    found: dict[str, int] = {}
    for file in (
        each for room in DEPLOYED_OR_LOCAL for each in sorted((ROOT / room).rglob("*.py"))
    ):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("casefold", "lower"):
                where = str(file.relative_to(ROOT))
                found[where] = found.get(where, 0) + 1
    assert found == {}


ALLOWED_IGNORECASE = {"shared/intake/quarantine.py": 4, "local/simulator/faults.py": 1}
"""Secrets, of which it may find more than there are; and a pattern that a test writes.
"""


def test_no_pattern_takes_other_letters_for_ascii_ones() -> None:
    """`re.IGNORECASE` alone takes the long s for an s and the Kelvin sign for a k, and
    `isdigit` takes ² for a number."""
    found: dict[str, int] = {}
    for file in (
        each for room in DEPLOYED_OR_LOCAL for each in sorted((ROOT / room).rglob("*.py"))
    ):
        names = [
            node.attr
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute)
        ]
        assert "isdigit" not in names, file
        if (alone := names.count("IGNORECASE") - names.count("ASCII")) > 0:
            found[str(file.relative_to(ROOT))] = alone
    assert found == ALLOWED_IGNORECASE


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "sourceId: missing"),
        ("/", "sourceId: missing"),
        ("rg/web", "sourceId: not an ARM resource id"),
        (f"{SUBSCRIPTION}/resourceGroups", "sourceId: no resource group is named"),
        (f"{SUBSCRIPTION}//x", "sourceId: an empty or dotted segment"),
        (f"{SUBSCRIPTION}/resourceGroups/rg/x/y", "sourceId: providers expected"),
        (f"{vm('rg')}/extensions", "sourceId: a type without a name"),
        (f"{vm('rg')}?x", "sourceId: a character that no resource id has"),
        ("/subscriptions/" * 200, "sourceId: an id of 3000 characters"),
    ],
)
def test_an_id_that_cannot_be_read_names_the_field_it_came_in(text: str, told: str) -> None:
    with pytest.raises(NotUsable) as refused:
        parse(text, "sourceId")
    assert refused.value.reason.startswith(told)


@pytest.mark.parametrize("case", [str, str.lower, str.upper], ids=["mixed", "small", "capital"])
def test_one_parser_takes_ids_in_any_case(case: Callable[[str], str]) -> None:
    vault = f"{group('rg')}/providers/Microsoft.RecoveryServices/vaults/v"
    tail = "iaasvmcontainerv2;rg;vm"
    item = item_of_id(
        case(
            f"{vault}/backupFabrics/Azure/protectionContainers/IaasVMContainer;{tail}/protectedItems/VM;{tail}"
        ),
        "f",
    )
    named = item_of_names(case(vault), case(f"westeurope;1;{tail}"), "f", "v")
    of_vm = item_of_vm(case(vault), case(vm("rg")), "f", "v")
    for found in (item, named, of_vm):
        assert (
            same(found.vault_id, vault)
            and same(found.vm_id, vm("rg"))
            and same(found.name, f"VM;{tail}")
        )
    found_vault, job = job_of_id(case(f"{vault}/backupJobs/J"), "id")
    assert same(found_vault, vault) and same(job, "j")
