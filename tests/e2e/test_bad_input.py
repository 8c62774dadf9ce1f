"""Whatever arrives: a clear record of what and why, never an exception to Event Grid,
never a change."""

from __future__ import annotations

import asyncio
import copy
import json
from typing import Any

import pytest

from shared import clock
from tests.e2e.conftest import Product, cloud_event, scenario

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEBHOOK = "/runtime/webhooks/eventgrid?functionName=intake"
NOTIFICATION = {"aeg-event-type": "Notification"}
OTHER = "22222222-2222-2222-2222-222222222222"


def alert() -> dict[str, Any]:
    return scenario("winmanagedvm")["event"]


def without(path: str) -> dict[str, Any]:
    event = alert()
    *above, last = path.split(".")
    inner = event
    for name in above:
        inner = inner[name]
    del inner[last]
    return event


def with_value(path: str, value: Any) -> dict[str, Any]:
    event = alert()
    *above, last = path.split(".")
    inner = event
    for name in above:
        inner = inner[name]
    inner[last] = value
    return event


CONTEXT = "data.alertContext"
NEVER_USABLE = {
    "no alert at all": {"hello": "world"},
    "no essentials": without("data.essentials"),
    "no protected item": without(f"{CONTEXT}.protectedItemId"),
    "no job": without(f"{CONTEXT}.extendedInfo.jobId"),
    "a job id that is none": with_value(f"{CONTEXT}.extendedInfo.jobId", "../../locks/x"),
    "an item of nothing": with_value(f"{CONTEXT}.protectedItemId", "/subscriptions/x/y"),
    "an encoded id": with_value(
        f"{CONTEXT}.protectedItemId",
        alert()["data"]["alertContext"]["protectedItemId"].replace("/", "%2F"),
    ),
    "numbers for texts": with_value(f"{CONTEXT}.protectedItemId", 17),
    "300 KB of nonsense": {"nonsense": "x" * 300_000},
    "a list in data": {"schemaId": "azureMonitorCommonAlertSchema", "data": [1, 2]},
}
NOT_OURS = {
    "another service": with_value("data.essentials.monitoringService", "Platform"),
    "resolved": with_value("data.essentials.monitorCondition", "Resolved"),
    "a restore": with_value("data.essentials.alertRule", "Restore Failure"),
    "a security alert": with_value(f"{CONTEXT}.category", "Security"),
}


OTHER_VM = (
    f"/subscriptions/{OTHER}/resourceGroups/other/providers/Microsoft.Compute/virtualMachines/other"
)


async def quarantined(product: Product) -> list[dict[str, Any]]:
    answer = await product.http.get(f"{product.app}/api/quarantine")
    assert answer.status == 200
    return await answer.json()


async def test_an_alert_that_names_two_vms_is_worked_on_for_the_vm_of_the_job(
    product: Product,
) -> None:
    """The contradiction is on record; the job says whose failure it is."""
    case = scenario("winmanagedvm")
    await product.azure(case)
    case["event"]["data"]["alertContext"]["linkedResourceId"] = OTHER_VM
    assert await product.alert(case["event"]) == 202
    incident = await product.incident_of(case["job_id"])
    assert incident["status"] == "fixed", incident
    assert all("/other/" not in path for _, path in await product.changes())
    first = (await product.audit(incident["id"]))[0]
    assert first["detail"]["contradictions"] == [f"alertContext.linkedResourceId is '{OTHER_VM}'"]


@pytest.mark.parametrize("what", NEVER_USABLE)
async def test_the_bridge_refuses_with_the_reason_what_can_never_be_used(
    product: Product, what: str
) -> None:
    await product.azure(scenario("winmanagedvm"))
    incidents = len(await product.incidents())
    answer = await product.http.post(f"{product.app}/api/alerts", json=NEVER_USABLE[what])
    assert answer.status == 400
    reason = (await answer.json())["result"]
    assert len(reason) > 20
    assert reason in [each["reason"] for each in await quarantined(product)]
    assert len(await product.incidents()) == incidents
    assert await product.changes() == []


