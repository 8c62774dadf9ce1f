"""The log of failed backups: the real client of the Log Analytics query API against the simulator, over HTTP."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.app import App
from shared.azure.log_rows import LogAnswer, Outcome
from simulator.scenarios import parts
from tests.logs.support import (
    LEGACY,
    MODERN,
    QUERY_PATH,
    SINCE,
    UNTIL,
    WORKSPACE,
    WORKSPACE_ID,
    at,
    holding,
    job,
    legacy,
    reading,
)
from tests.simulator.support import SUB, Arm, state


async def asked(arm: Arm, rows_per_query: int = 1000, **settings: str) -> LogAnswer:
    async with reading(arm.url, rows_per_query, **settings) as log:
        return await log.failures(SINCE, UNTIL)


async def queries(arm: Arm) -> list[dict[str, Any]]:
    return [each for each in (await arm.sim("GET", "requests")).body if each["path"] == QUERY_PATH]


def numbers(answer: LogAnswer) -> list[int]:
    return [int(each.item_name.rsplit("vm", 1)[1]) for each in answer.failures]


LEFT_OUT = [
    # a change of a row after which it is nothing for us
    {"JobStatus": "Completed"},
    {"JobStatus": "CompletedWithWarnings"},
    {"JobStatus": "InProgress"},
    {"JobStatus": None},
    {"JobOperation": "Restore"},
    {"JobOperation": "ConfigureBackup"},
    {"BackupManagementType": "AzureWorkload"},
    {"BackupManagementType": "AzureStorage"},
    {"BackupManagementType": "MAB"},
    {"BackupManagementType": None},
    {"TimeGenerated": at(-0.001)},
    {"TimeGenerated": at(120)},
]


@pytest.mark.parametrize("change", LEFT_OUT, ids=str)
@pytest.mark.parametrize("table", [MODERN, LEGACY])
async def test_rows_that_are_no_failed_vm_backup_of_the_span_are_left_out(start, table, change):
    suffixed = {name if name == "TimeGenerated" else f"{name}_s": value for name, value in change.items()}
    other = job(1, **change) if table == MODERN else legacy(1, **suffixed)
    arm = await start(holding(**{table: [other, job(2) if table == MODERN else legacy(2)]}))
    answer = await asked(arm)
    assert (answer.outcome, numbers(answer), answer.skipped) == (Outcome.COMPLETE, [2], ())


@pytest.mark.parametrize("category", ["AzureBackupReport", "AddonAzureBackupJobs"])
async def test_diagnostics_of_other_services_are_left_out(start, category):
    others = [legacy(1, Category="AuditEvent"), legacy(2, OperationName="BackupItem")]
    arm = await start(holding(AzureDiagnostics=[*others, legacy(3, Category=category)]))
    assert numbers(await asked(arm)) == [3]


BOTH = {MODERN: [job(1), job(2)], LEGACY: [legacy(2), legacy(3)]}
TABLES = [
    # what the workspace holds, the tables that answered, the VMs
    (BOTH, (MODERN, LEGACY), [1, 2, 3]),
    ({MODERN: BOTH[MODERN]}, (MODERN,), [1, 2]),
    ({LEGACY: BOTH[LEGACY]}, (LEGACY,), [2, 3]),
    ({MODERN: [], LEGACY: []}, (MODERN, LEGACY), []),
    ({MODERN: [], "Heartbeat": [{"TimeGenerated": at(1)}]}, (MODERN,), []),
    ({LEGACY: [{"TimeGenerated": at(1), "Category": "AuditEvent", "ResourceId": "/x"}]}, (LEGACY,), []),
]


@pytest.mark.parametrize(("tables", "answered", "machines"), TABLES)
async def test_whichever_table_is_there(start, tables, answered, machines):
    arm = await start(holding(**tables))
    answer = await asked(arm)
    assert (answer.outcome, answer.complete_until, answer.reason) == (Outcome.COMPLETE, UNTIL, "")
    assert (answer.tables, numbers(answer), answer.skipped) == (answered, machines, ())
    assert [each.table for each in answer.failures if each.item_name.endswith("vm2")] in ([], [answered[0]])


async def test_where_no_vault_logs_nothing_is_known(start):
    arm = await start(holding(Heartbeat=[{"TimeGenerated": at(1)}]))
    answer = await asked(arm)
    assert (answer.outcome, answer.complete_until, answer.failures) == (Outcome.NO_TABLES, SINCE, ())
    assert MODERN in answer.reason and LEGACY in answer.reason


@pytest.mark.parametrize(("table", "row"), [(MODERN, job(1)), (LEGACY, legacy(1))])
async def test_a_row_as_a_value(start, table, row):
    arm = await start(holding(**{table: [row]}))
    (failure,) = (await asked(arm)).failures
    assert failure.table == table
    assert failure.vault_id == parts.vault_id().lower()
    assert failure.container_name == "IaasVMContainer;iaasvmcontainerv2;rg-app;vm1"
    assert failure.item_name == "VM;iaasvmcontainerv2;rg-app;vm1"
    assert failure.vm_id == parts.machine_id("rg-app", "vm1")
    assert failure.job_id == parts.guid("logged", "1")
    assert (failure.recorded_at, failure.started_at) == (SINCE + timedelta(minutes=1), SINCE - timedelta(minutes=4))
    assert (failure.error_code, failure.status) == ("UserErrorGuestAgentStatusUnavailable", "Failed")


async def test_the_last_record_of_a_job_counts(start):
    jobs = [job(1, 1), job(1, 9, JobStatus="Completed"), job(2, 1, JobStatus="InProgress"), job(2, 9), job(3, 1), job(3, 9)]
    arm = await start(holding(AddonAzureBackupJobs=jobs))
    answer = await asked(arm)
    assert sorted(numbers(answer)) == [2, 3]
    assert {each.recorded_at for each in answer.failures} == {SINCE + timedelta(minutes=9)}


UNREADABLE = [
    # a change of a row, a word of the reason
    ({"BackupItemUniqueId": "westeurope;8675309;other"}, "BackupItemUniqueId"),
    ({"BackupItemUniqueId": None}, "BackupItemUniqueId"),
    ({"BackupItemUniqueId": "iaasvmcontainerv2;rg-app;vm1?x=1"}, "no resource id"),
    ({"JobStartDateTime": None}, "JobStartDateTime"),
    ({"JobStartDateTime": "soon"}, "JobStartDateTime"),
    ({"JobUniqueId": None}, "JobUniqueId"),
    ({"JobUniqueId": "../../locks"}, "JobUniqueId"),
    ({"_ResourceId": None, "ResourceId": None}, "VaultId"),
    ({"_ResourceId": "/subscriptions/x"}, "Recovery Services vault"),
    ({"_ResourceId": parts.machine_id("rg-app", "vm1")}, "Recovery Services vault"),
]


@pytest.mark.parametrize(("change", "reason"), UNREADABLE)
async def test_a_row_that_cannot_be_read_is_skipped_and_said(start, change, reason):
    arm = await start(holding(AddonAzureBackupJobs=[job(1, **change), job(2)]))
    answer = await asked(arm)
    assert (answer.outcome, numbers(answer)) == (Outcome.COMPLETE, [2])
    (skipped,) = answer.skipped
    assert skipped.table == MODERN and reason in skipped.reason, skipped


COLUMNS = {
    "TimeGenerated": "datetime",
    "VaultId": "string",
    "JobUniqueId": "string",
    "BackupItemUniqueId": "string",
    "JobStatus": "string",
    "JobFailureCode": "string",
    "JobStartDateTime": "datetime",
}
CELLS = [at(1), parts.vault_id(), "j1", "iaasvmcontainerv2;rg-app;vm1", "Failed", "X", at(0)]


@pytest.mark.parametrize("column", [name for name in COLUMNS if name != "TimeGenerated"])
@pytest.mark.parametrize("wrong", [5, True, {"a": 1}, [1]], ids=str)
async def test_cells_of_wrong_types_are_skipped_and_said(start, column, wrong):
    cells = [wrong if name == column else cell for name, cell in zip(COLUMNS, CELLS, strict=True)]
    answer = await asked(await answering(start, [cells, CELLS[:2] + ["j2"] + CELLS[3:]]))
    assert [each.job_id for each in answer.failures] == ["j2"]
    assert any(column in each.reason for each in answer.skipped), answer


async def answering(start, rows: list[Any], **body: Any) -> Arm:
    """A workspace that answers every query so, whatever it holds."""
    arm = await start(holding(AddonAzureBackupJobs=[]))
    columns = [{"name": name, "type": kind} for name, kind in COLUMNS.items()]
    table = {"name": "PrimaryResult", "columns": columns, "rows": rows}
    fault = {"path_regex": "/query$", "action": {"status": 200, "body": {"tables": [table], **body}}}
    assert (await arm.sim("POST", "faults", fault)).status == 201
    return arm


# Pages


@pytest.mark.parametrize("size", [2, 3, 4, 7, 8])
async def test_more_rows_than_a_page(start, size):
    arm = await start(holding(AddonAzureBackupJobs=[job(number) for number in reversed(range(1, 8))], AzureDiagnostics=[legacy(9)]))
    answer = await asked(arm, size)
    assert (answer.outcome, answer.complete_until) == (Outcome.COMPLETE, UNTIL)
    assert numbers(answer) == [1, 2, 3, 4, 5, 6, 7, 9]
    assert (len(await queries(arm)) > 2) == (size < 8)


async def test_rows_of_one_instant_are_not_lost_at_the_end_of_a_page(start):
    arm = await start(holding(AddonAzureBackupJobs=[job(1), *(job(number, 5) for number in range(2, 5)), job(6)]))
    assert numbers(await asked(arm, 4)) and sorted(numbers(await asked(arm, 4))) == [1, 2, 3, 4, 6]


async def test_more_rows_at_one_instant_than_a_page_takes_is_said(start):
    arm = await start(holding(AddonAzureBackupJobs=[job(1), *(job(number, 5) for number in range(2, 9)), job(20)]))
    answer = await asked(arm, 3)
    assert (answer.outcome, answer.complete_until) == (Outcome.PARTIAL, SINCE + timedelta(minutes=5))
    assert 1 in numbers(answer) and 20 not in numbers(answer)
    assert "one instant" in answer.reason


async def test_a_partial_answer_is_complete_up_to_nothing(start):
    arm = await start(holding(AddonAzureBackupJobs=[job(1), job(2), job(3)]))
    await arm.sim("PUT", "settings", {"log_rows": 2})
    answer = await asked(arm)
    assert (answer.outcome, answer.complete_until) == (Outcome.PARTIAL, SINCE)
    assert numbers(answer) == [1, 2] and answer.tables == (MODERN,)
    assert answer.reason.startswith("PartialError")


async def test_a_partial_answer_after_whole_pages_is_complete_up_to_them(start):
    arm = await start(holding(AddonAzureBackupJobs=[job(number) for number in range(1, 8)], AzureDiagnostics=[legacy(9)]))
    columns = [{"name": name, "type": kind} for name, kind in COLUMNS.items()]
    table = {"name": "PrimaryResult", "columns": columns, "rows": [CELLS]}
    broken = {"status": 200, "body": {"tables": [table], "error": {"code": "PartialError", "message": "cut"}}}
    await arm.sim("POST", "faults", {"path_regex": "/query$", "times": 1, "action": {"delay_s": 0}})
    await arm.sim("POST", "faults", {"path_regex": "/query$", "times": 1, "action": broken})
    answer = await asked(arm, 3)
    assert (answer.outcome, answer.complete_until) == (Outcome.PARTIAL, SINCE + timedelta(minutes=3))
    assert {1, 2, 3, 9} <= set(numbers(answer)) and "cut" in answer.reason


# No answer


async def test_without_a_workspace_nothing_is_asked(start):
    arm = await start(holding(AddonAzureBackupJobs=[job(1)]))
    answer = await asked(arm, REMEDIATOR_WORKSPACE_ID="")
    assert (answer.outcome, answer.complete_until, answer.failures) == (Outcome.NO_WORKSPACE, SINCE, ())
    assert "REMEDIATOR_WORKSPACE_ID" in answer.reason
    assert await queries(arm) == []


async def test_a_workspace_that_is_not_there(start):
    arm = await start(state())
    assert (await asked(arm)).outcome is Outcome.NO_WORKSPACE
    arm = await start(holding(AddonAzureBackupJobs=[job(1)]))
    answer = await asked(arm, REMEDIATOR_WORKSPACE_ID="22222222-2222-2222-2222-222222222222")
    assert (answer.outcome, answer.complete_until, answer.failures) == (Outcome.NO_WORKSPACE, SINCE, ())
    assert "WorkspaceNotFoundError" in answer.reason


async def test_a_workspace_that_may_not_be_read(start):
    denial = parts.deny_assignment(WORKSPACE_ID, "d")
    denial["properties"]["permissions"] = [{"actions": ["Microsoft.OperationalInsights/workspaces/query/read"], "notActions": []}]
    arm = await start(holding(denial, AddonAzureBackupJobs=[job(1)]))
    answer = await asked(arm)
    assert (answer.outcome, answer.complete_until, answer.failures) == (Outcome.NO_PERMISSION, SINCE, ())
    assert "InsufficientAccessError" in answer.reason


EMPTY = {"tables": [{"name": "PrimaryResult", "columns": [], "rows": []}]}
FAILING = [
    # what is on order for every query, what it means
    ({"status": 401}, Outcome.NO_PERMISSION),
    ({"status": 403}, Outcome.NO_PERMISSION),
    ({"status": 403, "body": "<html>"}, Outcome.NO_PERMISSION),
    ({"status": 404}, Outcome.NO_WORKSPACE),
    ({"status": 400}, Outcome.REFUSED),
    ({"status": 413, "body": ""}, Outcome.REFUSED),
    ({"status": 429}, Outcome.UNREACHABLE),
    ({"status": 500}, Outcome.UNREACHABLE),
    ({"status": 502, "body": "<html>bad gateway</html>"}, Outcome.UNREACHABLE),
    ({"status": 504}, Outcome.UNREACHABLE),
    ({"reset": True}, Outcome.UNREACHABLE),
    ({"reset": "after"}, Outcome.UNREACHABLE),
    ({"delay_s": 3}, Outcome.UNREACHABLE),
    ({"status": 200, "body": {}}, Outcome.UNREACHABLE),
    ({"status": 200, "body": []}, Outcome.UNREACHABLE),
    ({"status": 200, "body": {"tables": []}}, Outcome.UNREACHABLE),
    ({"status": 200, "body": {"tables": [{"name": "PrimaryResult"}]}}, Outcome.UNREACHABLE),
    (
        {"status": 200, "body": {"tables": [{"columns": [{"name": "A", "type": "string"}], "rows": [["a", "b"]]}]}},
        Outcome.UNREACHABLE,
    ),
    ({"status": 200, "body": {"tables": [{"columns": [{"name": "A"}], "rows": []}]}}, Outcome.UNREACHABLE),
    ({"status": 200, "body": "no JSON"}, Outcome.UNREACHABLE),
    ({"status": 200, "body": {**EMPTY, "error": "oops"}}, Outcome.UNREACHABLE),
    ({"status": 200, "body": {**EMPTY, "error": {"code": "X", "innererror": 5}}}, Outcome.UNREACHABLE),
    ({"status": 202, "body": EMPTY}, Outcome.UNREACHABLE),
    ({"status": 204}, Outcome.UNREACHABLE),
    ({"status": 302, "headers": {"Location": "/elsewhere"}}, Outcome.UNREACHABLE),
]


@pytest.mark.parametrize(("action", "outcome"), FAILING, ids=str)
@pytest.mark.parametrize("first", [True, False], ids=["first table", "second table"])
async def test_what_is_no_answer_is_told_by_its_kind(start, action, outcome, first):
    arm = await start(holding(AddonAzureBackupJobs=[job(1)], AzureDiagnostics=[legacy(2)]))
    if not first:
        await arm.sim("POST", "faults", {"path_regex": "/query$", "times": 1, "action": {"delay_s": 0}})
    await arm.sim("POST", "faults", {"path_regex": "/query$", "times": 1, "action": action})
    answer = await asked(arm, REMEDIATOR_CALL_TIMEOUT_SECONDS="1")
    assert (answer.outcome, answer.complete_until) == (outcome, SINCE), answer
    assert answer.reason
    assert (answer.tables, numbers(answer)) == (((LEGACY,), [2]) if first else ((MODERN,), [1]))


@pytest.mark.parametrize(
    "action",
    [
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"status": 503, "headers": {"Retry-After": "0"}},
        {"reset": True},
        {"reset": "after"},
    ],
    ids=str,
)
async def test_what_passes_is_tried_again(start, action):
    arm = await start(holding(AddonAzureBackupJobs=[job(1)]))
    await arm.sim("POST", "faults", {"path_regex": "/query$", "times": 2, "action": action})
    began = time.monotonic()
    answer = await asked(arm, REMEDIATOR_RETRY_SECONDS="20")
    assert (answer.outcome, numbers(answer)) == (Outcome.COMPLETE, [1])
    assert action.get("status") != 429 or time.monotonic() - began >= 2


async def test_a_retry_after_past_the_time_left_ends_it(start):
    arm = await start(holding(AddonAzureBackupJobs=[job(1)]))
    await arm.sim("POST", "faults", {"path_regex": "/query$", "action": {"status": 429, "headers": {"Retry-After": "3600"}}})
    assert (await asked(arm, REMEDIATOR_RETRY_SECONDS="20")).outcome is Outcome.UNREACHABLE
    assert len(await queries(arm)) == 2


async def test_a_missing_column_is_a_refusal_and_not_a_missing_table(start):
    body = {
        "error": {
            "code": "BadArgumentError",
            "message": "bad",
            "innererror": {"code": "SEM0100", "message": "no column named 'JobStatus'"},
        }
    }
    arm = await start(holding(AddonAzureBackupJobs=[job(1)]))
    await arm.sim("POST", "faults", {"path_regex": "/query$", "times": 1, "action": {"status": 400, "body": body}})
    answer = await asked(arm)
    assert (answer.outcome, answer.reason) == (Outcome.REFUSED, "SEM0100: no column named 'JobStatus'")


@pytest.mark.parametrize(
    ("since", "until"),
    [(UNTIL, SINCE), (SINCE.replace(tzinfo=None), UNTIL), (SINCE, UNTIL.replace(tzinfo=None))],
)
async def test_what_is_no_span_of_time_is_refused(start, since: datetime, until: datetime):
    arm = await start(holding())
    async with reading(arm.url) as log:
        with pytest.raises(ValueError, match="span"):
            await log.failures(since, until)


async def test_the_app_makes_it_from_its_settings(start, tmp_path):
    arm = await start(holding(AddonAzureBackupJobs=[job(1)]))
    settings = {"REMEDIATOR_LOGS_ENDPOINT": arm.url, "REMEDIATOR_WORKSPACE_ID": WORKSPACE, "REMEDIATOR_SUBSCRIPTION_ID": SUB}
    app = App({**settings, "REMEDIATOR_STORE": f"sqlite:{tmp_path / 'x.db'}"})
    try:
        assert numbers(await (await app.failed_backup_log()).failures(SINCE, UNTIL)) == [1]
    finally:
        await app.close()
