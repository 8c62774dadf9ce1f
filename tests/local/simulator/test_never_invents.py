"""The simulator refuses what it does not know, as ARM would, instead of answering that
there is nothing."""

from __future__ import annotations

from typing import Any

import pytest

from local.scenarios import parts
from local.simulator import ids, permissions, providers, queries, routes
from tests.local.simulator.support import (
    COLLECTION_ID,
    EXTENSION_ID,
    GROUP_ID,
    ITEM_ID,
    LOCKS,
    SUB,
    VM_ID,
    state,
)

S = f"/subscriptions/{SUB}"
VAULT_ID = parts.vault_id()
AUTHORIZATION = "providers/Microsoft.Authorization"
ONE, OTHER = "aaaaaaaa-0000-0000-0000-000000000001", "aaaaaaaa-0000-0000-0000-000000000002"

UNKNOWN = [
    # method, path, status, code
    ("GET", f"{GROUP_ID}/providers/Contoso.Things/boxes", 404, "InvalidResourceNamespace"),
    ("GET", f"{GROUP_ID}/providers/Contoso.Things/boxes/b1", 404, "InvalidResourceNamespace"),
    ("PUT", f"{GROUP_ID}/providers/Contoso.Things/boxes/b1", 404, "InvalidResourceNamespace"),
    ("DELETE", f"{GROUP_ID}/providers/Contoso.Things/boxes/b1", 404, "InvalidResourceNamespace"),
    ("POST", f"{GROUP_ID}/providers/Contoso.Things/boxes/b1/open", 404, "InvalidResourceNamespace"),
    ("GET", f"{S}/providers/Microsoft.Compute/virtualMachine", 404, "InvalidResourceType"),
    ("GET", f"{GROUP_ID}/providers/Microsoft.Compute/snapshots", 404, "InvalidResourceType"),
    ("GET", f"{VM_ID}/runCommands", 404, "InvalidResourceType"),
    ("GET", f"{VM_ID}/providers/Microsoft.Compute/notes/n1", 404, "InvalidResourceType"),
    ("POST", f"{S}/providers/Microsoft.Compute/places/p1/open", 404, "InvalidResourceType"),
    # known, and not supported
    ("POST", f"{VM_ID}/runCommand", 501, "NotPlayedBySimulator"),
    ("PUT", VM_ID, 501, "NotPlayedBySimulator"),
    ("GET", f"{COLLECTION_ID}/restorePoints", 501, "NotPlayedBySimulator"),
    ("GET", f"{S}/providers", 501, "NotPlayedBySimulator"),
    ("GET", f"{S}/locations", 501, "NotPlayedBySimulator"),
    ("GET", "/tenants", 501, "NotPlayedBySimulator"),
    ("GET", "/providers/Microsoft.Authorization/roleDefinitions/x", 501, "NotPlayedBySimulator"),
    ("GET", f"{S}/providers/Contoso.Things", 404, "InvalidResourceNamespace"),
    # known, and not there
    ("GET", f"{GROUP_ID}/providers/Microsoft.Web/sites/none", 404, "ResourceNotFound"),
]


@pytest.mark.parametrize(("method", "path", "status", "code"), UNKNOWN)
async def test_what_is_not_known_is_refused(
    start: Any, method: str, path: str, status: int, code: str
) -> None:
    arm = await start(state())
    answer = await arm.send(method, path)
    assert (answer.status, answer.code) == (status, code)
    if status == 501:
        assert f"{method} {path}" in answer.body["error"]["message"]


async def test_bodies_are_those_that_were_seen(start: Any) -> None:
    arm = await start(state())
    answer = await arm.get(f"{GROUP_ID}/providers/Microsoft.Compute/snapshots")
    message = (
        "The resource type could not be found in the namespace 'Microsoft.Compute' for api version"
        " '2024-07-01'."
    )
    assert answer.body == {"error": {"code": "InvalidResourceType", "message": message}}
    answer = await arm.get(f"{GROUP_ID}/providers/Contoso.Things/boxes")
    assert answer.body["error"]["message"] == "The resource namespace 'Contoso.Things' is invalid."
    answer = await arm.get(f"{GROUP_ID}/{LOCKS}", version="2014-01-01")
    message = (
        "No registered resource provider found for location '' and API version '2014-01-01' for"
        " type 'locks'. The supported api-versions are '2015-01-01, 2015-05-01-preview, 2015-06-01,"
        " 2016-09-01, 2017-04-01, 2020-05-01'. The supported locations are ''."
    )
    assert answer.body == {"error": {"code": "NoRegisteredProviderFound", "message": message}}


async def test_a_type_in_the_state_is_known(start: Any) -> None:
    box = {"id": f"{GROUP_ID}/providers/Contoso.Things/boxes/b1", "properties": {}}
    arm = await start(state(box))
    assert [
        each["name"]
        for each in (await arm.get(f"{GROUP_ID}/providers/Contoso.Things/boxes")).body["value"]
    ] == ["b1"]
    assert (await arm.get(f"{box['id']}x")).code == "ResourceNotFound"
    assert (
        await arm.get(f"{GROUP_ID}/providers/Contoso.Things/crates")
    ).code == "InvalidResourceType"


