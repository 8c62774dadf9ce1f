"""Policy assignments: enforced as in ARM, or refused with the reason; never ignored."""

from __future__ import annotations

from typing import Any

import pytest

from local.simulator import validation
from local.simulator.built_in_policies import BUILT_IN
from local.simulator.errors import StateError
from tests.local.simulator.support import (
    COLLECTION_ID,
    EXTENSION_ID,
    GROUP_ID,
    LOCKS,
    SUB,
    VM_ID,
    state,
)

SUBSCRIPTION_ID = f"/subscriptions/{SUB}"
NOT_ALLOWED, NO_DELETION, APPROVED = (
    f"/providers/Microsoft.Authorization/policyDefinitions/{name}" for name in BUILT_IN
)
LOCK_ID = f"{GROUP_ID}/{LOCKS}/keep"
LOCK = {"properties": {"level": "CanNotDelete"}}
DEFINITION_ID = f"{SUBSCRIPTION_ID}/providers/Microsoft.Authorization/policyDefinitions/own"
KINDS = {
    "lock": "Microsoft.Authorization/locks",
    "collection": "Microsoft.Compute/restorePointCollections",
}
CHECK = f"{GROUP_ID}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions"


def assignment(
    definition: str,
    scope: str = SUBSCRIPTION_ID,
    /,
    more: dict[str, Any] | None = None,
    **parameters: Any,
) -> dict[str, Any]:
    identity = f"{scope}/providers/Microsoft.Authorization/policyAssignments/a"
    values = {name: {"value": value} for name, value in parameters.items()}
    properties = {"displayName": "A", "policyDefinitionId": definition, "parameters": values} | (
        more or {}
    )
    return {
        "id": identity,
        "name": "a",
        "type": "Microsoft.Authorization/policyAssignments",
        "properties": properties,
    }


def definition(condition: Any, effect: Any = "deny", **more: Any) -> dict[str, Any]:
    rule = {"if": condition, "then": {"effect": effect}}
    properties = {
        "displayName": "Own",
        "policyType": "Custom",
        "mode": "All",
        "policyRule": rule,
    } | more
    return {
        "id": DEFINITION_ID,
        "name": "own",
        "type": "Microsoft.Authorization/policyDefinitions",
        "properties": properties,
    }


def is_type(kind: str) -> dict[str, Any]:
    return {"field": "type", "equals": kind}


NO_LOCKS = {"listOfResourceTypesNotAllowed": [KINDS["lock"].upper()]}
NO_DELETIONS = {"listOfResourceTypesDisallowedForDeletion": [KINDS["collection"], KINDS["lock"]]}
REFUSED: list[tuple[str, list[dict[str, Any]], str, str]] = [
    ("built-in deny", [assignment(NOT_ALLOWED, **NO_LOCKS)], "PUT", LOCK_ID),
    ("inherited from the group", [assignment(NOT_ALLOWED, GROUP_ID, **NO_LOCKS)], "PUT", LOCK_ID),
    (
        "built-in denyAction",
        [assignment(NO_DELETION, **NO_DELETIONS)],
        "DELETE",
        COLLECTION_ID,
    ),
    (
        "custom equals",
        [definition(is_type(KINDS["lock"])), assignment(DEFINITION_ID)],
        "PUT",
        LOCK_ID,
    ),
    (
        "custom in",
        [definition({"field": "type", "in": [KINDS["lock"]]}), assignment(DEFINITION_ID)],
        "PUT",
        LOCK_ID,
    ),
    (
        "custom, allowed types only",
        [
            definition({"not": {"field": "type", "in": [KINDS["collection"]]}}),
            assignment(DEFINITION_ID),
        ],
        "PUT",
        LOCK_ID,
    ),
    (
        "a parameter with its default",
        [
            definition(
                is_type("[parameters('kind')]"),
                parameters={"kind": {"type": "String", "defaultValue": KINDS["lock"]}},
            ),
            assignment(DEFINITION_ID),
        ],
        "PUT",
        LOCK_ID,
    ),
]


