"""Duplicates, order, slow locks, failing operations, our own failed backup, the next
cause."""

from __future__ import annotations

import asyncio
import copy
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from local.promises import broken_promises
from tests.e2e.conftest import Product, running, scenario
from tests.e2e.test_guards import EXTENSION, LOCKED, ended, of_type

pytestmark = pytest.mark.asyncio(loop_scope="module")

COLLECTION = r"/restorePointCollections/[^/]+$"
BACKUP_ITEM = r"/protectedItems/[^/]+/backup$"


async def sim_settings(product: Product, **settings: Any) -> None:
    answer = await product.http.put(f"{product.arm}/_sim/settings", json=settings)
    assert answer.status < 300, await answer.text()


async def test_the_same_failure_delivered_many_times_is_fixed_once(product: Product) -> None:
    case = scenario(LOCKED)
    await product.azure(case)
    answers = await asyncio.gather(
        *(product.deliver(case["event"]) for _ in range(6)), product.alert(case["event"])
    )
    assert all(status in (200, 202) for status in answers)
    incident = await product.incident_of(case["job_id"])
    await product.deliver(case["event"])
    await product.timer("guardian")
    await asyncio.sleep(0.5)
    assert incident["status"] == "fixed"
    assert (
        len([each for each in await product.incidents() if each["job_id"] == case["job_id"]]) == 1
    )
    methods = [method for method, _ in await product.changes()]
    assert sorted(methods) == ["DELETE", "DELETE", "POST", "PUT", "PUT"]


async def test_a_second_failure_of_a_vm_at_work_joins_it(product: Product) -> None:
    case = scenario(LOCKED)
    later = json.loads(
        json.dumps(case["event"]).replace(case["job_id"], second_job := str(uuid.uuid4()))
    )
    job = copy.deepcopy(of_type(case, "Microsoft.RecoveryServices/vaults/backupJobs")[0])
    case["resources"].append(json.loads(json.dumps(job).replace(case["job_id"], second_job)))
    await product.azure(case)
    await product.fault(method="DELETE", path_regex=COLLECTION, times=1, action={"delay_s": 1.0})
    await product.deliver(case["event"])
    await product.deliver(later)
    joined = await product.incident_of(second_job)
    first = await product.incident_of(case["job_id"])
    assert (first["status"], joined["status"]) == ("fixed", "ignored")
    assert first["id"] in joined["reason"]
    assert sum(method == "DELETE" for method, _ in await product.changes()) == 2


async def test_a_lock_that_goes_away_slowly_is_waited_for(product: Product) -> None:
    case = scenario(LOCKED)
    await product.azure(case)
    await sim_settings(product, lock_delete_propagation_s=1.5)
    try:
        incident = await ended(product, case)
    finally:
        await sim_settings(product, lock_delete_propagation_s=0)
    assert incident["status"] == "fixed"
    refused = [
        each
        for each in await product.requests()
        if each["method"] == "DELETE" and each["status"] == 409
    ]
    assert refused, "the simulator did not play a slow lock"


@pytest.mark.parametrize(("times", "status"), [(2, "fixed"), (3, "needs_person")])
async def test_a_deletion_that_fails_is_tried_three_times(
    product: Product, times: int, status: str
) -> None:
    case = scenario(LOCKED)
    await product.azure(case)
    problem = {"code": "InternalExecutionError", "message": "An internal execution error occurred."}
    await product.fault(
        method="DELETE", path_regex=COLLECTION, times=times, action={"lro_fail": problem}
    )
    incident = await ended(product, case)
    assert incident["status"] == status, incident
    deletions = [
        path
        for method, path in await product.changes()
        if method == "DELETE" and "restorePointCollections" in path
    ]
    assert len(deletions) == 3
    assert [action["kind"] for action in incident["actions"]][-1] == "restore_locks"


@pytest.mark.parametrize("how", ["at once", "as an operation"])
async def test_a_collection_in_use_is_told_with_what_ends_the_use(
    product: Product, how: str
) -> None:
    """Whether ARM refuses at once or its operation fails is not established."""
    case = scenario(LOCKED)
    await product.azure(case)
    problem = {
        "code": "DiskRestorePointUsedByCustomer",
        "message": "There is an active shared access signature outstanding for disk restore"
        " point d. Call EndGetAccess before deleting the restore point.",
    }
    action: dict[str, Any] = (
        {"lro_fail": problem}
        if how == "as an operation"
        else {"status": 409, "body": {"error": problem}}
    )
    await product.fault(method="DELETE", path_regex=COLLECTION, times=9, action=action)
    incident = await ended(product, case)
    assert incident["status"] == "needs_person", incident
    assert "DiskRestorePointUsedByCustomer" in incident["reason"]
    assert any("--restore-points --query" in step for step in incident["manual_steps"])
    assert any("endGetAccess" in step for step in incident["manual_steps"])
    deletions = [
        path
        for method, path in await product.changes()
        if method == "DELETE" and "restorePointCollections" in path
    ]
    assert len(deletions) == 1
    codes = {action["kind"]: action["code"] for action in incident["actions"]}
    assert codes == {
        "lift_locks": "",
        "delete_restore_point_collection": "DiskRestorePointUsedByCustomer",
        "restore_locks": "",
    }


