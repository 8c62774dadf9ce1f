"""Faults, the request log, and throttling."""

from __future__ import annotations

import time

import aiohttp
import pytest

from local.simulator import ids
from local.simulator.throttle import Throttle
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


async def add_fault(arm, **fault):
    reply = await arm.sim("POST", "faults", fault)
    assert reply.status == 201, reply.body


async def test_a_status_with_body_and_headers(start):
    arm = await start(state())
    action = {
        "status": 429,
        "body": {"error": {"code": "Busy", "message": "m"}},
        "headers": {"Retry-After": "7"},
    }
    await add_fault(
        arm, method="DELETE", path_regex="restorePointCollections/[^/]+$", times=2, action=action
    )
    for _ in range(2):
        reply = await arm.delete(COLLECTION_ID)
        assert (reply.status, reply.code, reply.headers["Retry-After"]) == (429, "Busy", "7")
        assert "x-ms-correlation-request-id" in reply.headers
    assert (await arm.get(COLLECTION_ID)).body["properties"]["provisioningState"] == "Succeeded"
    assert (await arm.delete(COLLECTION_ID)).status == 202


@pytest.mark.parametrize(
    ("status", "code"), [(503, "ServiceUnavailable"), (409, "Conflict"), (418, "SimulatedFault")]
)
async def test_a_status_alone_gets_a_body_that_fits(start, status, code):
    arm = await start(state())
    await add_fault(arm, action={"status": status})
    reply = await arm.get(VM_ID)
    assert (reply.status, reply.code) == (status, code)


async def test_faults_are_taken_in_order_and_cleared(start):
    arm = await start(state())
    await add_fault(
        arm, method="get", path_regex="VIRTUALMACHINES", times=1, action={"status": 500}
    )
    await add_fault(arm, method="*", path_regex="", action={"status": 503})
    assert [(await arm.get(VM_ID)).status for _ in range(3)] == [500, 503, 503]
    assert len((await arm.sim("GET", "faults")).body) == 1
    assert (await arm.sim("DELETE", "faults")).status == 204
    assert (await arm.get(VM_ID)).status == 200


@pytest.mark.parametrize(("reset", "acted"), [(True, False), ("after", True)])
async def test_a_reset_before_and_after_the_work_is_done(start, reset, acted):
    arm = await start(state(lock="CanNotDelete"))
    path = f"{GROUP_ID}/{LOCKS}/keep"
    # Twice, because aiohttp sends a DELETE again when its connection is reset.
    await add_fault(arm, method="DELETE", path_regex="/locks/", times=2, action={"reset": reset})
    with pytest.raises(aiohttp.ClientError):
        await arm.delete(path)
    assert (await arm.get(path)).status == (404 if acted else 200)
    logged = [(each["method"], each["status"]) for each in (await arm.sim("GET", "requests")).body]
    assert logged == [("DELETE", 0), ("DELETE", 0), ("GET", 404 if acted else 200)]


async def test_a_delay_alone_and_beside_another_action(start):
    arm = await start(state(), real_time=True)
    await add_fault(arm, path_regex="virtualMachines", times=1, action={"delay_s": 0.2})
    await add_fault(
        arm, path_regex="virtualMachines", times=1, action={"delay_s": 0.2, "status": 504}
    )
    for status in (200, 504):
        began = time.monotonic()
        assert (await arm.get(VM_ID)).status == status
        assert time.monotonic() - began >= 0.2
    log = (await arm.sim("GET", "requests")).body
    assert all(each["duration_ms"] >= 200 for each in log)


@pytest.mark.parametrize(
    "target",
    [COLLECTION_ID, EXTENSION_ID, f"{COLLECTION_ID}/restorePoints/AzureBackup_20261120_223107"],
)
async def test_an_operation_with_a_fault_fails_and_the_next_one_succeeds(start, target):
    arm = await start(state())
    await add_fault(
        arm,
        method="DELETE",
        times=1,
        action={"lro_fail": {"code": "InternalOperationError", "message": "m"}},
    )
    accepted = await arm.delete(target)
    ended = await arm.finish(accepted)
    assert (ended["status"], ended["error"]) == (
        "Failed",
        {"code": "InternalOperationError", "message": "m"},
    )
    assert (await arm.follow(accepted.headers["Location"])).code == "InternalOperationError"
    assert (await arm.get(target)).body["properties"]["provisioningState"] == "Failed"
    assert (await arm.finish(await arm.delete(target)))["status"] == "Succeeded"
    assert (await arm.get(target)).status == 404


async def test_an_operation_that_hangs_is_preempted_by_the_next(start):
    arm = await start(state())
    await add_fault(arm, method="DELETE", times=1, action={"lro_hang": True})
    hung = await arm.delete(COLLECTION_ID)
    arm.clock.turn(3600)
    assert (await arm.follow(hung.headers["Azure-AsyncOperation"])).body["status"] == "InProgress"
    assert (await arm.finish(await arm.delete(COLLECTION_ID)))["status"] == "Succeeded"
    ended = (await arm.follow(hung.headers["Azure-AsyncOperation"])).body
    assert (ended["status"], ended["error"]["code"]) == ("Canceled", "OperationPreempted")


