"""What the workspace has of one VM, in one query over three tables, any of which may be
missing."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from local.scenarios import parts
from shared.azure.clients import AzureClients
from shared.azure.vm_log import MOST_ROWS, LoggedVm, VmLog
from shared.facts import Unreadable
from shared.settings import Settings
from tests.local.simulator.support import SUB, Arm, state
from tests.shared.azure.logs.support import (
    LEGACY,
    MODERN,
    SINCE,
    UNTIL,
    WORKSPACE,
    at,
    holding,
    job,
    legacy,
    queries,
)

VM = parts.machine_id("rg-app", "vm1")
BEATS = "Heartbeat"


def beat(minute: float, vm_id: str = VM) -> dict[str, Any]:
    """As the Azure Monitor agent sends it once a minute: the id in small letters."""
    sent_by = {"Category": "Azure Monitor Agent", "Computer": "vm1", "OSType": "Linux"}
    return {"TimeGenerated": at(minute), "_ResourceId": vm_id.lower(), **sent_by}


def of_vm(minute: float, status: str = "Failed", **changes: Any) -> dict[str, Any]:
    """A job of vm1, with an id of its own."""
    return job(1, minute, JobUniqueId=parts.guid("at", str(minute)), JobStatus=status, **changes)


async def read(arm: Arm, vm_id: str = VM, **more: str) -> LoggedVm | Unreadable | None:
    environment = {
        "REMEDIATOR_LOGS_ENDPOINT": arm.url,
        "REMEDIATOR_WORKSPACE_ID": WORKSPACE,
        "REMEDIATOR_RETRY_SECONDS": "0",
        **more,
    }
    clients = AzureClients(Settings.from_environment(environment), SUB)
    try:
        return await VmLog(clients).read(vm_id, SINCE, UNTIL)
    finally:
        await clients.close()


async def whole(arm: Arm, vm_id: str = VM) -> LoggedVm:
    found = await read(arm, vm_id)
    assert isinstance(found, LoggedVm), found
    assert found.why_not_whole == ""
    return found


def minutes(found: LoggedVm) -> list[float]:
    """When the jobs were recorded, newest first."""
    return [(each.recorded_at - SINCE).total_seconds() / 60 for each in found.jobs]


async def test_without_a_workspace_nothing_is_asked(start: Any) -> None:
    arm = await start(holding(AddonAzureBackupJobs=[of_vm(1)]))
    assert await read(arm, REMEDIATOR_WORKSPACE_ID="") is None
    assert await queries(arm) == []


async def test_jobs_that_ended_and_the_newest_heartbeat_come_by_one_query(start: Any) -> None:
    jobs = [
        of_vm(10),
        of_vm(20, "Completed"),
        of_vm(30, "CompletedWithWarnings"),
        of_vm(40, "InProgress"),
        of_vm(50, "Cancelled"),
    ]
    arm = await start(
        holding(
            AddonAzureBackupJobs=jobs,
            AzureDiagnostics=[
                legacy(1, 5),
                legacy(1, 10, JobUniqueId_g=jobs[0]["JobUniqueId"]),
            ],
            Heartbeat=[beat(3), beat(7), beat(2)],
        )
    )
    found = await whole(arm)
    assert minutes(found) == [30, 20, 10, 5], "each once, newest first, and only what ended"
    assert [each.status for each in found.jobs][:3] == [
        "CompletedWithWarnings",
        "Completed",
        "Failed",
    ]
    assert found.heartbeat == datetime.fromisoformat(at(7)).astimezone(UTC)
    (query,) = await queries(arm)
    assert query["status"] == 200


OF_OTHERS = {
    "another VM": {"BackupItemUniqueId": "westeurope;1;iaasvmcontainerv2;rg-app;vm11"},
    "another group": {"BackupItemUniqueId": "westeurope;1;iaasvmcontainerv2;rg-app2;vm1"},
    "the end of a longer name": {"BackupItemUniqueId": "xiaasvmcontainerv2;rg-app;vm1"},
    "another VM's, with this one's behind it": {
        "BackupItemUniqueId": "iaasvmcontainerv2;rg-app;vm9;iaasvmcontainerv2;rg-app;vm1"
    },
    "a database": {"BackupManagementType": "AzureWorkload"},
    "a restore": {"JobOperation": "Restore"},
    "another subscription": {
        name: parts.vault_id().replace(SUB, "22222222-2222-2222-2222-222222222222")
        for name in ("ResourceId", "_ResourceId")
    },
}


@pytest.mark.parametrize("what", OF_OTHERS)
async def test_jobs_of_others_are_not_this_vms(start: Any, what: str) -> None:
    arm = await start(holding(AddonAzureBackupJobs=[of_vm(1), of_vm(2, **OF_OTHERS[what])]))
    found = await read(arm)
    assert isinstance(found, LoggedVm) and minutes(found) == [1]


async def test_heartbeats_of_others_and_of_another_time_are_not_this_vms(start: Any) -> None:
    other = parts.machine_id("rg-app", "vm2")
    arm = await start(holding(Heartbeat=[beat(9, other), beat(-1), beat(500)]))
    found = await whole(arm)
    assert (found.heartbeat, found.has_heartbeats) == (None, True)


async def test_an_id_in_capitals_finds_the_same(start: Any) -> None:
    arm = await start(holding(AddonAzureBackupJobs=[of_vm(1)], Heartbeat=[beat(2)]))
    found = await read(arm, VM.upper().replace(SUB.upper(), SUB))
    assert isinstance(found, LoggedVm) and len(found.jobs) == 1 and found.heartbeat


TABLES = {MODERN: [of_vm(1)], LEGACY: [legacy(1, 2)], BEATS: [beat(3)]}


@pytest.mark.parametrize("missing", TABLES)
async def test_a_table_that_is_missing_leaves_the_others(start: Any, missing: str) -> None:
    arm = await start(holding(**{name: TABLES[name] for name in TABLES if name != missing}))
    found = await whole(arm)
    assert len(found.jobs) == (2 if missing == BEATS else 1)
    assert (found.has_heartbeats, bool(found.heartbeat)) == (missing != BEATS,) * 2


async def test_a_workspace_without_any_of_the_tables(start: Any) -> None:
    found = await read(await start(holding(AppTraces=[{"TimeGenerated": at(1)}])))
    assert isinstance(found, Unreadable) and found.reason == (
        "it has none of the tables AddonAzureBackupJobs, AzureDiagnostics, Heartbeat"
    )


async def test_an_answer_that_is_cut_is_not_whole(start: Any) -> None:
    arm = await start(holding(AddonAzureBackupJobs=[of_vm(each) for each in range(1, 4)]))
    await arm.sim("PUT", "settings", {"log_rows": 2})
    found = await read(arm)
    assert isinstance(found, LoggedVm) and len(found.jobs) == 2
    assert "PartialError" in found.why_not_whole


async def test_more_jobs_than_are_asked_for_are_the_newest(start: Any) -> None:
    jobs = [of_vm(each / 10) for each in range(MOST_ROWS + 5)]
    found = await read(await start(holding(AddonAzureBackupJobs=jobs)))
    assert isinstance(found, LoggedVm) and len(found.jobs) == MOST_ROWS
    assert minutes(found)[-1] == 0.5 and "only the newest 200 jobs" in found.why_not_whole


async def test_a_row_that_is_not_understood_is_said(start: Any) -> None:
    jobs = [of_vm(1), of_vm(2, JobStartDateTime=None)]
    found = await read(await start(holding(AddonAzureBackupJobs=jobs)))
    assert isinstance(found, LoggedVm) and minutes(found) == [1]
    assert found.why_not_whole == "rows that are not understood: 1"


async def test_a_refusal_names_the_rights(start: Any) -> None:
    arm = await start(holding(**TABLES))
    wanted = "Microsoft.OperationalInsights/workspaces/query"
    allowed = [f"{wanted}/read", *(f"{wanted}/{table}/read" for table in (MODERN, LEGACY))]
    await arm.sim("PUT", "settings", {"allowed_actions": allowed})
    found = await read(arm)
    assert isinstance(found, Unreadable) and f"{wanted}/{BEATS}/read" in found.reason


FAILING: list[dict[str, Any]] = [
    {"status": 404},
    {"status": 429, "headers": {"Retry-After": "3"}},
    {"status": 500},
    {"status": 200, "body": {}},
    {"status": 200, "body": "<html>"},
    {"reset": True},
]


@pytest.mark.parametrize("action", FAILING, ids=str)
async def test_no_answer_is_no_fact_and_no_error(start: Any, action: dict[str, Any]) -> None:
    arm = await start(holding(**TABLES))
    await arm.sim("POST", "faults", {"path_regex": "/query$", "action": action})
    assert isinstance(await read(arm), Unreadable)
    assert isinstance(await read(await start(state())), Unreadable), "no such workspace"


async def test_a_log_that_does_not_answer_is_given_up(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is set for other calls: 60 seconds here."""
    monkeypatch.setattr("shared.azure.vm_log.LONGEST_SECONDS", 0.3)
    arm = await start(holding(**TABLES))
    await arm.sim("POST", "faults", {"path_regex": "/query$", "action": {"delay_s": 3}})
    begun = time.monotonic()
    found = await read(arm)
    assert isinstance(found, Unreadable) and time.monotonic() - begun < 2
