"""Azure Policy in the way: what could not come back is not taken away, and who is asked
is told which assignment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Product, scenario
from tests.e2e.test_guards import EXTENSION, LOCKED, ended, of_type

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOCKS, COLLECTIONS = "Microsoft.Authorization/locks", "Microsoft.Compute/restorePointCollections"
EXTENSIONS = "Microsoft.Compute/virtualMachines/extensions"
BUILT_IN = "/providers/Microsoft.Authorization/policyDefinitions"
NOT_ALLOWED = f"{BUILT_IN}/6c112d4e-5bc7-47ae-a041-ea2d9dccd749"
NO_DELETION = f"{BUILT_IN}/78460a36-508a-49a4-b2b2-2f5ec564f4bb"
APPROVED = f"{BUILT_IN}/c0e996f8-39cf-4af9-9f45-83fbde810432"
RESTRICTIONS = "/checkPolicyRestrictions$"


def subscription_of(case: dict[str, Any]) -> str:
    return "/".join(case["resources"][0]["id"].split("/")[:3])


def group_of(case: dict[str, Any], kind: str) -> str:
    return str(of_type(case, kind)[0]["id"].split("/providers/")[0])


def assign(case: dict[str, Any], scope: str, definition_id: str, **parameters: Any) -> str:
    """Put an assignment into the state; returns its id."""
    assignment_id = f"{scope}/providers/Microsoft.Authorization/policyAssignments/governance"
    properties = {
        "displayName": "What governance wants",
        "scope": scope,
        "policyDefinitionId": definition_id,
        "enforcementMode": "Default",
        "parameters": {name: {"value": value} for name, value in parameters.items()},
    }
    assignment = {
        "id": assignment_id,
        "type": "Microsoft.Authorization/policyAssignments",
        "name": "governance",
    }
    case["resources"].append(assignment | {"properties": properties})
    return assignment_id


def define(case: dict[str, Any], kind: str, effect: str) -> str:
    identity = f"{subscription_of(case)}/providers/Microsoft.Authorization/policyDefinitions/own"
    rule = {"if": {"allOf": [{"field": "type", "equals": kind}]}, "then": {"effect": effect}}
    properties = {
        "policyType": "Custom",
        "mode": "All",
        "displayName": "Our own rule",
        "policyRule": rule,
    }
    definition = {
        "id": identity,
        "type": "Microsoft.Authorization/policyDefinitions",
        "name": "own",
    }
    case["resources"].append(definition | {"properties": properties})
    return identity


async def locks_and_collections(product: Product) -> tuple[Any, Any]:
    state = await product.state()
    return of_type(state, LOCKS), of_type(state, COLLECTIONS)


@pytest.mark.parametrize("built_in", [True, False], ids=["built-in", "custom"])
async def test_a_lock_that_policy_would_not_let_back_is_never_lifted(
    product: Product, built_in: bool
) -> None:
    """Deny on locks stops PUT and never DELETE: whoever lifts one here cannot put it
    back."""
    case = scenario(LOCKED)
    if built_in:
        assignment = assign(
            case, subscription_of(case), NOT_ALLOWED, listOfResourceTypesNotAllowed=[LOCKS]
        )
    else:
        assignment = assign(case, subscription_of(case), define(case, LOCKS, "deny"))
    await product.azure(case)
    before = await locks_and_collections(product)

    incident = await ended(product, case)

    assert incident["status"] == "needs_person"
    assert assignment in incident["reason"] and "What governance wants" in incident["reason"], (
        incident["reason"]
    )
    assert [method for method, _ in await product.changes()] == ["PUT"], "the proof alone"
    assert await locks_and_collections(product) == before
    assert (await product.http.get(f"{product.app}/api/health")).status == 200
    proof = [each for each in await product.audit(incident["id"]) if each["kind"] == "prove_lock"]
    assert [each["phase"] for each in proof] == ["intent", "outcome"]
    assert proof[1]["result"].startswith("failed: RequestDisallowedByPolicy")
    steps = "\n".join(incident["manual_steps"])
    assert "Do not take the lock off by hand" in steps and "az lock" not in steps
    assert "az policy exemption create" in steps and "az restore-point" not in steps
    (lock,) = of_type(case, LOCKS)
    of_locks = [each for each in incident["actions"] if each["kind"].endswith("_locks")]
    assert [each["outcome"] for each in of_locks] == ["refused", "done"]
    assert [each["detail"].count(lock["name"]) for each in of_locks] == [2, 1], "said once"
    assert of_locks[1]["detail"].endswith("it was never lifted)")


async def test_a_refused_deletion_of_the_collection_closes_the_window(product: Product) -> None:
    case = scenario(LOCKED)
    wanted = {"listOfResourceTypesDisallowedForDeletion": [COLLECTIONS]}
    assignment = assign(case, group_of(case, COLLECTIONS), NO_DELETION, **wanted)
    await product.azure(case)
    before = await locks_and_collections(product)

    incident = await ended(product, case)

    assert incident["status"] == "needs_person"
    assert assignment in incident["reason"]
    steps = "\n".join(incident["manual_steps"])
    assert "az policy exemption create" in steps and "az restore-point" not in steps
    assert "Do not take the lock off" not in steps
    deleted = [
        path
        for method, path in await product.changes()
        if method == "DELETE" and "/restorePointCollections/" in path
    ]
    assert len(deleted) == 1, "not tried again by itself"
    assert await locks_and_collections(product) == before
    restored = next(each for each in incident["actions"] if each["kind"] == "restore_locks")
    assert (restored["outcome"], restored["detail"]) == (
        "done",
        "every lock of the window is back, identical",
    )


async def test_what_a_deny_assignment_refuses_is_no_step_for_a_person(product: Product) -> None:
    case = scenario("deny_assignment")
    await product.azure(case)
    steps = "\n".join((await ended(product, case))["manual_steps"])
    assert "exclude the identity of this app" in steps
    assert "/Microsoft.Authorization/denyAssignments?api-version=" in steps
    assert "az lock" not in steps and "az restore-point" not in steps


async def test_a_refused_deletion_of_the_extension_is_told(product: Product) -> None:
    case = scenario(EXTENSION)
    wanted = {"listOfResourceTypesDisallowedForDeletion": [EXTENSIONS]}
    assignment = assign(case, group_of(case, EXTENSIONS), NO_DELETION, **wanted)
    await product.azure(case)
    incident = await ended(product, case)
    assert incident["status"] == "needs_person"
    assert assignment in incident["reason"]
    assert [method for method, _ in await product.changes()] == ["DELETE"]
    steps = "\n".join(incident["manual_steps"])
    assert "az policy exemption create" in steps and "az vm extension delete" not in steps


@pytest.mark.parametrize("effect", ["Deny", "deny"])
async def test_an_extension_that_could_not_come_back_is_not_removed(
    product: Product, effect: str
) -> None:
    case = scenario(EXTENSION)
    approved = ["AzureMonitorWindowsAgent", "IaaSAntimalware", "MDE.Windows"]
    assignment = assign(
        case, group_of(case, EXTENSIONS), APPROVED, effect=effect, approvedExtensions=approved
    )
    await product.azure(case)
    before = of_type(await product.state(), EXTENSIONS)

    incident = await ended(product, case)

    assert incident["status"] == "needs_person"
    assert assignment in incident["reason"], incident["reason"]
    assert "before that do not uninstall the extension" in incident["manual_steps"][0]
    assert "az policy assignment show --name governance" in incident["manual_steps"][0]
    assert await product.changes() == []
    assert of_type(await product.state(), EXTENSIONS) == before


HARMLESS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("audit only", {"effect": "Audit"}, {}),
    (
        "the extension is approved",
        {"effect": "Deny", "approvedExtensions": ["VMSnapshot", "VMSnapshotLinux"]},
        {},
    ),
    ("not enforced", {"effect": "Deny"}, {"enforcementMode": "DoNotEnforce"}),
    ("the group is excluded", {"effect": "Deny"}, {"notScopes": []}),
]


@pytest.mark.parametrize(
    ("parameters", "properties"),
    [each[1:] for each in HARMLESS],
    ids=[each[0] for each in HARMLESS],
)
async def test_a_policy_that_does_not_forbid_the_extension_does_not_hold_its_removal_back(
    product: Product, parameters: dict[str, Any], properties: dict[str, Any]
) -> None:
    case = scenario(EXTENSION)
    assign(case, subscription_of(case), APPROVED, **({"approvedExtensions": []} | parameters))
    if "notScopes" in properties:
        properties = {"notScopes": [group_of(case, EXTENSIONS)]}
    case["resources"][-1]["properties"] |= properties
    await product.azure(case)
    incident = await ended(product, case)
    assert incident["status"] == "fixed", incident


def answer(**parts: Any) -> dict[str, Any]:
    return {"fieldRestrictions": [], "contentEvaluationResult": {"policyEvaluations": []}} | parts


def evaluation(**parts: Any) -> dict[str, Any]:
    wire = {
        "evaluationResult": "NonCompliant",
        "effectDetails": {"policyEffect": "Deny"},
        "policyInfo": {},
    } | parts
    return answer(contentEvaluationResult={"policyEvaluations": [wire]})


def restriction(result: str) -> dict[str, Any]:
    return answer(
        fieldRestrictions=[
            {"field": "tags.owner", "restrictions": [{"result": result, "policyEffect": "Audit"}]}
        ]
    )


HELD_BACK: list[tuple[str, dict[str, Any]]] = [
    ("403", {"status": 403}),
    ("404", {"status": 404}),
    ("500", {"status": 500}),
    ("reset", {"reset": True}),
    ("HTML", {"status": 200, "body": "<html></html>"}),
    ("no body", {"status": 200}),
    ("{}", {"status": 200, "body": {}}),
    ("202", {"status": 202, "body": answer()}),
    ("no evaluations", {"status": 200, "body": {"fieldRestrictions": []}}),
    ("another result", {"status": 200, "body": evaluation(evaluationResult="Error")}),
    ("no effect", {"status": 200, "body": evaluation(effectDetails={"effect": "Deny"})}),
    (
        "an unknown effect",
        {"status": 200, "body": evaluation(effectDetails={"policyEffect": "Forbid"})},
    ),
    ("a deny that names nobody", {"status": 200, "body": evaluation()}),
    ("a field that is required", {"status": 200, "body": restriction("Required")}),
    ("a field that is removed", {"status": 200, "body": restriction("Removed")}),
    ("a field that is denied", {"status": 200, "body": restriction("Deny")}),
    ("an unknown restriction", {"status": 200, "body": restriction("Perhaps")}),
]


@pytest.mark.parametrize(
    "action", [each[1] for each in HELD_BACK], ids=[each[0] for each in HELD_BACK]
)
async def test_no_answer_to_whether_the_extension_could_come_back_is_a_no(
    impatient: Product, action: dict[str, Any]
) -> None:
    case = scenario(EXTENSION)
    await impatient.azure(case)
    await impatient.fault(method="POST", path_regex=RESTRICTIONS, times=1000, action=action)
    incident = await ended(impatient, case)
    assert incident["status"] == "needs_person", incident
    assert await impatient.changes() == []
    assert "policy" in incident["reason"], incident["reason"]


async def test_it_is_asked_once_and_for_the_extension_as_it_would_be_installed(
    product: Product,
) -> None:
    case = scenario(EXTENSION)
    await product.azure(case)
    await ended(product, case)
    asked = [
        each["path"]
        for each in await product.requests()
        if each["path"].endswith("/checkPolicyRestrictions")
    ]
    assert len(asked) == 1
    assert asked[0].startswith(group_of(case, EXTENSIONS))
