"""Policies and recovery points of a VM: derived if the state leaves them out, kept if
it has them, added by a backup."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from local.scenarios import parts
from local.simulator import clock, ids, recovery_points
from tests.local.simulator.support import (
    COLLECTION_ID,
    ITEM_ID,
    POLICY_ID,
    VM_ID,
    Arm,
    openapi,
    state,
)

POINTS = f"{ITEM_ID}/recoveryPoints"


def item_in(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in document["resources"] if each["id"] == ITEM_ID)[
        "properties"
    ]
    return found


def collection_in(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(
        each for each in document["resources"] if each["id"] == COLLECTION_ID
    )["properties"]
    return found


async def times(arm: Arm) -> list[str]:
    """The times of the recovery points in the vault."""
    listed = (await arm.get(POINTS)).body["value"]
    vaulted = [
        each["properties"]
        for each in listed
        if {"type": "HardenedRP", "status": "Valid"} in tiers(each)
    ]
    return sorted(each["recoveryPointTime"][:19] for each in vaulted)


def tiers(point: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = point["properties"]["recoveryPointTierDetails"]
    return found


async def test_each_restore_point_has_its_copy_and_the_policy_is_standard(start: Any) -> None:
    document = state(
        parts.collection("rg-app", "acronis-vm1", parts.machine("rg-app", "vm1", "Windows"), 9),
        points=3,
    )
    arm = await start(document)
    made = [
        point["properties"]["timeCreated"][:19]
        for point in collection_in(document)["restorePoints"]
    ]
    assert await times(arm) == made  # another tool's points have no copy in a vault
    policy = (await arm.get(POLICY_ID)).body
    assert policy["properties"]["policyType"] == "V1"
    assert policy["properties"]["retentionPolicy"]["dailySchedule"]["retentionDuration"] == {
        "count": 30,
        "durationType": "Days",
    }
    assert (await arm.get(ITEM_ID)).body["properties"]["policyType"] == "V1"
    one, *_ = (await arm.get(POINTS)).body["value"]
    assert (await arm.get(one["id"])).body == one
    assert one["properties"]["isInstantIlrSessionActive"] is False


@pytest.mark.parametrize("protection", ["ProtectionStopped", "IRPending", "ProtectionError", ""])
async def test_nothing_is_derived_for_an_item_that_is_not_protected(
    start: Any, protection: str
) -> None:
    document = state(points=3)
    item_in(document)["protectionState"] = protection
    assert await times(await start(document)) == []


async def test_what_the_state_has_is_served_unchanged_and_nothing_is_added(start: Any) -> None:
    named = {
        "id": f"{POINTS}/7",
        "properties": {
            "recoveryPointTime": "2026-11-20T02:00:00Z",
            "recoveryPointTierDetails": [{"type": 2, "status": "Valid"}],
        },
    }
    policy = recovery_points.standard_policy(POLICY_ID)
    policy["properties"] |= {
        "policyType": "V2",
        "schedulePolicy": {"schedulePolicyType": "SimpleSchedulePolicyV2"},
    }
    arm = await start(state(named, policy, points=3))
    (served,) = (await arm.get(POINTS)).body["value"]
    assert tiers(served) == [{"type": 2, "status": "Valid"}]
    assert (await arm.get(POLICY_ID)).body["properties"] == policy["properties"]
    assert (await arm.get(ITEM_ID)).body["properties"]["policyType"] == "V2"


async def test_a_backup_adds_a_copy_of_the_same_time(start: Any) -> None:
    arm = await start(state(points=3))
    before = await times(arm)
    assert (await arm.backup())["status"] == "Completed"
    (added,) = set(await times(arm)) - set(before)
    newest = (await arm.get(COLLECTION_ID, expand="restorePoints")).body["properties"][
        "restorePoints"
    ][-1]
    assert newest["properties"]["timeCreated"][:19] == added


async def test_the_copies_stay_when_the_collection_goes_and_the_state_still_says_so(
    start: Any,
) -> None:
    """A dump leaves out only what would be derived from it again."""
    document = state(points=3)
    arm = await start(document)
    before = await times(arm)
    assert (await arm.sim("GET", "state")).body == document
    await arm.finish(await arm.delete(COLLECTION_ID))
    dumped = (await arm.sim("GET", "state")).body
    assert sum(recovery_points.OBJECT_TYPE in str(each) for each in dumped["resources"]) == 3
    await arm.sim("PUT", "state", copy.deepcopy(dumped))
    assert await times(arm) == before
    assert (await arm.sim("GET", "state")).body["resources"] == dumped["resources"]


ENHANCED = {
    "policyType": "V2",
    "schedulePolicy": {"schedulePolicyType": "SimpleSchedulePolicyV2"},
}
AGENTLESS = {**ENHANCED, "snapshotConsistencyType": "OnlyCrashConsistent"}
CONSISTENCY: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "an agent that is Ready": ({}, {}, "AppConsistent"),
    "Enhanced, an agent that is Ready": ({}, ENHANCED, "AppConsistent"),
    "off": ({"power": "deallocated"}, {}, "CrashConsistent"),
    "shut down inside": ({"power": "stopped", "ready": False}, {}, "CrashConsistent"),
    "agentless": ({}, AGENTLESS, "CrashConsistent"),
    "Enhanced, a silent agent": ({"ready": False}, ENHANCED, "CrashConsistent"),
}


@pytest.mark.parametrize("name", CONSISTENCY)
async def test_the_points_of_a_backup_say_how_consistent_they_are(start: Any, name: str) -> None:
    change, changed_policy, kind = CONSISTENCY[name]
    policy = recovery_points.standard_policy(POLICY_ID)
    policy["properties"] |= changed_policy
    arm = await start(state(policy, points=None, **change))
    await arm.sim("PUT", "settings", {"crash_consistent_fallback": True})
    assert (await arm.backup())["status"] == "Completed"
    (made,) = (await arm.get(POINTS)).body["value"]
    assert made["properties"]["recoveryPointType"] == kind
    (collection,) = [
        each for each in (await arm.state()).values() if each["type"] == ids.COLLECTION
    ]
    (point,) = collection["properties"]["restorePoints"]
    assert point["properties"]["consistencyMode"] == recovery_points.CONSISTENCY_MODES[kind]


async def test_a_silent_agent_puts_no_extension_back(start: Any) -> None:
    policy = recovery_points.standard_policy(POLICY_ID)
    policy["properties"] |= ENHANCED
    arm = await start(state(policy, extension=None, ready=False))
    await arm.sim("PUT", "settings", {"crash_consistent_fallback": True})
    assert (await arm.backup())["status"] == "Completed"
    assert ids.key(f"{VM_ID}/extensions/VMSnapshot") not in await arm.state()


@pytest.mark.parametrize(
    ("policy_type", "fallback"), [("V2", False), ("V1", True)], ids=["not asked for", "Standard"]
)
async def test_a_backup_without_agent_fails(start: Any, policy_type: str, fallback: bool) -> None:
    policy = recovery_points.standard_policy(POLICY_ID)
    policy["properties"]["policyType"] = policy_type
    arm = await start(state(policy, ready=False))
    await arm.sim("PUT", "settings", {"crash_consistent_fallback": fallback})
    assert (await arm.backup())["status"] == "Failed"


@pytest.mark.parametrize("ready", [True, False])
async def test_an_agent_that_lives_has_reported_when_a_backup_ends(start: Any, ready: bool) -> None:
    arm = await start(state(ready=ready))
    before = await time_of_report(arm)
    job = await arm.backup()
    after = await time_of_report(arm)
    assert (after > before and after[:19] >= job["startTime"][:19]) == ready


async def time_of_report(arm: Any) -> str:
    view = (await arm.state())[ids.key(VM_ID)]["properties"]["instanceView"]
    return str(view["vmAgent"]["statuses"][-1]["time"])


async def test_a_copy_is_as_consistent_as_its_restore_point(start: Any) -> None:
    document = state(points=2)
    collection = next(each for each in document["resources"] if each["type"] == ids.COLLECTION)
    newest = collection["properties"]["restorePoints"][-1]["properties"]
    newest["consistencyMode"] = "CrashConsistent"
    arm = await start(document)
    kinds = {
        each["properties"]["recoveryPointTime"]: each["properties"]["recoveryPointType"]
        for each in (await arm.get(POINTS)).body["value"]
    }
    assert [kinds[each] for each in sorted(kinds)] == ["AppConsistent", "CrashConsistent"]


async def test_an_agentless_backup_leaves_the_extension_alone(start: Any) -> None:
    policy = recovery_points.standard_policy(POLICY_ID)
    policy["properties"] |= {"policyType": "V2", "snapshotConsistencyType": "OnlyCrashConsistent"}
    arm = await start(state(policy, extension="Failed", ready=False))
    assert (await arm.backup())["status"] == "Completed"
    extension = (await arm.state())[ids.key(f"{VM_ID}/extensions/VMSnapshot")]
    assert extension["properties"]["provisioningState"] == "Failed"


@pytest.mark.parametrize(
    ("identity", "properties", "reason"),
    [
        (f"{POINTS}/1", {}, "recoveryPointTime None is no time"),
        (f"{POINTS}/1", {"recoveryPointTime": "yesterday"}, "is no time"),
        (
            f"{POINTS}/1",
            {"recoveryPointTime": "2026-11-20T02:00:00Z", "recoveryPointTierDetails": {}},
            "is a list of objects",
        ),
        (
            f"{POINTS}/1",
            {"recoveryPointTime": "2026-11-20T02:00:00Z", "isInstantIlrSessionActive": "no"},
            "is true or false",
        ),
        (
            f"{ITEM_ID}x/recoveryPoints/1",
            {"recoveryPointTime": "2026-11-20T02:00:00Z"},
            "that it could belong to",
        ),
        (POLICY_ID, {"policyType": "V3"}, "policyType is V1 or V2"),
        (POLICY_ID.replace("vault-backup", "vault-none"), {}, "that it could belong to"),
    ],
)
async def test_invalid_recovery_points_and_policies_are_refused(
    start: Any, identity: str, properties: dict[str, Any], reason: str
) -> None:
    arm = await start(state())
    answer = await arm.sim("PUT", "state", state({"id": identity, "properties": properties}))
    assert answer.status == 400
    assert reason in answer.body["error"]["message"]


@pytest.mark.parametrize(
    ("wanted", "status", "count"),
    [
        ("startDate eq '2026-11-20 09:00:00 PM'", 200, 1),
        ("endDate eq '2026-11-20 09:00:00 PM'", 200, 2),
        ("startDate eq '2026-11-19 00:00:00 AM' and endDate eq '2026-11-20 09:00:00 PM'", 200, 1),
        ("startDate eq 'noon'", 400, 0),
        ("restorePointQueryType eq 'All'", 400, 0),
    ],
)
async def test_a_filter_is_honoured_or_refused(
    start: Any, wanted: str, status: int, count: int
) -> None:
    arm = await start(state())
    answer = await arm.get(POINTS, filter=wanted)
    assert (answer.status, len(answer.body.get("value", []))) == (status, count)


TROUBLE = {"code": 400239, "title": "x", "message": "trouble", "recommendations": ["mend it"]}
SICK = {
    "protectionState": "ProtectionError",
    "healthDetails": [TROUBLE],
    "kpisHealths": {
        "BackupHealthDetails": {
            "resourceHealthStatus": "PersistentUnhealthy",
            "resourceHealthDetails": [TROUBLE],
        }
    },
}


@pytest.mark.parametrize("extension", ["Succeeded", "Failed"])
async def test_an_item_reads_as_its_last_backup_ended(start: Any, extension: str) -> None:
    document = state(extension=extension)
    (item,) = [each for each in document["resources"] if each["id"] == ITEM_ID]
    item["properties"].update(SICK)
    arm = await start(document)
    before = {each["name"] for each in (await arm.get(POINTS)).body["value"]}
    job = await arm.backup()
    read = (await arm.get(ITEM_ID)).body
    held = read["properties"]
    assert (held["lastBackupStatus"], held["lastBackupTime"]) == (job["status"], job["endTime"])
    healthy = extension == "Succeeded"
    assert (held["healthStatus"], held["protectionStatus"]) == (
        ("Passed", "Healthy") if healthy else ("ActionRequired", "Unhealthy")
    )
    assert held["protectionState"] == ("Protected" if healthy else "ProtectionError")
    assert ("trouble" in str(held)) != healthy
    new = [each for each in (await arm.get(POINTS)).body["value"] if each["name"] not in before]
    assert len(new) == healthy
    if healthy:
        (point,) = new
        collection = (await arm.get(COLLECTION_ID, expand="restorePoints")).body["properties"]
        made = collection["restorePoints"][-1]["properties"]["timeCreated"]
        assert point["properties"]["recoveryPointTime"] == held["lastRecoveryPoint"]
        assert clock.parse(point["properties"]["recoveryPointTime"]) == clock.parse(made)
    assert openapi()("bms").check("ProtectedItemResource", read) == []
