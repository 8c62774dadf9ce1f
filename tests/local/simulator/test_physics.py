"""How a backup and the removal of an extension end, and how the operations show it."""

from __future__ import annotations

import asyncio
import re

import pytest

from local.scenarios import parts
from local.simulator import ids, machines, physics, recovery_points
from local.simulator.world import World
from tests.local.simulator.support import (
    COLLECTION_ID,
    GROUP_ID,
    ITEM_ID,
    JOB_ID,
    LOCKS,
    POLICY_ID,
    SUB,
    VM_ID,
    state,
)

S = f"/subscriptions/{SUB}"
GUEST_AGENT = "UserErrorGuestAgentStatusUnavailable"
BACKUP_GROUP = ids.group_id(SUB, "AzureBackupRG_westeurope_1")


def foreign(name: str, source: str, points: int = 18):
    """A collection with another name or of another VM."""
    collection = parts.collection("rg-app", name, parts.machine("rg-app", "vm1", "Windows"), points)
    collection["properties"]["source"]["id"] = source
    return collection


def policy(**properties: object):
    standard = recovery_points.standard_policy(POLICY_ID)
    standard["properties"] |= properties
    return standard


ENHANCED = policy(policyType="V2", schedulePolicy={"schedulePolicyType": "SimpleSchedulePolicyV2"})
AGENTLESS = policy(policyType="V2", snapshotConsistencyType="OnlyCrashConsistent")
OUTCOMES = [
    # changes to the state, more resources, the code
    ({}, [], ""),
    ({"points": 18}, [], ""),
    ({"points": 17, "lock": "CanNotDelete"}, [], ""),
    ({"points": None, "lock": "CanNotDelete"}, [], ""),
    ({"extension": None}, [], ""),
    ({"power": "stopped", "ready": False}, [], ""),
    ({"power": "deallocated"}, [], ""),
    (
        {"lock": "CanNotDelete"},
        [foreign("AzureBackup_vm10", parts.machine_id("rg-app", "vm10"))],
        "",
    ),
    ({}, [foreign("customers-own", VM_ID)], ""),
    ({"points": 17}, [foreign("customers-own", VM_ID, 1)], ""),
    ({"points": 10, "lock": "CanNotDelete"}, [foreign("customers-own", VM_ID, 7)], ""),
    (
        {"points": 10, "lock": "CanNotDelete"},
        [foreign("customers-own", parts.machine_id("rg-app", "vm10"), 9)],
        "",
    ),
    ({"points": 100, "lock": "CanNotDelete"}, [ENHANCED], ""),
    ({"ready": False, "extension": "Failed"}, [AGENTLESS], ""),
    ({"points": 18}, [parts.lock(ids.group_id(SUB, "rg-backup"), "elsewhere", "")], ""),
    ({"points": 18}, [parts.lock(VM_ID, "on-the-vm", "")], ""),
    ({"ready": False}, [], GUEST_AGENT),
    (
        {"ready": False, "extension": "Failed", "points": 18, "lock": "CanNotDelete"},
        [],
        GUEST_AGENT,
    ),
    ({"vm_state": "Failed", "script": "Succeeded"}, [], ""),
    ({"script": "Failed"}, [], ""),
    ({"vm_state": "Failed", "script": "Failed"}, [AGENTLESS], ""),
    ({"vm_state": "Failed", "script": "Failed"}, [], "UserErrorVmProvisioningStateFailed"),
    ({"extension": "Deleting"}, [], "ExtensionStuckInDeletionState"),
    ({"extension": "Failed"}, [], "ExtentionOperationFailed"),
    ({"extension": "Failed", "os_type": "Linux"}, [], "ExtentionOperationFailed"),
    ({"extension": "Failed", "power": "deallocated"}, [], "ExtentionOperationFailed"),
    ({"extension": "Failed", "points": 18, "lock": "CanNotDelete"}, [], "ExtentionOperationFailed"),
    ({"points": 18, "lock": "CanNotDelete"}, [], "BackUpOperationFailed"),
    ({"points": 18, "lock": "ReadOnly"}, [], "BackUpOperationFailed"),
    ({"points": 30}, [parts.lock(S, "top", "")], "BackUpOperationFailed"),
    ({"points": 18}, [parts.lock(COLLECTION_ID, "own", "")], "BackUpOperationFailed"),
    (
        {"points": 17, "lock": "CanNotDelete"},
        [foreign("customers-own", VM_ID, 2)],
        "BackUpOperationFailed",
    ),
    (
        {"lock": "CanNotDelete"},
        [foreign("azurebackup_vm1_123", VM_ID.upper().replace("/S", "/s"))],
        "BackUpOperationFailed",
    ),
]