@pytest.mark.parametrize("what", NEVER_USABLE)
@pytest.mark.parametrize("schema", ["CloudEvents", "Event Grid"])
async def test_the_trigger_quarantines_what_can_never_be_used(
    product: Product, what: str, schema: str
) -> None:
    await product.azure(scenario("winmanagedvm"))
    before, incidents = await quarantined(product), len(await product.incidents())
    body = (
        cloud_event(NEVER_USABLE[what])
        if schema == "CloudEvents"
        else [event_grid(NEVER_USABLE[what])]
    )
    answer = await product.http.post(product.app + WEBHOOK, json=body, headers=NOTIFICATION)
    assert answer.status in (200, 202)
    added = [each for each in await quarantined(product) if each not in before]
    assert len(added) == 1
    assert len(added[0]["reason"]) > 20
    assert len(await product.incidents()) == incidents
    assert await product.changes() == []


@pytest.mark.parametrize(
    "event",
    [
        {"specversion": "0.3", "id": "1", "type": "x", "source": "y", "data": {}},
        {
            "specversion": "1.0",
            "id": "2",
            "type": "Microsoft.Storage.BlobCreated",
            "source": "y",
            "data": {"api": "PutBlob"},
        },
        {"specversion": "1.0", "id": "3", "type": "x", "source": "y"},
        {"specversion": "1.0", "id": "4", "type": "x", "source": "y", "data": "{not json"},
        {"specversion": "1.0", "id": "5", "type": "x", "source": "y", "data_base64": "%%%"},
        {
            "id": "6",
            "eventType": "Microsoft.Resources.ResourceActionFailure",
            "subject": "s",
            "data": {"status": "Failed"},
        },
    ],
    ids=lambda event: event["id"],
)
async def test_unknown_schemas_and_types_are_quarantined_once(
    product: Product, event: dict[str, Any]
) -> None:
    before = await quarantined(product)
    for _ in range(2):
        answer = await product.http.post(product.app + WEBHOOK, json=[event], headers=NOTIFICATION)
        assert answer.status in (200, 202)
    added = [each for each in await quarantined(product) if each not in before]
    assert len(added) == 1


