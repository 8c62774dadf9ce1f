"""A workspace with rows as Azure Backup's diagnostic settings write them, and the product's reader of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.azure.clients import AzureClients
from shared.azure.logs import ROWS_PER_QUERY, FailedBackupLog
from shared.settings import Settings
from simulator.scenarios import parts
from tests.simulator.support import SUB, state

WORKSPACE = "11111111-1111-1111-1111-111111111111"
WORKSPACE_ID = f"/subscriptions/{SUB}/resourceGroups/rg-app/providers/Microsoft.OperationalInsights/workspaces/logs"
QUERY_PATH = f"/v1/workspaces/{WORKSPACE}/query"
SINCE = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=2)
MODERN, LEGACY = "AddonAzureBackupJobs", "AzureDiagnostics"


def at(minute: float) -> str:
    return (SINCE + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def job(number: int, minute: float | None = None, **changes: Any) -> dict[str, Any]:
    """A failed backup of vm{number}, recorded `minute` minutes into the span (default: its number)."""
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
    row = {name if name in kept else suffixed.get(name, f"{name}_s"): value for name, value in job(number, minute).items()}
    row["Category"] = "AzureBackupReport"
    del row["Category_s"]
    return {**row, **changes}


def holding(*more: dict[str, Any], **tables: list[dict[str, Any]]) -> dict[str, Any]:
    """A state with a workspace and these tables."""
    workspace = {"id": WORKSPACE_ID, "location": "westeurope", "properties": {"customerId": WORKSPACE}}
    return {**state(workspace, *more), "logs": tables}


@asynccontextmanager
async def reading(url: str, rows_per_query: int = ROWS_PER_QUERY, **more: str) -> AsyncIterator[FailedBackupLog]:
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