@pytest.mark.parametrize(
    ("resources", "method", "path"),
    [each[1:] for each in REFUSED],
    ids=[each[0] for each in REFUSED],
)
async def test_what_policy_forbids_is_refused_with_arms_body(
    start: Any, resources: Any, method: str, path: str
) -> None:
    arm = await start(state(*resources))
    answer = await arm.send(method, path, LOCK if method == "PUT" else None)
    error = answer.body["error"]
    assert (answer.status, error["code"], error["target"]) == (
        403,
        "RequestDisallowedByPolicy",
        path.rsplit("/", 1)[1],
    )
    assert [each["type"] for each in error["additionalInfo"]] == ["PolicyViolation"]
    info = error["additionalInfo"][0]["info"]
    assert info["policyAssignmentId"] == resources[-1]["id"]
    assert info["policyDefinitionId"] == resources[-1]["properties"]["policyDefinitionId"]
    assert info["evaluationDetails"]["evaluatedExpressions"]


ALLOWED: list[tuple[str, list[dict[str, Any]], str, str]] = [
    (
        "not enforced",
        [assignment(NOT_ALLOWED, more={"enforcementMode": "DoNotEnforce"}, **NO_LOCKS)],
        "PUT",
        LOCK_ID,
    ),
    (
        "excluded",
        [assignment(NOT_ALLOWED, more={"notScopes": [GROUP_ID]}, **NO_LOCKS)],
        "PUT",
        LOCK_ID,
    ),
    ("audit", [assignment(NOT_ALLOWED, effect="Audit", **NO_LOCKS)], "PUT", LOCK_ID),
    (
        "another type",
        [assignment(NOT_ALLOWED, listOfResourceTypesNotAllowed=["Microsoft.Web/sites"])],
        "PUT",
        LOCK_ID,
    ),
    ("deny does not stop a deletion", [assignment(NOT_ALLOWED, **NO_LOCKS)], "DELETE", LOCK_ID),
    (
        "denyAction never protects a lock",
        [assignment(NO_DELETION, **NO_DELETIONS)],
        "DELETE",
        LOCK_ID,
    ),
    (
        "denyAction does not stop a write",
        [assignment(NO_DELETION, **NO_DELETIONS)],
        "PUT",
        LOCK_ID,
    ),
]


@pytest.mark.parametrize(
    ("resources", "method", "path"),
    [each[1:] for each in ALLOWED],
    ids=[each[0] for each in ALLOWED],
)
async def test_what_policy_does_not_forbid_is_done(
    start: Any, resources: Any, method: str, path: str
) -> None:
    arm = await start(state(*resources))
    assert (await arm.send(method, path, LOCK if method == "PUT" else None)).status in (
        200,
        201,
        204,
    )


OWN = assignment(DEFINITION_ID)
IMPOSSIBLE: list[tuple[str, list[dict[str, Any]], str]] = [
    ("an unknown built-in", [assignment(f"{NOT_ALLOWED}0")], "the definition"),
    ("a definition that is not there", [OWN], "the definition"),
    ("no value", [assignment(NOT_ALLOWED)], "listOfResourceTypesNotAllowed, which has no value"),
    (
        "a parameter too many",
        [assignment(NOT_ALLOWED, other=1, **NO_LOCKS)],
        "a parameter that its definition has not",
    ),
    (
        "Enroll",
        [assignment(NOT_ALLOWED, more={"enforcementMode": "Enroll"}, **NO_LOCKS)],
        "enforcementMode",
    ),
    ("overrides", [assignment(NOT_ALLOWED, more={"overrides": [{}]}, **NO_LOCKS)], "overrides"),
    (
        "selectors",
        [assignment(NOT_ALLOWED, more={"resourceSelectors": [{}]}, **NO_LOCKS)],
        "resourceSelectors",
    ),
    ("another scope", [assignment(NOT_ALLOWED, more={"scope": GROUP_ID}, **NO_LOCKS)], "scope"),
    ("another field", [definition({"field": "tags.x", "equals": "1"}), OWN], "the condition"),
    (
        "another operator",
        [definition({"field": "type", "like": "Microsoft.*"}), OWN],
        "the condition",
    ),
    (
        "a value",
        [definition({"value": "[resourceGroup().name]", "equals": "x"}), OWN],
        "the expression",
    ),
    ("another effect", [definition(is_type("x"), "modify"), OWN], "the effect 'modify'"),
    ("a data plane", [definition(is_type("x"), mode="Microsoft.KeyVault.Data"), OWN], "the mode"),
    ("no rule", [definition(None), OWN], "policyRule.if"),
    (
        "an initiative",
        [{"id": f"{SUBSCRIPTION_ID}/providers/Microsoft.Authorization/policySetDefinitions/s"}],
        "policySetDefinitions is not supported",
    ),
    (
        "an exemption",
        [{"id": f"{GROUP_ID}/providers/Microsoft.Authorization/policyExemptions/e"}],
        "policyExemptions is not supported",
    ),
]