VERSIONS = [
    # path, version, code
    (VM_ID, "2015-05-01", "NoRegisteredProviderFound"),
    (VM_ID, "2015-05-01-preview", ""),
    (f"{VM_ID}/instanceView", "2014-01-01", "NoRegisteredProviderFound"),
    (f"{VAULT_ID}/backupJobs", "2015-01-01", "NoRegisteredProviderFound"),
    (ITEM_ID, "2016-06-01", ""),
    (f"{GROUP_ID}/{LOCKS}", "2014-12-31", "NoRegisteredProviderFound"),
    (f"{GROUP_ID}/providers/Microsoft.Web/sites", "2013-01-01", "NoRegisteredProviderFound"),
    (
        f"{S}/providers/Microsoft.Insights/eventtypes/management/values",
        "2014-04-01",
        "NoRegisteredProviderFound",
    ),
    (GROUP_ID, "2015-01-01", "InvalidApiVersionParameter"),
    (S, "2015-01-01", "InvalidApiVersionParameter"),
    ("/subscriptions", "2015-01-01", "InvalidApiVersionParameter"),
    (
        f"{S}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions",
        "2020-01-01",
        "NoRegisteredProviderFound",
    ),
    (VM_ID, "", "MissingApiVersionParameter"),
    (VM_ID, "latest", "InvalidApiVersionParameter"),
    (VM_ID, "2024-13-01", "InvalidApiVersionParameter"),
    (VM_ID, "2024-07-01-later", "InvalidApiVersionParameter"),
    (VM_ID, "٢٠٢٤-07-01", "InvalidApiVersionParameter"),
]


@pytest.mark.parametrize(("path", "version", "code"), VERSIONS)
async def test_an_invalid_api_version_is_refused(
    start: Any, path: str, version: str, code: str
) -> None:
    arm = await start(state())
    answer = await arm.get(path, version=version)
    assert (answer.status, answer.code) == ((400, code) if code else (200, ""))


@pytest.mark.parametrize(("kind", "versions"), providers.VERSIONS.items())
def test_versions_are_sorted_and_each_type_has_one_row(
    kind: str, versions: tuple[str, ...]
) -> None:
    assert list(versions) == sorted(versions)
    assert [each for each in providers.VERSIONS if ids.same_type(each, kind)] == [kind]


REFUSED_QUERIES = [
    (VM_ID, {"expand": "userData"}),
    (VM_ID, {"expand": "instanceView,userData"}),
    (VM_ID, {"filter": "name eq 'vm1'"}),
    (f"{S}/providers/Microsoft.Compute/virtualMachines", {"expand": "instanceView"}),
    (
        f"{S}/providers/Microsoft.Compute/virtualMachines",
        {"filter": "'virtualMachineScaleSet/id' eq 'x'"},
    ),
    (f"{VM_ID}/extensions", {"expand": "all"}),
    (EXTENSION_ID, {"filter": "x"}),
    (COLLECTION_ID, {"expand": "instanceView"}),
    (f"{S}/resourceGroups", {"filter": "tagName eq 'a'"}),
    (f"{S}/resourceGroups", {"top": "1"}),
    (f"{S}/resources", {"filter": "resourceType eq 'a/b'", "expand": "createdTime"}),
    (f"{S}/resources", {"filter": "name eq 'vm1'"}),
    (f"{GROUP_ID}/{LOCKS}", {"filter": "atExactScope()"}),
    (f"{GROUP_ID}/{LOCKS}", {"filter": "atScope() and atScope()"}),
    (f"{GROUP_ID}/{LOCKS}/keep", {"filter": "atScope()"}),
    (f"{GROUP_ID}/{AUTHORIZATION}/roleAssignments", {"filter": "assignedTo('x')"}),
    (f"{GROUP_ID}/{AUTHORIZATION}/roleAssignments", {"filter": "roleDefinitionId eq 'x'"}),
    (f"{GROUP_ID}/{AUTHORIZATION}/roleAssignments", {"filter": "atExactScope()"}),
    (f"{GROUP_ID}/{AUTHORIZATION}/policyAssignments", {"filter": "atScope"}),
    (f"{GROUP_ID}/{AUTHORIZATION}/policyAssignments", {"top": "5"}),
    (f"{GROUP_ID}/{AUTHORIZATION}/roleDefinitions", {"filter": "roleName eq 'Reader'"}),
    (f"{VAULT_ID}/backupPolicies", {"filter": "name eq 'x'"}),
    (f"{VAULT_ID}/backupProtectedItems", {"filter": "colour eq 'red'"}),
    (ITEM_ID, {"filter": "expand eq 'extendedinfo'"}),
    (f"{S}/resourceGroups", {"skiptoken": "next"}),
]


@pytest.mark.parametrize(("path", "query"), REFUSED_QUERIES)
async def test_a_query_that_is_not_supported_is_refused(
    start: Any, path: str, query: dict[str, str]
) -> None:
    arm = await start(state(lock="CanNotDelete"))
    answer = await arm.get(path, **query)
    assert answer.status == 400, answer.body
    assert answer.code in ("InvalidParameter", "InvalidRequestContent")


