"""The KQL that is sent to a workspace: for failed jobs, a query for each of the two
kinds of tables that a vault logs to; for one VM, a single query over both and the
heartbeats. Times, numbers and an id that was parsed are put into it.

Of each job the last record in the span counts. BackupItemUniqueId names resource group
and VM, so no join is needed: one with CoreAzureBackup would lose the jobs of items that
are not there yet.
https://learn.microsoft.com/azure/backup/backup-azure-reports-data-model
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared import clock
from shared.arm_ids import ArmId
from shared.errors import AzureCallFailed, Refused

NOT_RESOLVED = "SEM0100"
"""Kusto's code for a name of a table or column that does not exist."""

QUERY_ACTION = "Microsoft.OperationalInsights/workspaces/query"

_SPAN = "where TimeGenerated >= datetime({since}) and TimeGenerated < datetime({until})"
_LAST_RECORD = "summarize arg_max(TimeGenerated, *) by VaultId, JobUniqueId"
_FAILED = (
    _LAST_RECORD,
    'where JobStatus == "Failed"',
    "order by TimeGenerated asc",
    "take {rows}",
)
"""Of all VMs, oldest first."""
_OF_VM = (
    'where VaultId startswith "/subscriptions/{subscription}/"'
    ' and BackupItemUniqueId endswith "iaasvmcontainerv2;{group};{vm}"',
    _LAST_RECORD,
    'where JobStatus in ("Failed", "Completed", "CompletedWithWarnings")',
    "order by TimeGenerated desc",
    "take {rows}",
)
"""Newest first. Vault and VM are always in one subscription."""
_RESOURCE_SPECIFIC = (
    "AddonAzureBackupJobs",
    _SPAN,
    'where JobOperation =~ "Backup" and BackupManagementType =~ "IaaSVM"',
    (
        'project TimeGenerated, VaultId = coalesce(_ResourceId, column_ifexists("ResourceId", "")),'
        " JobUniqueId = tostring(JobUniqueId), BackupItemUniqueId, JobStatus, JobFailureCode,"
        " JobStartDateTime = todatetime(JobStartDateTime)"
    ),
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


TABLES = (_make_table((*_RESOURCE_SPECIFIC, *_FAILED)), _make_table((*_LEGACY, *_FAILED)))
"""The preferred one first: where both have a job, its row is kept."""

HEARTBEAT = "Heartbeat"
_HEARTBEAT = (
    HEARTBEAT,
    _SPAN,
    'where _ResourceId =~ "{vm_id}"',
    "summarize TimeGenerated = max(TimeGenerated)",
)
"""One row wherever the table exists, without a time where the VM has no heartbeat.
https://learn.microsoft.com/azure/azure-monitor/reference/tables/heartbeat"""
_LEGS = ((*_RESOURCE_SPECIFIC, *_OF_VM), (*_LEGACY, *_OF_VM), _HEARTBEAT)
OF_VM_TABLES = tuple(leg[0] for leg in _LEGS)
OF_VM_ACTIONS = (
    f"{QUERY_ACTION}/read",
    *(f"{QUERY_ACTION}/{table}/read" for table in OF_VM_TABLES),
)
_OF_VM_QUERY = "union isfuzzy=true\n" + ",\n".join(
    "({})".format("\n| ".join((*leg, f'extend Source = "{leg[0]}"'))) for leg in _LEGS
)
"""isfuzzy: a table that does not exist is left out; where none does, Kusto refuses.
https://learn.microsoft.com/kusto/query/union-operator"""


def build_vm_query(vm: ArmId, since: datetime, until: datetime, rows: int) -> str:
    """Jobs of this VM that ended, `rows` of each table at most, and its newest
    heartbeat. An id that `parse` has read can stand in a string of a query."""
    return _OF_VM_QUERY.format(
        since=clock.as_text(since),
        until=clock.as_text(until),
        rows=int(rows),
        subscription=vm.subscription,
        group=vm.resource_group,
        vm=vm.name,
        vm_id=vm.text,
    )


def is_none_there(error: AzureCallFailed) -> bool:
    """Whether the refusal of the query for one VM says that no table of it exists."""
    return (
        isinstance(error, Refused)
        and error.code == NOT_RESOLVED
        and any(f"'{table}'" in error.message for table in OF_VM_TABLES)
    )