@pytest.mark.parametrize(("change", "more", "code"), OUTCOMES)
async def test_how_a_backup_ends(start, change, more, code):
    document = state(*more, **change)
    assert physics.backup_failure(World(document), VM_ID, ITEM_ID) == code
    arm = await start(document)
    job = await arm.backup()
    assert job["status"] == ("Failed" if code else "Completed")
    after = await arm.state()
    assert after[ids.key(ITEM_ID)]["properties"]["lastBackupStatus"] == job["status"]
    if code:
        (detail,) = job["errorDetails"]
        assert job["extendedInfo"]["dynamicErrorMessage"].startswith(f"{code}: ")
        assert (detail["errorCode"], detail["recommendations"]) == (
            0,
            [f"For troubleshooting instructions, see https://aka.ms/AB-{code.lower()}"],
        )
    elif AGENTLESS not in more:
        extension = "VMSnapshotLinux" if change.get("os_type") == "Linux" else "VMSnapshot"
        assert (
            after[ids.key(f"{VM_ID}/extensions/{extension}")]["properties"]["provisioningState"]
            == "Succeeded"
        )
    wanted = {
        "entityFriendlyName": "vm1",
        "operation": "Backup",
        "backupManagementType": "AzureIaasVM",
        "jobType": "AzureIaaSVMJob",
        "containerName": "iaasvmcontainerv2;rg-app;vm1",
    }
    assert {name: job[name] for name in wanted} == wanted and job["endTime"] > job["startTime"]


async def points_after_backup(arm, collection_id: str = COLLECTION_ID) -> list[str]:
    assert (await arm.backup())["status"] == "Completed"
    held = (await arm.get(collection_id, expand="restorePoints")).body["properties"]
    return [point["name"] for point in held["restorePoints"]]


@pytest.mark.parametrize(
    ("before", "after"), [(None, 1), (0, 1), (3, 4), (17, 18), (18, 6), (25, 6)]
)
async def test_a_completed_backup_adds_a_point(start, before, after):
    arm = await start(state(points=before))
    names = await points_after_backup(arm)
    assert len(names) == after and len(set(names)) == after
    assert re.fullmatch(r"AzureBackup_\d{8}_\d{6}", names[-1])


async def test_two_backups_in_one_second_make_two_points(start):
    arm = await start(state(points=None))
    await points_after_backup(arm)
    names = await points_after_backup(arm)
    assert len(set(names)) == 2


async def test_a_new_collection_keeps_the_layout_of_the_last(start):
    vm = parts.machine("rg-app", "vm1", "Windows")
    today = parts.collection("AzureBackupRG_westeurope_1", "AzureBackup_vm1_140738144265919", vm, 3)
    arm = await start(state(parts.group("AzureBackupRG_westeurope_1"), today, points=None))
    await arm.finish(await arm.delete(today["id"]))
    await arm.backup()
    listed = await arm.get(f"{S}/providers/Microsoft.Compute/restorePointCollections")
    (new,) = listed.body["value"]
    assert re.fullmatch(re.escape(BACKUP_GROUP) + r"/.*/AzureBackup_vm1_\d+", new["id"])
    assert new["id"] != today["id"]
    assert new["properties"]["source"]["id"] == VM_ID


