"""Before a change: running jobs, later backups, and the turn within the limit of
changes an hour."""

from __future__ import annotations

import asyncio
import copy
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from local.promises import broken_promises
from shared import clock
from tests.e2e.conftest import Product, running, scenario
from tests.e2e.test_guards import EXTENSION, FIXES, LOCKED, of_type

pytestmark = pytest.mark.asyncio(loop_scope="module")

JOB, VAULT = "Microsoft.RecoveryServices/vaults/backupJobs", "Microsoft.RecoveryServices/vaults"


def a_job(case: dict[str, Any], status: str, *, seconds: float = 60, **told: Any) -> dict[str, Any]:
    """Another job of the VM, begun so many seconds after the failed one."""
    failed = next(each for each in of_type(case, JOB) if each["name"] == case["job_id"])
    made = json.loads(json.dumps(failed).replace(case["job_id"], str(uuid.uuid4())))
    if status != "Failed":
        made["properties"].pop("errorDetails", None)
        made["properties"].pop("extendedInfo", None)
    began = clock.after(failed["properties"]["startTime"], seconds)
    made["properties"] |= {"status": status, "startTime": began} | told
    return made


def in_another_vault(case: dict[str, Any], job: dict[str, Any]) -> None:
    vault = copy.deepcopy(of_type(case, VAULT)[0])
    other = f"{vault['name']}-other"
    job["id"] = job["id"].replace(f"/vaults/{vault['name']}/", f"/vaults/{other}/")
    vault["id"], vault["name"] = vault["id"].removesuffix(vault["name"]) + other, other
    case["resources"].append(vault)


async def waits(product: Product, job_id: str) -> dict[str, Any]:
    """The incident once it waits. Fails when it ends instead."""
    async with asyncio.timeout(30):
        while True:
            incident = await product.incident_of(job_id, ended=False)
            if incident["status"] == "waiting":
                return incident
            assert not incident["closed_at"], incident
            await asyncio.sleep(0.02)


async def change_azure(product: Product, change: Any) -> None:
    state = await product.state()
    change(state["resources"])
    answer = await product.http.put(
        f"{product.arm}/_sim/state", json={"resources": state["resources"]}
    )
    assert answer.status < 300, await answer.text()


def ended(job: dict[str, Any], status: str = "Completed") -> Any:
    def change(resources: list[dict[str, Any]]) -> None:
        next(each for each in resources if each["id"] == job["id"])["properties"]["status"] = status

    return change


RUNNING = [
    ("a backup", {"operation": "Backup"}, False),
    ("a restore", {"operation": "Restore"}, False),
    ("a restore out of another vault", {"operation": "Restore"}, True),
    ("a job of an operation that we do not know", {"operation": "CrossRegionRestore"}, False),
    (
        "a job that says no VM",
        {"operation": "Restore", "containerName": None, "entityFriendlyName": None},
        True,
    ),
]


@pytest.mark.parametrize(
    ("fix", "status"), [(LOCKED, "InProgress"), (EXTENSION, "InProgress"), (LOCKED, "Cancelling")]
)
@pytest.mark.parametrize(("what", "told", "elsewhere"), RUNNING, ids=[each[0] for each in RUNNING])
async def test_a_running_job_is_waited_for(
    product: Product, fix: str, status: str, what: str, told: dict[str, Any], elsewhere: bool
) -> None:
    case = scenario(fix)
    before = copy.deepcopy(case)
    job = a_job(case, status, **told)
    job["properties"] = {
        name: value for name, value in job["properties"].items() if value is not None
    }
    if elsewhere:
        in_another_vault(case, job)
    case["resources"].append(job)
    await product.azure(case)
    assert await product.alert(case["event"]) == 202

    incident = await waits(product, case["job_id"])

    assert job["name"] in incident["reason"], what
    assert clock.after(incident["waiting"]["since"], 24 * 3600) in incident["reason"]
    assert incident["actions"] == []
    assert await product.changes() == []
    await change_azure(product, ended(job, "Cancelled"))
    incident = await product.incident_of(case["job_id"])
    assert incident["status"] == "fixed", incident
    entries = await product.audit(incident["id"])
    assert broken_promises(before, await product.state(), [], incident, entries) == []
    results = [entry["result"] for entry in entries]
    waited = next(n for n, each in enumerate(results) if each.startswith("waiting:"))
    assert any(each.endswith(": CONFIRMED") for each in results[waited:]), (
        "the causes were not examined anew after the wait"
    )


async def test_a_job_of_another_vm_is_not_waited_for(product: Product) -> None:
    case = scenario(EXTENSION)
    job = a_job(
        case,
        "InProgress",
        operation="Restore",
        containerName="iaasvmcontainerv2;rg-x;vm-x",
        entityFriendlyName="vm-x",
    )
    case["resources"].append(job)
    await product.azure(case)
    assert await product.alert(case["event"]) == 202
    incident = await product.incident_of(case["job_id"])
    assert (incident["status"], incident["waiting"]) == ("fixed", None)