async def test_text_that_is_not_json_is_refused_by_the_bridge_and_kept(product: Product) -> None:
    answer = await product.http.post(
        f"{product.app}/api/alerts",
        data=b'{"half": \xff\xfe',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status == 400
    assert "not JSON" in (await answer.json())["result"]
    assert any("half" in each["excerpt"] for each in await quarantined(product))


@pytest.mark.parametrize(
    "body",
    [b"<xml>not an event</xml>", b"17", b'["not an event"]'],
    ids=["no JSON", "a number", "a text"],
)
async def test_what_is_no_event_never_reaches_the_function(product: Product, body: bytes) -> None:
    """As on the real host: Event Grid gets 500 and sends it again, the quarantine never
    sees it."""
    before = await quarantined(product)
    answer = await product.http.post(product.app + WEBHOOK, data=body, headers=NOTIFICATION)
    assert answer.status == 500
    assert await quarantined(product) == before


@pytest.mark.parametrize("what", NOT_OURS)
async def test_other_alerts_are_noted_and_left_alone(product: Product, what: str) -> None:
    await product.azure(scenario("winmanagedvm"))
    incidents, notes = len(await product.incidents()), len(await product.audit("intake"))
    assert await product.deliver(NOT_OURS[what]) in (200, 202)
    added = (await product.audit("intake"))[notes:]
    assert [entry["result"].startswith("ignored: ") for entry in added] == [True]
    assert len(await product.incidents()) == incidents
    assert await product.changes() == []


async def test_another_subscription_is_recorded_and_left_alone(product: Product) -> None:
    case = scenario("winmanagedvm")
    await product.azure(case)
    foreign = json.loads(
        json.dumps(case["event"]).replace("11111111-1111-1111-1111-111111111111", OTHER)
    )
    assert await product.deliver(foreign) in (200, 202)
    incident = await product.incident_of(case["job_id"])
    assert incident["status"] == "ignored"
    assert OTHER in incident["reason"]
    assert [
        each["path"] for each in await product.requests() if each["path"] != "/subscriptions"
    ] == []


@pytest.mark.parametrize("change", [str.upper, str.lower])
async def test_ids_in_other_casing_are_the_same_failure_and_are_fixed(
    product: Product, change: Any
) -> None:
    case = scenario("winmanagedvm")
    await product.azure(case)
    recased = copy.deepcopy(case["event"])
    context = recased["data"]["alertContext"]
    for name in ("protectedItemId", "sourceId", "linkedResourceId", "affectedItems"):
        context[name] = change(context[name])
    assert await product.deliver(recased) in (200, 202)
    assert (await product.incident_of(case["job_id"]))["status"] == "fixed"
    changes = await product.changes()
    assert await product.deliver(case["event"]) in (200, 202)
    assert (
        len([each for each in await product.incidents() if each["job_id"] == case["job_id"]]) == 1
    )
    assert await product.changes() == changes


async def test_event_grid_schema_is_taken_like_cloud_events(product: Product) -> None:
    case = scenario("winmanagedvm")
    await product.azure(case)
    answer = await product.http.post(
        product.app + WEBHOOK, json=[event_grid(case["event"])], headers=NOTIFICATION
    )
    assert answer.status in (200, 202)
    assert (await product.incident_of(case["job_id"]))["status"] == "fixed"


async def test_one_bad_event_in_a_batch_does_not_hurt_the_others(product: Product) -> None:
    case = scenario("ExtentionOperationFailed-backup_extension")
    await product.azure(case)
    batch = [cloud_event({"hello": "batch"}), cloud_event(case["event"])]
    headers = NOTIFICATION | {"Content-Type": "application/cloudevents-batch+json"}
    answer = await product.http.post(product.app + WEBHOOK, data=json.dumps(batch), headers=headers)
    assert answer.status in (200, 202)
    assert (await product.incident_of(case["job_id"]))["status"] == "fixed"
    assert any("batch" in each["excerpt"] for each in await quarantined(product))


def event_grid(alert_body: Any) -> dict[str, Any]:
    return {
        "id": "11111111-2222-3333-4444-555555555555",
        "topic": (
            "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-backup/providers/Microsoft.EventGrid/topics/backup"
        ),
        "subject": "backup",
        "eventType": "AzureBackupRemediator.BackupAlert",
        "eventTime": "2026-11-20T22:35:07Z",
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "data": alert_body,
    }


METRIC = {
    "schemaId": "azureMonitorCommonAlertSchema",
    "data": {
        "essentials": {
            "monitoringService": "Platform",
            "monitorCondition": "Fired",
            "firedDateTime": "2026-11-20T22:35:07Z",
        },
        "alertContext": {
            "condition": {"allOf": [{"metricName": "BackupHealthEvent", "dimensions": []}]}
        },
    },
}


def metric_of(case: dict[str, Any], hours_ago: int = 0) -> dict[str, Any]:
    event = copy.deepcopy(METRIC)
    item = case["event"]["data"]["alertContext"]["protectedItemId"]
    told = [
        {"name": "Backup Instance ID", "value": item},
        {"name": "Health Status", "value": "Persistent Degraded"},
    ]
    event["data"]["alertContext"]["condition"]["allOf"][0]["dimensions"] = told
    event["data"]["essentials"]["firedDateTime"] = clock.after(clock.now(), -3600 * hours_ago)
    return event


def failed_now(case: dict[str, Any]) -> dict[str, Any]:
    """The scenario with its failed job begun an hour ago, so that the vault's list of
    the last day has it."""
    for each in case["resources"]:
        if each["id"].endswith(case["job_id"]):
            each["properties"] |= {
                "startTime": clock.after(clock.now(), -3600),
                "endTime": clock.after(clock.now(), -3500),
            }
    return case


async def test_an_event_without_a_job_finds_it_in_the_vault(product: Product) -> None:
    case = failed_now(scenario("ExtentionOperationFailed-backup_extension"))
    await product.azure(case)
    assert await product.deliver(metric_of(case)) in (200, 202)
    incident = await product.incident_of(case["job_id"])
    assert incident["status"] == "fixed", incident
    changes = await product.changes()
    assert await product.deliver(case["event"]) in (
        200,
        202,
    ), "the same failure, told richer and later"
    assert (
        len([each for each in await product.incidents() if each["job_id"] == case["job_id"]]) == 1
    )
    assert await product.changes() == changes


async def test_an_event_without_a_job_of_a_failure_that_is_known_opens_nothing(
    product: Product,
) -> None:
    case = failed_now(scenario("ExtentionOperationFailed-backup_extension"))
    await product.azure(case)
    await product.deliver(case["event"])
    assert (await product.incident_of(case["job_id"]))["status"] == "fixed"
    changes, known = await product.changes(), {each["id"] for each in await product.incidents()}
    assert await product.deliver(metric_of(case, hours_ago=-1)) in (200, 202), "told an hour later"
    async with asyncio.timeout(20):
        while not (
            new := [
                each
                for each in await product.incidents()
                if each["id"] not in known and each["status"] == "ignored"
            ]
        ):
            await asyncio.sleep(0.05)
    assert case["job_id"] in new[0]["reason"]
    assert await product.changes() == changes