async def test_the_old_layout_comes_back_as_it_was(start):
    arm = await start(state(points=18, lock="CanNotDelete"))
    assert (await arm.backup())["status"] == "Failed"
    body = (await arm.get(f"{GROUP_ID}/{LOCKS}/keep")).body
    await arm.delete(f"{GROUP_ID}/{LOCKS}/keep")
    await arm.finish(await arm.delete(COLLECTION_ID))
    await arm.send("PUT", f"{GROUP_ID}/{LOCKS}/keep", {"properties": body["properties"]})
    assert len(await points_after_backup(arm)) == 1


async def test_the_state_at_the_end_decides_the_outcome(start):
    arm = await start(state(points=18, lock="CanNotDelete"))
    await arm.sim("PUT", "settings", {"lro_s": {"backup": 0.2}})
    status = await arm.finish(await arm.send("POST", f"{ITEM_ID}/backup", {}))
    job = (await arm.get(f"{parts.vault_id()}/backupJobs/{status['properties']['jobId']}")).body[
        "properties"
    ]
    assert job["status"] == "InProgress" and job["actionsInfo"] == ["Cancellable"]
    await arm.delete(f"{GROUP_ID}/{LOCKS}/keep")
    assert (await arm.wait_for_job(status["properties"]["jobId"]))["status"] == "Completed"


async def test_one_backup_at_a_time(start):
    arm = await start(state())
    first = await arm.send("POST", f"{ITEM_ID}/backup", {})
    second = await arm.send("POST", f"{ITEM_ID}/backup", {})
    assert (first.status, second.status, second.code) == (
        202,
        400,
        "UserErrorBackupOperationInProgress",
    )
    await arm.wait_for_job((await arm.finish(first))["properties"]["jobId"])
    assert (await arm.send("POST", f"{ITEM_ID}/backup", {})).status == 202


async def test_two_vms_back_up_side_by_side(start):
    vm = parts.machine("rg-app", "vm10", "Windows")
    arm = await start(state(vm, parts.protected_item(vm["id"])))
    assert (await arm.send("POST", f"{ITEM_ID}/backup", {})).status == 202
    assert (await arm.send("POST", f"{parts.item_id(vm['id'])}/backup", {})).status == 202


async def test_backup_answers_as_azure_does(start):
    arm = await start(state())
    assert (await arm.send("POST", f"{ITEM_ID.replace('vm1', 'vm2')}/backup", {})).status == 404
    await arm.sim("PUT", "settings", {"backup_retry_after_s": 60, "lro_s": {"backup_start": 0.1}})
    accepted = await arm.send("POST", f"{ITEM_ID}/backup", {})
    assert (accepted.status, accepted.body, accepted.headers["Retry-After"]) == (202, "", "60")
    assert f"{ITEM_ID}/operationsStatus/" in accepted.headers["Azure-AsyncOperation"]
    waiting = await arm.follow(accepted.headers["Location"])
    assert waiting.status == 202 and f"{ITEM_ID}/operationResults/" in waiting.headers["Location"]
    assert (await arm.follow(accepted.headers["Azure-AsyncOperation"])).body[
        "status"
    ] == "InProgress"
    await arm.finish(accepted)
    assert (await arm.follow(accepted.headers["Location"])).status == 204
    assert (await arm.get(f"{ITEM_ID}/operationsStatus/none")).status == 404


async def test_a_job_that_has_ended_cannot_be_cancelled(start):
    arm = await start(state())
    assert (await arm.send("POST", f"{parts.vault_id()}/backupJobs/{JOB_ID}/cancel")).status == 400


REMOVALS = [
    ({}, 202, "Succeeded", ""),
    ({"os_type": "Linux", "extension": "Failed"}, 202, "Succeeded", ""),
    ({"extension": "Failed"}, 202, "Succeeded", ""),
    ({"ready": False}, 202, "Failed", "VMExtensionProvisioningTimeout"),
    ({"power": "stopped", "ready": False}, 409, "", "OperationNotAllowed"),
    ({"power": "deallocated"}, 409, "", "OperationNotAllowed"),
    ({"lock": "CanNotDelete"}, 409, "", "ScopeLocked"),
    ({"extension": None}, 204, "", ""),
]


