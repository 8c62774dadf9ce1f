"""A workspace with rows as Azure Backup's diagnostic settings write them, and the
product's reader of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from local.scenarios import parts
from shared.azure.clients import AzureClients
from shared.azure.log_rows import LogAnswer
from shared.azure.logs import ROWS_PER_QUERY, FailedBackupLog
from shared.settings import Settings
from tests.local.simulator.support import SUB, Arm, state

WORKSPACE = "11111111-1111-1111-1111-111111111111"
WORKSPACE_ID = (
    f"/subscriptions/{SUB}/resourceGroups/rg-app"
    "/providers/Microsoft.OperationalInsights/workspaces/logs"
)
QUERY_PATH = f"/v1/workspaces/{WORKSPACE}/query"
SINCE = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=2)
MODERN, LEGACY = "AddonAzureBackupJobs", "AzureDiagnostics"


def at(minute: float) -> str:
    return (SINCE + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def job(number: int, minute: float | None = None, **changes: Any) -> dict[str, Any]:
    """A failed backup of vm{number}, recorded `minute` minutes into the span (default:
    its number)."""
    recorded = number if minute is None else minute
    row = {
        "TimeGenerated": at(recorded),
        "OperationName": "Job",
        "Category": "AddonAzureBackupJobs",
        "ResourceId": parts.vault_id().upper(),
        "_ResourceId": parts.vault_id().lower(),
        "JobUniqueId": parts.guid("logged", str(number)),
        "JobOperation": "Backup",
        "JobStatus": "Failed",
        "JobFailureCode": "UserErrorGuestAgentStatusUnavailable",
        "JobStartDateTime": at(recorded - 5),
        "BackupManagementType": "IaaSVM",
        "BackupItemUniqueId": f"westeurope;8675309;iaasvmcontainerv2;rg-app;vm{number}",
        "SchemaVersion": "V2",
    }
    return {**row, **changes}


def legacy(number: int, minute: float | None = None, **changes: Any) -> dict[str, Any]:
    """The same as AzureDiagnostics has it: a suffix on each column, a GUID's is _g."""
    suffixed = {"JobUniqueId": "JobUniqueId_g"}
    kept = ("TimeGenerated", "OperationName", "ResourceId", "_ResourceId")
    row = {
        name if name in kept else suffixed.get(name, f"{name}_s"): value
        for name, value in job(number, minute).items()
    }
    row["Category"] = "AzureBackupReport"
    del row["Category_s"]
    return {**row, **changes}


def holding(*more: dict[str, Any], **tables: list[dict[str, Any]]) -> dict[str, Any]:
    """A state with a workspace and these tables."""
    workspace = {
        "id": WORKSPACE_ID,
        "location": "westeurope",
        "properties": {"customerId": WORKSPACE},
    }
    return {**state(workspace, *more), "logs": tables}


@asynccontextmanager
async def reading(
    url: str, rows_per_query: int = ROWS_PER_QUERY, **more: str
) -> AsyncIterator[FailedBackupLog]:
    """The product's own, over the real client."""
    environment = {
        "REMEDIATOR_LOGS_ENDPOINT": url,
        "REMEDIATOR_WORKSPACE_ID": WORKSPACE,
        "REMEDIATOR_RETRY_SECONDS": "0",
        "REMEDIATOR_CALL_TIMEOUT_SECONDS": "5",
        **more,
    }
    clients = AzureClients(Settings.from_environment(environment), SUB)
    try:
        yield FailedBackupLog(clients, rows_per_query)
    finally:
        await clients.close()


async def asked(arm: Arm, rows_per_query: int = 1000, **settings: str) -> LogAnswer:
    async with reading(arm.url, rows_per_query, **settings) as log:
        return await log.failures(SINCE, UNTIL)


async def queries(arm: Arm) -> list[dict[str, Any]]:
    return [each for each in (await arm.sim("GET", "requests")).body if each["path"] == QUERY_PATH]


def numbers(answer: LogAnswer) -> list[int]:
    return [int(each.item_name.rsplit("vm", 1)[1]) for each in answer.failures]


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


async def answering(start, rows: list[Any], **body: Any) -> Arm:
    """A workspace that answers every query so, whatever it holds."""
    arm = await start(holding(AddonAzureBackupJobs=[]))
    columns = [{"name": name, "type": kind} for name, kind in COLUMNS.items()]
    table = {"name": "PrimaryResult", "columns": columns, "rows": rows}
    fault = {
        "path_regex": "/query$",
        "action": {"status": 200, "body": {"tables": [table], **body}},
    }
    assert (await arm.sim("POST", "faults", fault)).status == 201
    return arm
