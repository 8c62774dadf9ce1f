"""The second try, from the event to the new backup: passes, fails again, is refused,
is overtaken, waits, and is held back."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.promises import broken_promises
from shared import clock
from tests.e2e.conftest import Product, running, scenario
from tests.e2e.test_crash import kill_worker
from tests.e2e.test_guards import EXTENSION, LOCKED, ended, of_type
from tests.e2e.test_lifecycle import BACKUP_ITEM
from tests.e2e.test_points import enhanced
from tests.e2e.test_verifying_backup import LASTING, PASSING, orders
from tests.e2e.test_waiting import a_job, change_azure, waits

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSES, AGENT = "second_try", "second_try_agent"
SECONDS = 900.0
LONG = {"REMEDIATOR_RETRY_AFTER_SECONDS": str(SECONDS)}
V2 = "BackUpOperationFailedV2"
type Case = dict[str, Any]


def fails_with(code: str) -> dict[str, Any]:
    problem = {"code": code, "message": f"{code}: it failed."}
    return {
        "method": "POST",
        "path_regex": BACKUP_ITEM,
        "times": 1,
        "action": {"lro_fail": problem},
    }


def action_of(incident: dict[str, Any]) -> tuple[str, str]:
    (action,) = incident["actions"]
    assert action["target"] == incident["vm_id"]
    return action["kind"], action["outcome"]


async def changed(product: Product) -> list[str]:
    return [method for method, _ in await product.changes()]


@pytest.mark.parametrize("name", [PASSES, AGENT])
async def test_it_waits_and_passes(product: Product, name: str) -> None:
    case = scenario(name)
    await product.azure(case)
    before = await product.state()
    assert await product.alert(case["event"]) == 202

    waiting = await waits(product, case["job_id"])

    assert waiting["waiting"]["awaited"] == "pause"
    assert waiting["retry_at"] in waiting["reason"] and waiting["actions"] == []
    since = waiting["waiting"]["since"]
    assert clock.after(since, 0.3) < waiting["retry_at"] <= clock.after(since, 0.5)
    assert await product.changes() == []
    incident = await product.incident_of(case["job_id"])
    assert incident["status"] == "fixed", incident
    job = incident["verification"]["job_id"]
    assert incident["reason"].startswith("no cause found, passed on retry") and job in str(incident)
    assert action_of(incident) == ("run_backup_again", "done")
    assert incident["waiting"] is None and incident["manual_steps"] == []
    assert await changed(product) == ["POST"]
    entries = await product.audit(incident["id"])
    sent = next(each["at"] for each in entries if each["kind"] == "backup")
    assert sent >= waiting["retry_at"]
    diagnosed = [each["at"] for each in entries if each["kind"] == "finding"]
    assert diagnosed[0] < waiting["retry_at"] < diagnosed[-1], "the causes were not examined anew"
    assert (
        broken_promises(before, await product.state(), await product.requests(), incident, entries)
        == []
    )


async def test_one_that_passes_without_the_agent_stays_with_a_person(product: Product) -> None:
    """Under an Enhanced policy Azure Backup may go on without an agent that is silent;
    the causes of this code do not ask for it."""
    case = scenario(PASSES)
    of_code("UserErrorRpCollectionLimitReached")(case)
    enhanced(case)
    agent = of_type(case, VM)[0]["properties"]["instanceView"]["vmAgent"]
    agent["statuses"][-1] |= {"displayStatus": "Not Ready", "code": "ProvisioningState/Unavailable"}
    await product.azure(case)
    settings = f"{product.arm}/_sim/settings"
    await product.http.put(settings, json={"crash_consistent_fallback": True})
    try:
        incident = await ended(product, case)
    finally:
        await product.http.put(settings, json={"crash_consistent_fallback": False})
    assert incident["status"] == "needs_person", incident
    assert "backed up" in incident["reason"] and "agent is still broken" in incident["reason"]
    shown = incident["verification"]
    assert (shown["outcome"], shown["point_type"]) == ("Completed", "CrashConsistent")
    assert action_of(incident) == ("run_backup_again", "done")
    assert "Restart-Service" in str(incident["manual_steps"])


@pytest.mark.parametrize("code", ["BackUpOperationFailed", "UserErrorFsFreezeFailed"])
async def test_one_that_fails_again_goes_to_a_person_with_the_new_job(
    product: Product, code: str
) -> None:
    """Once a failure: whether the new code has a second try of its own or not."""
    case = scenario(PASSES)
    await product.azure(case)
    await product.fault(**fails_with(code))
    incident = await ended(product, case)
    assert incident["status"] == "needs_person", incident
    assert incident["verification"]["error_code"] == code
    assert action_of(incident) == ("run_backup_again", "failed")
    job = incident["verification"]["job_id"]
    assert f"--name '{job}'" in str(incident["manual_steps"])
    assert case["job_id"] not in str(incident["manual_steps"])
    assert len(await orders(product)) == 1
    count = len(await product.incidents())
    own = copy.deepcopy(case["event"])
    own["data"]["alertContext"]["extendedInfo"]["jobId"] = job
    assert await product.deliver(own) in (200, 202)
    assert len(await product.incidents()) == count, "its failure opened an incident of its own"


async def test_one_that_fails_with_a_cause_goes_on_with_its_fix(product: Product) -> None:
    """The agent is Ready again, but 18 points are locked: the second try says so."""
    case = scenario("BackUpOperationFailed-locked_restore_points")
    agent = scenario(AGENT)
    failed = next(each for each in of_type(agent, JOBS) if each["name"] == agent["job_id"])
    case["resources"] = [each for each in case["resources"] if each["name"] != case["job_id"]]
    case["resources"].append(failed)
    case["event"], case["job_id"] = agent["event"], agent["job_id"]
    await product.azure(case)
    incident = await ended(product, case)
    assert incident["status"] == "fixed", incident
    assert incident["reason"].startswith("the verifying backup")
    kinds = [(each["kind"], each["outcome"]) for each in incident["actions"]]
    assert kinds[0] == ("run_backup_again", "failed")
    assert ("delete_restore_point_collection", "done") in kinds
    assert len(await orders(product)) == 2


JOBS = "Microsoft.RecoveryServices/vaults/backupJobs"


@pytest.mark.parametrize("refusal", LASTING)
async def test_one_that_azure_refuses_goes_to_a_person(product: Product, refusal: str) -> None:
    case = scenario(PASSES)
    await product.azure(case)
    await product.fault(method="POST", path_regex=BACKUP_ITEM, action=LASTING[refusal])
    incident = await ended(product, case)
    assert incident["status"] == "needs_person", incident
    assert incident["reason"].startswith("no cause was found, and the backup could not be run")
    assert action_of(incident) == ("run_backup_again", "failed")
    assert len(await orders(product)) == 1


@pytest.mark.parametrize("refusal", ["429", "409 backup in progress", "reset"])
async def test_a_passing_refusal_is_waited_for(product: Product, refusal: str) -> None:
    case = scenario(PASSES)
    await product.azure(case)
    await product.fault(method="POST", path_regex=BACKUP_ITEM, times=1, action=PASSING[refusal])
    incident = await ended(product, case)
    assert incident["status"] == "fixed", incident
    entries = await product.audit(incident["id"])
    assert any("the second try is tried again" in each["result"] for each in entries)


async def test_one_that_a_person_cancels_is_not_run_once_more(product: Product) -> None:
    case = scenario(PASSES)
    await product.azure(case)
    settings = {"lro_s": {"backup": 30}}
    await product.http.put(f"{product.arm}/_sim/settings", json=settings)
    try:
        assert await product.alert(case["event"]) == 202
        async with asyncio.timeout(30):
            while not (await product.incident_of(case["job_id"], ended=False))["verification"]:
                await asyncio.sleep(0.05)

        def cancel(resources: list[dict[str, Any]]) -> None:
            for each in resources:
                if each.get("properties", {}).get("isUserTriggered"):
                    each["properties"]["status"] = "Cancelled"

        await change_azure(product, cancel)
        incident = await product.incident_of(case["job_id"])
    finally:
        await product.http.put(f"{product.arm}/_sim/settings", json={"lro_s": {"backup": 0.2}})
    assert incident["status"] == "needs_person", incident
    assert "Cancelled" in incident["reason"]
    assert action_of(incident) == ("run_backup_again", "failed")
    assert len(await orders(product)) == 1


def adds(*jobs: dict[str, Any]) -> Any:
    def change(resources: list[dict[str, Any]]) -> None:
        resources.extend(jobs)

    return change


async def test_a_scheduled_backup_overtakes_it(tmp_path: Path) -> None:
    async with running(tmp_path, REMEDIATOR_RETRY_AFTER_SECONDS="3") as product:
        case = scenario(PASSES)
        await product.azure(case)
        await product.alert(case["event"])
        await waits(product, case["job_id"])
        scheduled = a_job(case, "Completed")
        await change_azure(product, adds(scheduled))
        incident = await product.incident_of(case["job_id"])
        assert incident["status"] == "ignored"
        assert scheduled["name"] in incident["reason"] and "healed" in incident["reason"]
        assert await product.changes() == [] and incident["actions"] == []


async def test_a_scheduled_backup_that_fails_meanwhile_is_a_failure_with_a_pause_of_its_own(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, REMEDIATOR_RETRY_AFTER_SECONDS="3") as product:
        case = scenario(PASSES)
        await product.azure(case)
        await product.alert(case["event"])
        first = await waits(product, case["job_id"])
        scheduled = a_job(case, "Failed")
        await change_azure(product, adds(scheduled))
        incident = await product.incident_of(case["job_id"])
        assert incident["status"] == "fixed", incident
        assert [each["job_id"] for each in incident["later_failures"]] == [scheduled["name"]]
        assert incident["retry_at"] >= clock.after(first["retry_at"], 3)
        assert len(await orders(product)) == 1


async def test_what_breaks_during_the_pause_is_seen_by_the_new_diagnosis(tmp_path: Path) -> None:
    async with running(tmp_path, REMEDIATOR_RETRY_AFTER_SECONDS="3") as product:
        case, broken = scenario(PASSES), scenario("BackUpOperationFailed-windows_agent")
        await product.azure(case)
        await product.alert(case["event"])
        await waits(product, case["job_id"])
        silent = next(each for each in of_type(broken, VM))

        def change(resources: list[dict[str, Any]]) -> None:
            place = next(n for n, each in enumerate(resources) if each["id"] == silent["id"])
            resources[place] = silent

        await change_azure(product, change)
        incident = await product.incident_of(case["job_id"])
        assert incident["status"] == "needs_person", incident
        assert await product.changes() == [] and incident["actions"] == []


VM = "Microsoft.Compute/virtualMachines"


async def test_an_engine_that_is_lost_during_the_pause_does_not_begin_it_anew(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, REMEDIATOR_RETRY_AFTER_SECONDS="4") as product:
        case = scenario(PASSES)
        await product.azure(case)
        await product.alert(case["event"])
        first = await waits(product, case["job_id"])
    async with running(tmp_path, REMEDIATOR_RETRY_AFTER_SECONDS="4") as product:
        await product.azure(case)
        await product.timer("guardian")
        incident = await product.incident_of(case["job_id"])
        assert incident["status"] == "fixed", incident
        assert incident["retry_at"] == first["retry_at"]
        assert len(await orders(product)) == 1
        assert "begun again" in str(await product.audit(incident["id"]))


async def test_a_worker_that_dies_while_it_orders_does_not_order_twice(tmp_path: Path) -> None:
    async with running(tmp_path) as product:
        case = scenario(PASSES)
        await product.azure(case)
        await product.fault(method="POST", path_regex=BACKUP_ITEM, times=1, action={"delay_s": 0.6})
        await product.alert(case["event"])
        async with asyncio.timeout(30):
            while not (await product.incident_of(case["job_id"], ended=False))["sent"]:
                await asyncio.sleep(0.02)
        await kill_worker(product)
        incident = await product.incident_of(case["job_id"])
        assert incident["status"] == "fixed", incident
        assert action_of(incident) == ("run_backup_again", "done")
        assert len(await orders(product)) == 1


# Held back


def tagged(value: str) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        of_type(case, VM)[0]["tags"] = {"backup-remediation": value}

    return change


@pytest.mark.parametrize(
    ("value", "status"),
    [("off", "ignored"), ("observe", "observed"), ("approve", "needs_person"), ("x", "ignored")],
)
async def test_a_tag_holds_it_back_and_what_it_would_have_done_is_on_record(
    product: Product, value: str, status: str
) -> None:
    case = scenario(PASSES)
    tagged(value)(case)
    await product.azure(case)
    incident = await ended(product, case)
    assert incident["status"] == status, incident
    assert incident["actions"] == [] and await product.changes() == []
    assert "run a new backup" in str(incident["manual_steps"])
    (planned,) = [each for each in await product.audit(incident["id"]) if each["kind"] == "plan"]
    assert planned["detail"]["would"]["fix"] == "run_backup_again"


async def test_a_tag_that_is_set_during_the_pause_holds_it_back(tmp_path: Path) -> None:
    async with running(tmp_path, REMEDIATOR_RETRY_AFTER_SECONDS="3") as product:
        case = scenario(PASSES)
        await product.azure(case)
        await product.alert(case["event"])
        await waits(product, case["job_id"])

        def change(resources: list[dict[str, Any]]) -> None:
            tagged("off")({"resources": resources})

        await change_azure(product, change)
        incident = await product.incident_of(case["job_id"])
        assert incident["status"] == "ignored", incident
        assert await product.changes() == []


async def test_observe_mode_waits_for_nothing_and_orders_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, REMEDIATOR_MODE="observe", **LONG) as product:
        case = scenario(PASSES)
        await product.azure(case)
        incident = await ended(product, case)
        assert incident["status"] == "observed"
        assert "run a new backup" in str(incident["manual_steps"])
        assert await product.changes() == []


def add(*jobs: Callable[[Case], dict[str, Any]]) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        case["resources"] += [job(case) for job in jobs]

    return change


def of_code(code: str) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        (job,) = of_type(case, JOBS)
        job["properties"]["errorDetails"] = [{"errorCode": 0, "errorString": code}]
        job["properties"]["extendedInfo"] = {"dynamicErrorMessage": f"{code}: it failed."}

    return change


def migrated(case: Case) -> None:
    of_code(V2)(case)
    enhanced(case)


def provisioning(state: str) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        of_type(case, VM)[0]["properties"]["provisioningState"] = state

    return change


def unsettled(case: Case) -> None:
    of_code("GuestAgentSnapshotTaskStatusError")(case)
    provisioning("Updating")(case)


NOT_RUN: dict[str, tuple[str, Callable[[Case], None], str]] = {
    "a person cancelled a later backup": (
        PASSES,
        add(lambda case: a_job(case, "Cancelled")),
        "a person cancelled the later backup",
    ),
    "of several later ones": (
        AGENT,
        add(
            lambda case: a_job(case, "Cancelled", seconds=60),
            lambda case: a_job(case, "Cancelled", seconds=120, **OTHER_VM),
        ),
        "a person cancelled the later backup",
    ),
    "the policy was migrated": (PASSES, migrated, "Enhanced"),
    "the VM is Failed": (PASSES, provisioning("Failed"), "only a person can mend this"),
    "the VM is Updating": (
        AGENT,
        provisioning("Updating"),
        'would not help where this is the cause: "No snapshot status',
    ),
    "it is not settled, and the code does not ask for its state": (
        PASSES,
        unsettled,
        "not settled",
    ),
    "a code for which no retry is advised": (
        PASSES,
        of_code("ExtentionOperationFailed"),
        "Microsoft advises no retry",
    ),
    "a code without a row": (PASSES, of_code("UserErrorFsFreezeFailed"), "not in the catalogue"),
}
OTHER_VM = {"containerName": "iaasvmcontainerv2;rg-x;vm-x", "entityFriendlyName": "vm-x"}


@pytest.mark.parametrize("what", NOT_RUN)
async def test_it_is_left_to_a_person(product: Product, what: str) -> None:
    name, change, told = NOT_RUN[what]
    case = scenario(name)
    change(case)
    await product.azure(case)
    incident = await ended(product, case)
    assert incident["status"] == "needs_person", incident
    assert told in incident["reason"] and incident["manual_steps"]
    assert incident["retry_at"] == "" and incident["actions"] == []
    assert await product.changes() == []


NO_OBSTACLE: dict[str, Callable[[Case], None]] = {
    "V2 under a Standard policy": of_code(V2),
    "another VM's was cancelled": add(lambda case: a_job(case, "Cancelled", **OTHER_VM)),
    "one was cancelled before": add(lambda case: a_job(case, "Cancelled", seconds=-60)),
    "a restore was cancelled": add(lambda case: a_job(case, "Cancelled", operation="Restore")),
}


@pytest.mark.parametrize("what", NO_OBSTACLE)
async def test_what_does_not_hold_it_back(product: Product, what: str) -> None:
    case = scenario(PASSES)
    NO_OBSTACLE[what](case)
    await product.azure(case)
    incident = await ended(product, case)
    assert incident["status"] == "fixed", incident
    assert len(await orders(product)) == 1


@pytest.mark.parametrize("path", ["/backupPolicies/", "/protectedItems/[^/]+$"])
async def test_whether_it_was_migrated_is_not_known(impatient: Product, path: str) -> None:
    case = scenario(PASSES)
    of_code(V2)(case)
    await impatient.azure(case)
    await impatient.fault(method="GET", path_regex=path, action={"status": 403})
    incident = await ended(impatient, case)
    assert incident["status"] == "needs_person"
    assert "a migration of the policy is the cause is not known" in incident["reason"]
    assert await impatient.changes() == []


async def test_a_running_job_is_waited_for_after_the_pause(tmp_path: Path) -> None:
    async with running(tmp_path, REMEDIATOR_RETRY_AFTER_SECONDS="2") as product:
        case = scenario(PASSES)
        await product.azure(case)
        await product.alert(case["event"])
        await waits(product, case["job_id"])
        restore = a_job(case, "InProgress", operation="Restore")
        await change_azure(product, adds(restore))
        async with asyncio.timeout(30):
            while (
                restore["name"]
                not in (await product.incident_of(case["job_id"], ended=False))["reason"]
            ):
                await asyncio.sleep(0.05)
        assert await product.changes() == []

        def end(resources: list[dict[str, Any]]) -> None:
            job = next(each for each in resources if each["name"] == restore["name"])
            job["properties"]["status"] = "Completed"

        await change_azure(product, end)
        assert (await product.incident_of(case["job_id"]))["status"] == "fixed"


# The limits


async def test_it_needs_a_place_within_the_limit_of_changes(tmp_path: Path) -> None:
    async with running(tmp_path, REMEDIATOR_CHANGES_PER_HOUR="1") as product:
        for name, status in ((EXTENSION, "fixed"), (PASSES, "waiting")):
            case = scenario(name)
            await product.azure(case)
            await product.alert(case["event"])
            async with asyncio.timeout(30):
                while True:
                    incident = await product.incident_of(case["job_id"], ended=False)
                    if incident["status"] == status and "pause" not in str(incident["waiting"]):
                        break
                    await asyncio.sleep(0.05)
        assert incident["waiting"]["awaited"] == "place"
        assert "the limit of 1 changes an hour is reached" in incident["reason"]
        assert await product.changes() == []


async def test_a_limit_of_none_stops_it_without_a_pause(tmp_path: Path) -> None:
    async with running(tmp_path, REMEDIATOR_CHANGES_PER_HOUR="0", **LONG) as product:
        case = scenario(PASSES)
        await product.azure(case)
        incident = await ended(product, case)
        assert incident["status"] == "needs_person"
        assert "the limit of 0 changes an hour" in incident["reason"]
        assert await product.changes() == []


def next_day() -> str:
    return f"{clock.after(clock.now(), 24 * 3600)[:10]}T00:00:00.000000Z"


@pytest.mark.parametrize("fix", [EXTENSION, LOCKED])
async def test_where_no_backup_is_left_today_nothing_is_deleted_until_midnight(
    tmp_path: Path, fix: str
) -> None:
    async with running(tmp_path, REMEDIATOR_BACKUPS_PER_DAY="3") as product:
        for _ in range(3):
            case = scenario(fix)
            await product.azure(case)
            assert (await ended(product, case))["status"] == "fixed"
        case = scenario(fix)
        await product.azure(case)
        await product.alert(case["event"])
        waiting = await waits(product, case["job_id"])
        assert waiting["waiting"]["awaited"] == "backup"
        assert "until 00:00 UTC" in waiting["reason"] and next_day() in waiting["reason"]
        assert "3 on-demand backups" in waiting["reason"]
        await asyncio.sleep(0.5)
        assert await product.changes() == []


async def test_a_second_try_leaves_one_for_a_fix(tmp_path: Path) -> None:
    async with running(tmp_path, REMEDIATOR_BACKUPS_PER_DAY="2") as product:
        first = scenario(PASSES)
        await product.azure(first)
        assert (await ended(product, first))["status"] == "fixed"
        second = scenario(PASSES)
        await product.azure(second)
        await product.alert(second["event"])
        async with asyncio.timeout(30):
            while (
                "until 00:00 UTC"
                not in (waiting := await waits(product, second["job_id"]))["reason"]
            ):
                await asyncio.sleep(0.05)
        assert "one that is kept to verify a fix" in waiting["reason"]
        assert await product.changes() == []


async def test_attempts_of_one_order_count_once(tmp_path: Path) -> None:
    async with running(tmp_path, REMEDIATOR_BACKUPS_PER_DAY="2") as product:
        for _ in range(2):
            case = scenario(EXTENSION)
            await product.azure(case)
            await product.fault(
                method="POST", path_regex=BACKUP_ITEM, times=2, action={"status": 429}
            )
            assert (await ended(product, case))["status"] == "fixed"
            assert len(await orders(product)) == 3