@pytest.mark.parametrize(("change", "status", "ending", "code"), REMOVALS)
async def test_how_the_removal_of_an_extension_ends(start, change, status, ending, code):
    arm = await start(state(**change))
    kind = "VMSnapshotLinux" if change.get("os_type") == "Linux" else "VMSnapshot"
    reply = await arm.delete(f"{VM_ID}/extensions/{kind}")
    assert reply.status == status
    if status != 202:
        assert reply.code == code
        return
    assert (await arm.get(f"{VM_ID}/extensions/{kind}")).body["properties"][
        "provisioningState"
    ] == "Deleting"
    ended = await arm.finish(reply)
    assert (ended["status"], ended.get("error", {}).get("code", "")) == (ending, code)
    after = await arm.state()
    assert (ids.key(f"{VM_ID}/extensions/{kind}") in after) == bool(code)
    assert bool(machines.extension_view(after[ids.key(VM_ID)], kind)) == bool(code)


async def test_an_operation_as_the_compute_provider_shows_it(start):
    arm = await start(state())
    accepted = await arm.delete(COLLECTION_ID)
    assert (accepted.status, accepted.body, accepted.headers["Content-Length"]) == (202, "", "0")
    assert (
        "Retry-After" not in accepted.headers
        and accepted.headers["azure-asyncnotification"] == "Enabled"
    )
    status, location = accepted.headers["Azure-AsyncOperation"], accepted.headers["Location"]
    for address in (status, location):
        assert len(address) > 3000 and "api-version=2024-07-01" in address
        assert f"{S}/providers/Microsoft.Compute/locations/westeurope/operations/" in address
    running = (await arm.follow(status)).body
    assert set(running) == {"startTime", "status", "name"} and running["status"] == "InProgress"
    assert (await arm.follow(location)).status == 202
    assert (await arm.get(COLLECTION_ID)).body["properties"]["provisioningState"] == "Deleting"
    ended = await arm.finish(accepted)
    assert ended["status"] == "Succeeded" and ended["endTime"] > ended["startTime"]
    assert (await arm.follow(location)).status == 200
    assert (await arm.get(COLLECTION_ID)).code == "ResourceNotFound"
    assert (await arm.delete(COLLECTION_ID)).status == 204
    short = status.split("?")[0] + "?api-version=2024-07-01"
    assert (await arm.follow(short)).body["status"] == "Succeeded"


async def test_the_same_deletion_twice_is_one_operation(start):
    arm = await start(state())
    first, second = (
        await arm.delete(COLLECTION_ID),
        await arm.delete(COLLECTION_ID.upper().replace("/SUBSC", "/subsc")),
    )
    names = [
        reply.headers["Azure-AsyncOperation"].split("?")[0].casefold() for reply in (first, second)
    ]
    assert names[0] == names[1]
    assert (await arm.finish(second))["status"] == "Succeeded"


async def test_a_lock_that_is_put_back_does_not_stop_a_running_deletion(start):
    arm = await start(state())
    accepted = await arm.delete(COLLECTION_ID)
    path = f"{GROUP_ID}/{LOCKS}/keep"
    assert (await arm.send("PUT", path, {"properties": {"level": "CanNotDelete"}})).status == 201
    assert (await arm.finish(accepted))["status"] == "Succeeded"


async def test_deletions_of_a_point_and_of_its_collection_together(start):
    arm = await start(state())
    point = await arm.delete(f"{COLLECTION_ID}/restorePoints/AzureBackup_20261120_223107")
    whole = await arm.delete(COLLECTION_ID)
    endings = await asyncio.gather(arm.finish(point), arm.finish(whole))
    assert [each["status"] for each in endings] == ["Succeeded", "Succeeded"]
    assert ids.key(COLLECTION_ID) not in await arm.state()