async def test_a_backup_with_a_fault_fails_or_hangs(start):
    arm = await start(state())
    await add_fault(
        arm,
        method="POST",
        path_regex="/backup$",
        times=1,
        action={"lro_fail": {"code": "Mine", "message": "m"}},
    )
    await add_fault(arm, method="POST", path_regex="/backup$", times=1, action={"lro_hang": True})
    job = await arm.backup()
    assert (job["status"], job["extendedInfo"]["dynamicErrorMessage"]) == ("Failed", "Mine: m")
    hung = await arm.finish(await arm.send("POST", f"{ITEM_ID}/backup", {}))
    arm.clock.turn(3600)
    log = await arm.get(
        f"{ITEM_ID.split('/backupFabrics')[0]}/backupJobs/{hung['properties']['jobId']}"
    )
    assert log.body["properties"]["status"] == "InProgress"


BAD_FAULTS = [
    [],
    {},
    {"action": {}},
    {"action": {"explode": True}},
    {"action": {"status": 99}},
    {"action": {"status": "503"}},
    {"action": {"body": {}}},
    {"action": {"reset": "sometimes"}},
    {"action": {"delay_s": -1}},
    {"action": {"effect_after_s": 0}},
    {"action": {"effect_after_s": -1}},
    {"action": {"effect_after_s": True}},
    {"action": {"effect_after_s": "1"}},
    {"action": {"effect_after_s": None}},
    {"action": {"effect_after_s": float("inf")}},
    {"action": {"effect_after_s": 1, "status": 503}},
    {"action": {"effect_after_s": 1, "reset": True}},
    {"action": {"effect_after_s": 1, "stale_s": 1}, "method": "GET"},
    {"action": {"stale_s": 1}},
    {"action": {"stale_s": 1}, "method": "*"},
    {"action": {"stale_s": 1}, "method": "DELETE"},
    {"action": {"stale_s": 1}, "method": "PUT"},
    {"action": {"stale_s": 0}, "method": "GET"},
    {"action": {"stale_s": 301}, "method": "GET"},
    {"action": {"stale_s": "1"}, "method": "GET"},
    {"action": {"stale_s": 1, "status": 404}, "method": "GET"},
    {"action": {"lro_fail": "code"}},
    {"action": {"lro_hang": 1}},
    {"action": {"status": 503}, "times": 0},
    {"action": {"status": 503}, "times": "2"},
    {"action": {"status": 503}, "path_regex": "("},
    {"action": {"status": 503}, "path": "/x"},
    {"action": {"status": 503}, "method": 7},
]


@pytest.mark.parametrize("fault", BAD_FAULTS)
async def test_bad_faults_are_refused(start, fault):
    arm = await start(state())
    reply = await arm.sim("POST", "faults", fault)
    assert reply.status == 400 and reply.body["error"]["message"]
    assert (await arm.sim("GET", "faults")).body == []


async def test_every_request_is_logged(start):
    arm = await start(state())
    await arm.get(VM_ID)
    await arm.get(f"{VM_ID}x")
    await add_fault(arm, times=1, action={"status": 503})
    await arm.delete(COLLECTION_ID)
    async with arm.session.get(f"{arm.url}{VM_ID}") as answer:
        assert answer.status == 401
    log = (await arm.sim("GET", "requests")).body
    assert [(each["n"], each["method"], each["path"], each["status"]) for each in log] == [
        (1, "GET", VM_ID, 200),
        (2, "GET", f"{VM_ID}x", 404),
        (3, "DELETE", COLLECTION_ID, 503),
        (4, "GET", VM_ID, 401),
    ]
    assert [set(each) for each in log] == [
        {"n", "at", "method", "path", "status", "duration_ms"}
    ] * 4
    assert all(earlier["at"] < later["at"] for earlier, later in zip(log, log[1:], strict=False))


async def test_latency(start):
    arm = await start(state())
    await arm.sim("PUT", "settings", {"latency_ms": 150})
    began = time.monotonic()
    await arm.get(VM_ID)
    assert time.monotonic() - began >= 0.15


async def test_empty_buckets_refuse_only_when_switched_on(start):
    arm = await start(state())
    await arm.sim("PUT", "settings", {"throttle": "on"})
    replies = [await arm.get(VM_ID) for _ in range(38)]
    assert [each.status for each in replies[:36]] == [200] * 36
    refused = replies[-1]
    assert (refused.status, refused.code) == (429, "OperationNotAllowed") and int(
        refused.headers["Retry-After"]
    ) >= 1
    assert refused.body["error"]["details"][0]["code"] == "TooManyRequests"
    await arm.sim("PUT", "settings", {"throttle": False})
    assert (await arm.get(VM_ID)).status == 200


def test_buckets_run_empty_and_refill():
    now = 1000.0
    throttle = Throttle(lambda: now)
    path = f"/subscriptions/{SUB}/resourceGroups/rg/{LOCKS}/l"
    charges = [throttle.charge("DELETE", path) for _ in range(201)]
    assert [charge.refusal for charge in charges[:200]] == [None] * 200
    refusal = charges[200].refusal
    assert (
        refusal.code == "SubscriptionRequestsThrottled" and "'delete' requests" in refusal.message
    )
    assert charges[0].headers["x-ms-ratelimit-remaining-subscription-deletes"] == "199"
    assert charges[0].headers["x-ms-ratelimit-remaining-subscription-global-deletes"] == "2999"
    assert throttle.charge("GET", path).refusal is None
    now += 1
    assert throttle.charge("DELETE", path).refusal is None
    assert throttle.charge("DELETE", ids.group_id("another", "rg")).refusal is None
