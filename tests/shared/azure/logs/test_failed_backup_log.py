"""The log of failed backups: the real client of the Log Analytics query API against the
simulator, over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest

from local.scenarios import parts
from shared.azure.log_rows import ReadOutcome
from tests.shared.azure.logs.support import (
    CELLS,
    COLUMNS,
    LEGACY,
    MODERN,
    SINCE,
    UNTIL,
    answering,
    asked,
    at,
    holding,
    job,
    legacy,
    numbers,
)

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
    suffixed = {
        name if name == "TimeGenerated" else f"{name}_s": value for name, value in change.items()
    }
    other = job(1, **change) if table == MODERN else legacy(1, **suffixed)
    arm = await start(holding(**{table: [other, job(2) if table == MODERN else legacy(2)]}))
    answer = await asked(arm)
    assert (answer.outcome, numbers(answer), answer.skipped) == (ReadOutcome.COMPLETE, [2], ())


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
    (
        {LEGACY: [{"TimeGenerated": at(1), "Category": "AuditEvent", "ResourceId": "/x"}]},
        (LEGACY,),
        [],
    ),
]


@pytest.mark.parametrize(("tables", "answered", "machines"), TABLES)
async def test_whichever_table_is_there(start, tables, answered, machines):
    arm = await start(holding(**tables))
    answer = await asked(arm)
    assert (answer.outcome, answer.complete_until, answer.reason) == (
        ReadOutcome.COMPLETE,
        UNTIL,
        "",
    )
    assert (answer.tables, numbers(answer), answer.skipped) == (answered, machines, ())
    assert [each.table for each in answer.failures if each.item_name.endswith("vm2")] in (
        [],
        [answered[0]],
    )


async def test_where_no_vault_logs_nothing_is_known(start):
    arm = await start(holding(Heartbeat=[{"TimeGenerated": at(1)}]))
    answer = await asked(arm)
    assert (answer.outcome, answer.complete_until, answer.failures) == (
        ReadOutcome.NO_TABLES,
        SINCE,
        (),
    )
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
    assert (failure.recorded_at, failure.started_at) == (
        SINCE + timedelta(minutes=1),
        SINCE - timedelta(minutes=4),
    )
    assert (failure.error_code, failure.status) == (
        "UserErrorGuestAgentStatusUnavailable",
        "Failed",
    )


async def test_the_last_record_of_a_job_counts(start):
    jobs = [
        job(1, 1),
        job(1, 9, JobStatus="Completed"),
        job(2, 1, JobStatus="InProgress"),
        job(2, 9),
        job(3, 1),
        job(3, 9),
    ]
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
    assert (answer.outcome, numbers(answer)) == (ReadOutcome.COMPLETE, [2])
    (skipped,) = answer.skipped
    assert skipped.table == MODERN and reason in skipped.reason, skipped


@pytest.mark.parametrize("column", [name for name in COLUMNS if name != "TimeGenerated"])
@pytest.mark.parametrize("wrong", [5, True, {"a": 1}, [1]], ids=str)
async def test_cells_of_wrong_types_are_skipped_and_said(start, column, wrong):
    cells = [wrong if name == column else cell for name, cell in zip(COLUMNS, CELLS, strict=True)]
    answer = await asked(await answering(start, [cells, CELLS[:2] + ["j2"] + CELLS[3:]]))
    assert [each.job_id for each in answer.failures] == ["j2"]
    assert any(column in each.reason for each in answer.skipped), answer
