"""The Activity Log: what was done, by whom, and when it can be read."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.simulator import callers
from tests.local.simulator.support import (
    COLLECTION_ID,
    GROUP_ID,
    ITEM_ID,
    LOCKS,
    SUB,
    VM_ID,
    Arm,
    Reply,
    state,
)

PATH = f"/subscriptions/{SUB}/providers/Microsoft.Insights/eventtypes/management/values"
LOCK_ID = f"{GROUP_ID}/{LOCKS}/keep"
START = f"eventTimestamp ge '{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}'"
ACTION = "Microsoft.Authorization/locks"


async def ask(arm: Arm, more: str = "", start: str = START) -> Reply:
    return await arm.get(
        PATH, version="2015-04-01", filter=f"{start} and {more}" if more else start
    )


async def events(arm: Arm, more: str = "") -> list[dict[str, Any]]:
    answer = await ask(arm, more)
    assert answer.status == 200, answer.body
    return list(answer.body["value"])


def short(event: dict[str, Any]) -> tuple[str, str, str]:
    return event["operationName"]["value"], event["status"]["value"], event["subStatus"]["value"]


async def test_a_lock_that_is_lifted_and_put_back(start: Any) -> None:
    arm = await start(state(lock="CanNotDelete"))
    lock = (await arm.get(LOCK_ID)).body
    lifted = await arm.delete(LOCK_ID)
    put = await arm.send("PUT", LOCK_ID, {"properties": lock["properties"]})
    found = await events(arm, f"resourceUri eq '{LOCK_ID.upper()}'")
    assert [short(each) for each in found] == [
        (f"{ACTION}/write", "Succeeded", "Created"),
        (f"{ACTION}/write", "Started", ""),
        (f"{ACTION}/delete", "Succeeded", "OK"),
        (f"{ACTION}/delete", "Started", ""),
    ]
    ids = [each["correlationId"] for each in found]
    assert ids == [
        answer.headers["x-ms-correlation-request-id"] for answer in (put, put, lifted, lifted)
    ]
    assert len({each["eventDataId"] for each in found}) == 4
    last = found[0]
    assert last["resourceId"] == last["authorization"]["scope"] == LOCK_ID
    assert (last["resourceGroupName"], last["subscriptionId"]) == ("rg-app", SUB)
    assert (last["caller"], last["claims"][callers.OBJECT_ID]) == (
        callers.CLIENT_ID,
        callers.CLIENT_ID,
    )
    assert (last["eventName"]["value"], last["category"]["value"]) == (
        "EndRequest",
        "Administrative",
    )
    assert last["httpRequest"]["method"] == "PUT" and last["level"] == "Informational"


EVENT = {
    # EventData of Microsoft.Insights/stable/2015-04-01/activityLogs_API.json
    **dict.fromkeys(
        [
            "caller",
            "correlationId",
            "description",
            "eventDataId",
            "id",
            "operationId",
            "resourceGroupName",
            "resourceId",
        ],
        str,
    ),
    **dict.fromkeys(
        ["eventTimestamp", "level", "submissionTimestamp", "subscriptionId", "tenantId"], str
    ),
    **dict.fromkeys(
        [
            "authorization",
            "category",
            "claims",
            "eventName",
            "httpRequest",
            "operationName",
            "properties",
        ],
        dict,
    ),
    **dict.fromkeys(["resourceProviderName", "resourceType", "status", "subStatus"], dict),
}
LOCALIZABLE = (
    "category",
    "eventName",
    "operationName",
    "resourceProviderName",
    "resourceType",
    "status",
    "subStatus",
)


async def test_every_event_has_the_fields_of_the_specification(start: Any) -> None:
    arm = await start(state(lock="CanNotDelete"))
    await arm.delete(COLLECTION_ID)
    await arm.delete(LOCK_ID)
    await arm.finish(await arm.delete(COLLECTION_ID))
    found = await events(arm)
    assert len(found) == 7
    for event in found:
        assert {name: type(value) for name, value in event.items()} == EVENT
        assert all(set(event[name]) == {"value", "localizedValue"} for name in LOCALIZABLE)
        flat = (event["claims"], event["properties"], event["authorization"], event["httpRequest"])
        assert all(isinstance(value, str) for each in flat for value in each.values())
        assert event["level"] in ("Error", "Informational")


async def test_reads_early_refusals_and_unsupported_requests_leave_no_events(start: Any) -> None:
    arm = await start(state(lock="CanNotDelete"))
    await arm.get(VM_ID)
    await arm.send("DELETE", LOCK_ID, version="2014-01-01")
    await arm.delete(LOCK_ID.replace(SUB, "99999999-9999-9999-9999-999999999999"))
    async with arm.session.delete(f"{arm.url}{LOCK_ID}?api-version=2020-05-01") as answer:
        assert answer.status == 401
    assert (await arm.send("PUT", VM_ID, {})).status == 501
    nowhere = f"/subscriptions/{SUB}/nowhere/{LOCKS}/keep"
    assert (await arm.delete(nowhere)).status == 204
    await arm.sim("POST", "faults", {"method": "DELETE", "times": 1, "action": {"status": 503}})
    assert (await arm.delete(LOCK_ID)).status == 503
    assert await events(arm) == []


async def test_a_refusal_and_an_accepted_deletion(start: Any) -> None:
    arm = await start(state(lock="CanNotDelete"))
    await arm.delete(COLLECTION_ID)
    action = "Microsoft.Compute/restorePointCollections/delete"
    refused = await events(arm)
    assert [short(each) for each in refused] == [
        (action, "Failed", "Conflict"),
        (action, "Started", ""),
    ]
    assert (
        refused[0]["level"] == "Error"
        and "ScopeLocked" in refused[0]["properties"]["statusMessage"]
    )
    await arm.delete(LOCK_ID)
    accepted = await arm.delete(COLLECTION_ID)
    only = f"correlationId eq '{accepted.headers['x-ms-correlation-request-id']}'"
    assert [short(each)[1:] for each in await events(arm, only)] == [
        ("Accepted", "Accepted"),
        ("Started", ""),
    ]
    await arm.finish(accepted)
    assert [short(each)[1:] for each in await events(arm, only)] == [
        ("Succeeded", "OK"),
        ("Accepted", "Accepted"),
        ("Started", ""),
    ]


async def test_an_operation_that_failed(start: Any) -> None:
    arm = await start(state())
    fault = {
        "method": "DELETE",
        "times": 1,
        "action": {"lro_fail": {"code": "Broken", "message": "It broke."}},
    }
    await arm.sim("POST", "faults", fault)
    await arm.finish(await arm.delete(COLLECTION_ID))
    last = (await events(arm))[0]
    assert last["status"]["value"] == "Failed" and "Broken" in last["properties"]["statusMessage"]


async def test_a_refusal_by_policy_has_an_event_in_its_own_category(start: Any) -> None:
    definition = (
        "/providers/Microsoft.Authorization/policyDefinitions/6c112d4e-5bc7-47ae-a041-ea2d9dccd749"
    )
    parameters = {"listOfResourceTypesNotAllowed": {"value": [ACTION]}}
    assignment = {
        "id": f"{GROUP_ID}/providers/Microsoft.Authorization/policyAssignments/no-locks",
        "properties": {"policyDefinitionId": definition, "parameters": parameters},
    }
    arm = await start(state(assignment))
    refused = await arm.send("PUT", LOCK_ID, {"properties": {"level": "ReadOnly"}})
    assert refused.code == "RequestDisallowedByPolicy"
    found = await events(arm)
    assert [(event["category"]["value"], *short(event)[:2]) for event in found] == [
        ("Administrative", f"{ACTION}/write", "Failed"),
        ("Policy", "Microsoft.Authorization/policies/deny/action", "Failed"),
        ("Administrative", f"{ACTION}/write", "Started"),
    ]
    (policy,) = json.loads(found[1]["properties"]["policies"])
    assert policy["policyAssignmentName"] == "no-locks"


async def test_a_backup_is_an_action_on_its_item(start: Any) -> None:
    arm = await start(state())
    await arm.backup()
    found = await events(arm)
    assert {each["operationName"]["value"].rpartition("/protectedItems/")[2] for each in found} == {
        "backup/action"
    }
    assert {each["resourceId"] for each in found} == {ITEM_ID}


async def test_an_event_can_be_read_when_its_delay_is_over(start: Any) -> None:
    arm = await start(state(lock="CanNotDelete"))
    await arm.sim("PUT", "settings", {"activity_log_delay_s": 300})
    await arm.delete(LOCK_ID)
    assert await events(arm) == []
    arm.clock.turn(299)
    assert await events(arm) == []
    arm.clock.turn(1)
    for event in await events(arm):
        happened, available = (
            datetime.fromisoformat(event[name])
            for name in ("eventTimestamp", "submissionTimestamp")
        )
        assert available - happened == timedelta(seconds=300)
    assert len(await events(arm)) == 2
    assert (await arm.sim("PUT", "settings", {"activity_log_delay_s": -1})).status == 400


def token(**claims: str) -> str:
    held = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{held}.sig"


CALLERS = [
    # token, caller, object id
    (token(oid="o-1", appid="a-1", tid="t"), "o-1", "o-1"),
    (token(oid="o-2", upn="ann@contoso.example"), "ann@contoso.example", "o-2"),
    ("a.b.c", callers.CLIENT_ID, callers.CLIENT_ID),
    ("sim", callers.CLIENT_ID, callers.CLIENT_ID),
]


@pytest.mark.parametrize(("bearer", "caller", "object_id"), CALLERS)
async def test_the_caller_is_the_one_of_the_token(
    start: Any, bearer: str, caller: str, object_id: str
) -> None:
    arm = await start(state(lock="CanNotDelete"))
    headers = {"Authorization": f"Bearer {bearer}", "x-ms-client-request-id": "mine"}
    async with arm.session.delete(
        f"{arm.url}{LOCK_ID}?api-version=2020-05-01", headers=headers
    ) as answer:
        assert answer.status == 200
    last = (await events(arm))[0]
    assert (last["caller"], last["claims"][callers.OBJECT_ID]) == (caller, object_id)
    assert last["httpRequest"]["clientRequestId"] == "mine"


FOUND = [
    ("", 2),
    ("resourceGroupName eq 'RG-APP'", 2),
    ("resourceGroupName eq 'rg-other'", 0),
    ("resourceProvider eq 'microsoft.authorization'", 2),
    ("resourceProvider eq 'Microsoft.Compute'", 0),
    (f"resourceUri eq '{GROUP_ID}'", 0),
    (f"resourceId eq '{LOCK_ID}'", 2),
    ("correlationId eq 'other'", 0),
    ("eventTimestamp le '2020-01-01T00:00:00Z'", 0),
    ("eventTimestamp le '2099-01-01T00:00:00Z' and resourceGroupName eq 'rg-app'", 2),
]


@pytest.mark.parametrize(("more", "count"), FOUND)
async def test_filters(start: Any, more: str, count: int) -> None:
    arm = await start(state(lock="CanNotDelete"))
    await arm.delete(LOCK_ID)
    assert len(await events(arm, more)) == count


async def test_times_without_quotes_as_the_cli_sends_them(start: Any) -> None:
    arm = await start(state(lock="CanNotDelete"))
    await arm.delete(LOCK_ID)
    answer = await ask(arm, start=START.replace("'", ""))
    assert len(answer.body["value"]) == 2


REFUSED = [
    "resourceGroupName eq 'rg-app'",
    "eventTimestamp gt '2026-01-01T00:00:00Z'",
    "eventTimestamp ge 'yesterday'",
    "eventTimestamp ge '2020-01-01T00:00:00Z'",
    "START and START",
    "START or START",
    "START and operationName eq 'Microsoft.Authorization/locks/delete'",
    "START and caller eq 'x'",
    "START and resourceGroupName eq 'rg-app' and resourceProvider eq 'Microsoft.Compute'",
    "START and eventTimestamp le 'never'",
]


@pytest.mark.parametrize("wanted", REFUSED)
async def test_a_filter_that_is_not_documented_is_refused(start: Any, wanted: str) -> None:
    arm = await start(state())
    answer = await ask(arm, start=wanted.replace("START", START))
    assert (answer.status, answer.code) == (400, "BadRequest")


async def test_a_filter_is_required_and_select_is_refused(start: Any) -> None:
    arm = await start(state())
    assert (await arm.get(PATH, version="2015-04-01")).status == 400
    assert (
        await arm.get(PATH, version="2015-04-01", filter=START, select="eventName")
    ).status == 400


async def test_it_has_pages_and_needs_its_action(start: Any) -> None:
    arm = await start(state(lock="CanNotDelete"))
    await arm.delete(LOCK_ID)
    await arm.sim("PUT", "settings", {"page_size": 1})
    first = await ask(arm)
    second = await arm.follow(first.body["nextLink"])
    assert [each["status"]["value"] for each in (*first.body["value"], *second.body["value"])] == [
        "Succeeded",
        "Started",
    ]
    await arm.sim("PUT", "settings", {"allowed_actions": ["Microsoft.Compute/*"]})
    refused = await ask(arm)
    assert refused.code == "AuthorizationFailed"
    assert "Microsoft.Insights/eventtypes/values/read" in refused.body["error"]["message"]
