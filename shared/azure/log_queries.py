"""The KQL for the two kinds of tables that a vault logs its jobs to. Only times and a
number, all ours, are put into it.

Both queries return the same columns: of each job the last record in the span, where
that says Failed, oldest first. BackupItemUniqueId names resource group and VM, so no
join is needed: one with CoreAzureBackup would lose the jobs of items that are not there
yet.
https://learn.microsoft.com/azure/backup/backup-azure-reports-data-model
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared import clock
from shared.errors import AzureCallFailed, Refused

NOT_RESOLVED = "SEM0100"
"""Kusto's code for a name of a table or column that does not exist."""

QUERY_ACTION = "Microsoft.OperationalInsights/workspaces/query"

_SPAN = "where TimeGenerated >= datetime({since}) and TimeGenerated < datetime({until})"
_END = (
    "summarize arg_max(TimeGenerated, *) by VaultId, JobUniqueId",
    'where JobStatus == "Failed"',
    "order by TimeGenerated asc",
    "take {rows}",
)
_RESOURCE_SPECIFIC = (
    "AddonAzureBackupJobs",
    _SPAN,
    'where JobOperation =~ "Backup" and BackupManagementType =~ "IaaSVM"',
    (
        'project TimeGenerated, VaultId = coalesce(_ResourceId, column_ifexists("ResourceId", "")),'
        " JobUniqueId = tostring(JobUniqueId), BackupItemUniqueId, JobStatus, JobFailureCode,"
        " JobStartDateTime = todatetime(JobStartDateTime)"
    ),
    *_END,
)
_LEGACY = (
    "AzureDiagnostics",
    _SPAN,
    'where Category in ("AzureBackupReport", "AddonAzureBackupJobs")',
    (
        'extend JobOperation = column_ifexists("JobOperation_s", ""), BackupManagementType ='
        ' column_ifexists("BackupManagementType_s", "")'
    ),
    (
        'where OperationName == "Job" and JobOperation =~ "Backup" and BackupManagementType =~'
        ' "IaaSVM"'
    ),
    (
        'project TimeGenerated, VaultId = coalesce(_ResourceId, column_ifexists("ResourceId", "")),'
        ' JobUniqueId = coalesce(tostring(column_ifexists("JobUniqueId_g", "")),'
        ' tostring(column_ifexists("JobUniqueId_s", ""))), BackupItemUniqueId ='
        ' column_ifexists("BackupItemUniqueId_s", ""), JobStatus = column_ifexists("JobStatus_s",'
        ' ""), JobFailureCode = column_ifexists("JobFailureCode_s", ""), JobStartDateTime ='
        ' coalesce(todatetime(column_ifexists("JobStartDateTime_s", "")),'
        ' todatetime(column_ifexists("JobStartDateTime_t", "")))'
    ),
    *_END,
)
"""A column of AzureDiagnostics exists only once some row has filled it, and its suffix
is the type that Azure Monitor assumed."""


@dataclass(frozen=True, slots=True)
class LogTable:
    name: str
    query: Callable[[datetime, datetime, int], str]

    @property
    def actions(self) -> tuple[str, str]:
        """The permissions that a reader needs at the workspace.
        https://learn.microsoft.com/azure/azure-monitor/logs/manage-access"""
        return f"{QUERY_ACTION}/read", f"{QUERY_ACTION}/{self.name}/read"

    def is_missing(self, error: AzureCallFailed) -> bool:
        """Whether the refusal says that the table does not exist: nothing was ever
        written to it."""
        return (
            isinstance(error, Refused)
            and error.code == NOT_RESOLVED
            and f"'{self.name}'" in error.message
        )


def _make_table(stages: tuple[str, ...]) -> LogTable:
    template = "\n| ".join(stages)

    def query(since: datetime, until: datetime, rows: int) -> str:
        return template.format(
            since=clock.as_text(since), until=clock.as_text(until), rows=int(rows)
        )

    return LogTable(stages[0], query)


TABLES = (_make_table(_RESOURCE_SPECIFIC), _make_table(_LEGACY))
"""The preferred one first: where both have a job, its row is kept."""