@pytest.mark.parametrize(
    ("resources", "reason"), [each[1:] for each in IMPOSSIBLE], ids=[each[0] for each in IMPOSSIBLE]
)
def test_an_assignment_that_cannot_be_evaluated_is_refused(
    resources: list[dict[str, Any]], reason: str
) -> None:
    with pytest.raises(StateError, match=reason.replace(".", r"\.")):
        validation.load(state(*resources))


def question(kind: str = "VMSnapshot", **more: Any) -> dict[str, Any]:
    content = {
        "type": "Microsoft.Compute/virtualMachines/extensions",
        "name": "VMSnapshot",
        "properties": {"type": kind},
    }
    return {"resourceDetails": {"resourceContent": content, "scope": VM_ID}} | more


@pytest.mark.parametrize(
    ("effect", "kind", "options", "effects"),
    [
        ("Deny", "VMSnapshot", {}, ["Deny"]),
        ("Deny", "MDE.Windows", {}, []),
        ("Audit", "VMSnapshot", {}, []),
        ("Audit", "VMSnapshot", {"includeAuditEffect": True}, ["Audit"]),
    ],
)
async def test_a_check_of_restrictions_agrees_with_a_request(
    start: Any, effect: str, kind: str, options: Any, effects: Any
) -> None:
    own = assignment(APPROVED, GROUP_ID, effect=effect, approvedExtensions=["MDE.Windows"])
    arm = await start(state(own))
    answer = await arm.send("POST", CHECK, question(kind, **options), version="2023-03-01")
    assert answer.status == 200
    evaluations = answer.body["contentEvaluationResult"]["policyEvaluations"]
    assert [each["effectDetails"]["policyEffect"] for each in evaluations] == effects
    assert all(each["policyInfo"]["policyAssignmentId"] == own["id"] for each in evaluations)


@pytest.mark.parametrize(
    ("body", "version", "status"),
    [
        (None, "2023-03-01", 400),
        ({}, "2023-03-01", 400),
        (question(), "2019-01-01", 400),
        (question(pendingFields=[{"field": "location"}]), "2023-03-01", 501),
        (
            {
                "resourceDetails": {
                    "resourceContent": {"type": "x/y"},
                    "scope": "/subscriptions/other",
                }
            },
            "2023-03-01",
            400,
        ),
    ],
)
async def test_an_invalid_check_of_restrictions_is_refused(
    start: Any, body: Any, version: str, status: int
) -> None:
    arm = await start(state())
    assert (await arm.send("POST", CHECK, body, version=version)).status == status


async def test_a_backup_cannot_install_what_policy_denies(start: Any) -> None:
    own = assignment(APPROVED, GROUP_ID, effect="Deny", approvedExtensions=[])
    arm = await start(state(own, extension=None))
    job = await arm.backup()
    assert job["status"] == "Failed"
    assert "UserErrorRequestDisallowedByPolicy" in str(job)
    assert EXTENSION_ID.casefold() not in str(await arm.state()).casefold()