async def test_a_query_name_that_is_unknown_or_comes_twice_is_refused(start: Any) -> None:
    arm = await start(state())
    for query in (
        "statusOnly=true",
        "$expand=instanceView&$expand=",
        "$expand=instanceView&$Expand=instanceView",
    ):
        answer = await arm.follow(f"{arm.url}{VM_ID}?api-version=2024-07-01&{query}")
        assert (answer.status, answer.code) == (400, "InvalidParameter")
    answer = await arm.follow(f"{arm.url}{VM_ID}?Api-Version=2024-07-01&$Expand=INSTANCEVIEW")
    assert answer.status == 200 and "instanceView" in answer.body["properties"]


def test_only_handlers_with_a_route_take_queries() -> None:
    rows = {handler for _, _, handler in routes.TABLE}
    assert (
        set(queries.ACCEPTED) <= rows
        and set(queries.EXPANDABLE) <= set(queries.ACCEPTED)
        and set(permissions.ACTIONS) <= rows
    )


def assignment(scope: str, kind: str, name: str, **properties: str) -> dict[str, Any]:
    return {
        "id": f"{scope}/{AUTHORIZATION}/{kind}/{name}",
        "properties": {"scope": scope, **properties},
    }


ROLES = [
    assignment(S, "roleAssignments", "top", principalId=ONE),
    assignment(GROUP_ID, "roleAssignments", "group", principalId=OTHER),
    assignment(VM_ID, "roleAssignments", "vm", principalId=ONE.upper()),
    assignment(
        parts.group(parts.VAULT_GROUP)["id"], "roleAssignments", "elsewhere", principalId=ONE
    ),
]
BUILT_IN = (
    "/providers/Microsoft.Authorization/policyDefinitions/6c112d4e-5bc7-47ae-a041-ea2d9dccd749"
)
_POLICY: dict[str, Any] = {
    "policyDefinitionId": BUILT_IN,
    "parameters": {"listOfResourceTypesNotAllowed": {"value": []}},
}
POLICIES = [
    assignment(scope, "policyAssignments", name, **_POLICY)
    for scope, name in ((S, "top"), (GROUP_ID, "group"), (VM_ID, "vm"))
]
LISTED = [
    # kind, scope, filter, names
    ("roleAssignments", GROUP_ID, "", {"top", "group", "vm"}),
    ("roleAssignments", GROUP_ID, "atScope()", {"top", "group"}),
    ("roleAssignments", S, f"principalId eq '{ONE}'", {"top", "vm", "elsewhere"}),
    ("roleAssignments", GROUP_ID, f"principalId eq '{ONE}'", {"top", "vm"}),
    ("roleAssignments", GROUP_ID, f"atScope() and principalId eq '{OTHER}'", {"group"}),
    ("roleAssignments", VM_ID, "", {"top", "group", "vm"}),
    ("policyAssignments", GROUP_ID, "", {"top", "group", "vm"}),
    ("policyAssignments", GROUP_ID, "atScope()", {"top", "group"}),
    ("policyAssignments", GROUP_ID, "AtExactScope()", {"group"}),
    ("policyAssignments", GROUP_ID, f"policyDefinitionId eq '{BUILT_IN}'", {"top", "group", "vm"}),
    ("policyAssignments", GROUP_ID, "policyDefinitionId eq 'x'", set()),
    ("denyAssignments", GROUP_ID, "atScope()", {"denied"}),
]


@pytest.mark.parametrize(("kind", "scope", "wanted", "names"), LISTED)
async def test_lists_of_assignments(
    start: Any, kind: str, scope: str, wanted: str, names: set[str]
) -> None:
    denied = parts.deny_assignment(GROUP_ID, "denied") | {
        "id": f"{GROUP_ID}/{AUTHORIZATION}/denyAssignments/denied",
        "name": "denied",
    }
    arm = await start(state(*ROLES, *POLICIES, denied))
    answer = await arm.get(
        f"{scope}/{AUTHORIZATION}/{kind}", **({"filter": wanted} if wanted else {})
    )
    assert {each["name"] for each in answer.body["value"]} == names


async def test_a_refused_deletion_of_a_group_names_the_documented_action(start: Any) -> None:
    action = "Microsoft.Resources/subscriptions/resourceGroups/delete"
    arm = await start(state(parts.deny_assignment(GROUP_ID, "stack")))
    answer = await arm.delete(GROUP_ID)
    assert answer.code == "DenyAssignmentAuthorizationFailed"
    assert f"perform action '{action}' on scope '{GROUP_ID}'" in answer.body["error"]["message"]
    await arm.sim("PUT", "state", state())
    await arm.sim(
        "PUT",
        "settings",
        {"allowed_actions": ["Microsoft.Resources/subscriptions/resourceGroups/read"]},
    )
    answer = await arm.delete(GROUP_ID)
    assert (
        answer.code == "AuthorizationFailed"
        and f"perform action '{action}'" in answer.body["error"]["message"]
    )