@pytest.mark.parametrize("status", ["Completed", "CompletedWithWarnings"])
async def test_a_failure_that_healed_before_is_ignored_undiagnosed(
    product: Product, status: str
) -> None:
    case = scenario(LOCKED)
    job = a_job(case, status)
    case["resources"].append(job)
    await product.azure(case)
    assert await product.alert(case["event"]) == 202
    incident = await product.incident_of(case["job_id"])
    assert incident["status"] == "ignored"
    assert job["name"] in incident["reason"] and "healed by itself" in incident["reason"]
    assert incident["findings"] == []
    assert await product.changes() == []


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("an earlier backup", {"seconds": -60}),
        (
            "another VM's",
            {"containerName": "iaasvmcontainerv2;rg-x;vm-x", "entityFriendlyName": "vm-x"},
        ),
        ("a restore", {"operation": "Restore"}),
        ("a cancelled one", {"status": "Cancelled"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_no_later_backup_that_completed_heals_nothing(
    product: Product, what: str, told: dict[str, Any]
) -> None:
    case = scenario(EXTENSION)
    case["resources"].append(a_job(case, **({"status": "Completed"} | told)))
    await product.azure(case)
    assert await product.alert(case["event"]) == 202
    assert (await product.incident_of(case["job_id"]))["status"] == "fixed", what


async def test_a_backup_that_is_waited_for_and_completes_heals_the_failure(
    product: Product,
) -> None:
    case = scenario(LOCKED)
    job = a_job(case, "InProgress", operation="Backup")
    case["resources"].append(job)
    await product.azure(case)
    assert await product.alert(case["event"]) == 202
    await waits(product, case["job_id"])
    await change_azure(product, ended(job))
    incident = await product.incident_of(case["job_id"])
    assert incident["status"] == "ignored"
    assert job["name"] in incident["reason"]
    assert await product.changes() == []


async def test_a_backup_that_is_waited_for_and_fails_is_this_incidents_new_failure(
    product: Product,
) -> None:
    """The incident keeps the job that it was opened for; the later one's code is
    diagnosed, and its own event opens no other."""
    case = scenario(LOCKED)
    code = "UserErrorFsFreezeFailed"
    failed = a_job(case, "Failed", errorDetails=[{"errorCode": 0, "errorString": code}])
    failed["properties"]["extendedInfo"] = {"dynamicErrorMessage": f"{code}: no freeze"}
    running_job = copy.deepcopy(failed)
    running_job["properties"] |= {"status": "InProgress"}
    case["resources"].append(running_job)
    await product.azure(case)
    assert await product.alert(case["event"]) == 202
    await waits(product, case["job_id"])

    await change_azure(product, ended(failed, "Failed"))

    incident = await product.incident_of(case["job_id"])
    assert (incident["status"], incident["job_id"]) == ("needs_person", case["job_id"])
    assert code in incident["reason"]
    assert [(each["job_id"], each["error_code"]) for each in incident["later_failures"]] == [
        (failed["name"], code)
    ]
    assert await product.changes() == []
    count = len(await product.incidents())
    own = json.loads(json.dumps(case["event"]).replace(case["job_id"], failed["name"]))
    assert await product.deliver(own) in (200, 202)
    assert len(await product.incidents()) == count


async def test_a_later_failure_that_is_there_already_is_the_one_that_is_diagnosed(
    product: Product,
) -> None:
    case = scenario(LOCKED)
    failed = a_job(
        case, "Failed", errorDetails=[{"errorCode": 0, "errorString": "UserErrorFsFreezeFailed"}]
    )
    failed["properties"]["extendedInfo"] = {
        "dynamicErrorMessage": "UserErrorFsFreezeFailed: no freeze"
    }
    case["resources"].append(failed)
    await product.azure(case)
    assert await product.alert(case["event"]) == 202
    incident = await product.incident_of(case["job_id"])
    assert incident["status"] == "needs_person"
    assert "UserErrorFsFreezeFailed" in incident["reason"]
    assert await product.changes() == []


async def test_after_a_completed_backup_that_failed_again_the_vm_is_not_well(
    product: Product,
) -> None:
    case = scenario(EXTENSION)
    case["resources"] += [
        a_job(case, "Completed", seconds=60),
        last := a_job(case, "Failed", seconds=120),
    ]
    await product.azure(case)
    assert await product.alert(case["event"]) == 202
    incident = await product.incident_of(case["job_id"])
    assert incident["status"] == "fixed"
    assert [each["job_id"] for each in incident["later_failures"]] == [last["name"]]


async def test_where_the_limit_is_full_it_waits_for_its_turn_until_it_heals(tmp_path: Path) -> None:
    async with running(tmp_path, REMEDIATOR_CHANGES_PER_HOUR="1") as product:
        first, second = scenario(EXTENSION), scenario(LOCKED)
        await product.azure(first)
        await product.deliver(first["event"])
        incident = await product.incident_of(first["job_id"])
        assert incident["status"] == "fixed"
        acted = next(e["at"] for e in await product.audit(incident["id"]) if e["phase"] == "intent")
        await product.azure(second)
        await product.deliver(second["event"])

        waiting = await waits(product, second["job_id"])

        assert "the limit of 1 changes an hour is reached" in waiting["reason"]
        expected = waiting["reason"].split("its turn is expected at ")[1][:27]
        assert clock.after(acted, 3590) < expected <= clock.after(acted, 3600)
        assert waiting["findings"], "it is diagnosed, and planned"
        assert await product.changes() == []
        page = await product.http.get(f"{product.app}/api/audit/page?status=waiting&lang=zh")
        assert "等待中" in (text := await page.text()) and waiting["id"] in text
        await change_azure(product, lambda resources: resources.append(a_job(second, "Completed")))
        assert (await product.incident_of(second["job_id"]))["status"] == "ignored"


@pytest.mark.parametrize("fix", FIXES)
async def test_a_fix_that_the_limit_can_never_take_goes_to_a_person(
    tmp_path: Path, fix: str
) -> None:
    case = scenario(fix)
    async with running(tmp_path, REMEDIATOR_CHANGES_PER_HOUR="0") as product:
        await product.azure(case)
        await product.deliver(case["event"])
        incident = await product.incident_of(case["job_id"])
        assert incident["status"] == "needs_person"
        assert (
            "the limit of 0 changes an hour is reached by this fix alone, which makes 1"
            in incident["reason"]
        )
        assert any(step.startswith("Not done by us") for step in incident["manual_steps"])
        assert await product.changes() == []