async def test_a_deletion_that_hangs_is_given_up_and_the_lock_is_back(tmp_path: Path) -> None:
    case = scenario(LOCKED)
    async with running(tmp_path, REMEDIATOR_WINDOW_SECONDS="2") as product:
        await product.azure(case)
        await product.fault(
            method="DELETE", path_regex=COLLECTION, times=1, action={"lro_hang": True}
        )
        incident = await ended(product, case)
    assert incident["status"] == "needs_person"
    assert incident["manual_steps"]


async def test_the_failure_of_our_own_backup_is_no_new_incident(product: Product) -> None:
    case = scenario(EXTENSION)
    await product.azure(case)
    problem = {
        "code": "UserErrorFsFreezeFailed",
        "message": "Failed to freeze one or more mount-points.",
    }
    await product.fault(
        method="POST", path_regex=BACKUP_ITEM, times=1, action={"lro_fail": problem}
    )
    incident = await ended(product, case)
    assert incident["status"] == "needs_person"
    assert "UserErrorFsFreezeFailed" in incident["reason"]
    verifying = incident["verification"]["job_id"]
    count = len(await product.incidents())
    own = json.loads(json.dumps(case["event"]).replace(case["job_id"], verifying))
    assert await product.deliver(own) in (200, 202)
    assert len(await product.incidents()) == count
    assert (await product.audit(incident["id"]))[-1][
        "result"
    ] == "the failure of our own verifying backup"


async def test_after_a_failed_verification_the_next_cause_is_fixed(product: Product) -> None:
    """A failed extension, and points locked in the group of Azure Backup: cause 5, then
    cause 6."""
    text = json.dumps(scenario("UserErrorRpCollectionLimitReached-locked_restore_points"))
    for old in ("UserErrorRpCollectionLimitReached", "usererrorrpcollectionlimitreached"):
        text = text.replace(
            old, "BackUpOperationFailed" if old[0] == "U" else "backupoperationfailed"
        )
    case = json.loads(
        text.replace(
            "The Restore Point collection max limit has reached.",
            "Backup failed with an internal error",
        )
    )
    for extension in of_type(case, "Microsoft.Compute/virtualMachines/extensions"):
        extension["properties"]["provisioningState"] = "Failed"
    await product.azure(case)
    incident = await ended(product, case)
    done = [action["kind"] for action in incident["actions"] if action["outcome"] == "done"]
    assert incident["status"] == "fixed", incident
    assert done == [
        "uninstall_extension",
        "lift_locks",
        "delete_restore_point_collection",
        "restore_locks",
    ]


async def test_a_fix_is_never_tried_twice_in_one_incident(product: Product) -> None:
    """The extension fails again after each removal: one removal, one backup, then a
    person."""
    case = scenario(EXTENSION)
    await product.azure(case)
    problem = {
        "code": "ExtentionOperationFailed",
        "message": "VMSnapshot extension operation failed",
    }
    await product.fault(
        method="POST", path_regex=BACKUP_ITEM, times=50, action={"lro_fail": problem}
    )
    incident = await ended(product, case)
    assert incident["status"] == "needs_person"
    assert [method for method, _ in await product.changes()] == ["DELETE", "POST"]


@pytest.mark.parametrize("name", [LOCKED, EXTENSION])
@pytest.mark.parametrize(
    "action",
    [
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"status": 500},
        {"status": 503},
        {"reset": True},
        {"reset": "after"},
    ],
    ids=["429", "500", "503", "reset", "lost-answer"],
)
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "POST"])
async def test_one_passing_fault_anywhere_is_got_over(
    product: Product, name: str, action: dict[str, Any], method: str
) -> None:
    """The first request of each method fails in passing: the failure is fixed all the
    same, and no more is changed than promised."""
    case = scenario(name)
    await product.azure(case)
    await product.fault(method=method, path_regex="/providers/", times=1, action=action)
    incident = await ended(product, case)
    if (method, name) == ("PUT", LOCKED):
        assert incident["status"] == "needs_person", "the lock was not proved"
        assert "DELETE" not in [sent for sent, _ in await product.changes()]
    else:
        assert incident["status"] == "fixed", incident
        assert (
            len([each for each, path in await product.changes() if path.endswith("/backup")]) <= 2
        )


async def test_the_locked_group_of_azure_backup_is_told_to_its_owner(product: Product) -> None:
    case = scenario("UserErrorRpCollectionLimitReached-locked_restore_points")
    await product.azure(case)
    incident = await ended(product, case)
    assert incident["status"] == "fixed"
    assert any("Remove it for good: az lock delete" in step for step in incident["manual_steps"]), (
        incident
    )


async def test_promises_are_judged_at_all() -> None:
    """The judge itself: it finds a lost lock, a foreign deletion and a change without
    intent."""
    before = scenario(LOCKED)
    lost = copy.deepcopy(before)
    lost["resources"] = [each for each in lost["resources"] if "/locks/" not in each["id"]]
    vm = of_type(before, "Microsoft.Compute/virtualMachines")[0]
    foreign = [{"method": "DELETE", "path": vm["id"]}]
    assert broken_promises(before, lost, [], {"vm_id": vm["id"]}, [])
    assert broken_promises(before, before, foreign, {"vm_id": vm["id"]}, [])
    assert broken_promises(before, before, [], {"vm_id": vm["id"]}, []) == []
