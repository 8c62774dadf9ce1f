"""The Log Analytics query API, over the rows that the state has under "logs".

A workspace is a Microsoft.OperationalInsights/workspaces with properties.customerId. If
the state has "logs" but no workspace at all, every workspace id is answered.
https://learn.microsoft.com/rest/api/loganalytics/query/execute
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from local.simulator import clock, deny, ids, kql
from local.simulator.errors import ArmError
from local.simulator.ids import fold
from local.simulator.kql import Columns, Row, columns_of
from local.simulator.log_errors import (
    bad_argument,
    no_access,
    partial,
    query_not_supported,
    workspace_not_found,
)
from local.simulator.state import text
from local.simulator.world import Answer, Call

_WAIT = re.compile(r"wait=(\d+)")
LONGEST_WAIT_SECONDS = 600
_TEXTS = (
    "AdHocOrScheduledJob BackupItemUniqueId BackupManagementServerUniqueId BackupManagementType"
    " Category JobFailureCode JobOperation JobOperationSubType JobStatus JobUniqueId OperationName"
    " ProtectedContainerUniqueId RecoveryJobDestination RecoveryJobRPLocation RecoveryLocationType"
    " ResourceId SchemaVersion SourceSystem State VaultUniqueId _ResourceId _SubscriptionId"
)
SCHEMAS: dict[str, Columns] = {
    "AddonAzureBackupJobs": {
        **dict.fromkeys(_TEXTS.split(), "string"),
        **dict.fromkeys(("TimeGenerated", "JobStartDateTime", "RecoveryJobRPDateTime"), "datetime"),
        **dict.fromkeys(("DataTransferredInMB", "JobDurationInSecs"), "real"),
    },
    "AzureDiagnostics": dict.fromkeys(
        (
            "Category",
            "Level",
            "OperationName",
            "Resource",
            "ResourceGroup",
            "ResourceProvider",
            "ResourceType",
        ),
        "string",
    ),
    "Heartbeat": dict.fromkeys(
        (
            "Category",
            "Computer",
            "ComputerEnvironment",
            "OSType",
            "ResourceId",
            "Version",
            "VMUUID",
        ),
        "string",
    ),
}
"""Columns that a table has even if no row fills them. AzureDiagnostics has columns with
a suffix only when some row filled them.
https://learn.microsoft.com/azure/azure-monitor/reference/tables/addonazurebackupjobs"""
STANDARD: Columns = {"TimeGenerated": "datetime", "_ResourceId": "string"}
"""Columns of every table."""


def run_query(call: Call) -> Answer:
    _check_workspace(call)
    _check_preference(call.prefer)
    body = call.body if isinstance(call.body, dict) else {}
    if not isinstance(body.get("query"), str) or not body["query"].strip():
        raise bad_argument(("MissingQuery", "The body has no query"))
    if body.get("workspaces"):
        raise query_not_supported("it names more workspaces")
    logs: dict[str, list[Row]] = call.state.extra.get("logs") or {}
    tables = {}
    for name, rows in logs.items():
        columns = columns_of(rows, {**STANDARD, **SCHEMAS.get(name, {})})
        tables[name] = kql.Result(columns, _select_timespan(rows, body.get("timespan")))
    result = kql.run(body["query"], tables)
    return Answer(200, _render(result, call.world.settings.log_rows))


def _check_workspace(call: Call) -> None:
    """Raises ArmError: 404 for an unknown workspace, 403 when a deny assignment forbids
    the query."""
    workspaces = list(call.state.of_type(ids.WORKSPACE))
    wanted = fold(call.names["workspace"])
    matching = [each for each in workspaces if fold(text(each, "customerId")) == wanted]
    if not matching and (workspaces or "logs" not in call.state.extra):
        raise workspace_not_found()
    for workspace in matching:
        try:
            deny.check(call.state, "GET", f"{workspace['id']}/query/any", "")
        except ArmError as error:
            raise no_access() from error


def _check_preference(prefer: str) -> None:
    """Of the header Prefer, only wait=N is supported: the seconds that the server may
    take."""
    for preference in filter(None, prefer.split(",")):
        match = _WAIT.fullmatch(preference.strip())
        if match is None:
            raise query_not_supported(f"the preference {preference!r}")
        if not 0 < int(match[1]) <= LONGEST_WAIT_SECONDS:
            raise bad_argument(("InvalidWait", f"wait is 1 to {LONGEST_WAIT_SECONDS} seconds"))


def _select_timespan(rows: list[Row], timespan: Any) -> list[Row]:
    """The rows of `timespan`, start/end with both ends included; all rows when it is
    None."""
    if timespan is None:
        return rows
    since, until = _parse_timespan(timespan)
    return [
        row for row in rows if (at := clock.parse(row["TimeGenerated"])) and since <= at <= until
    ]


def _parse_timespan(timespan: Any) -> tuple[datetime, datetime]:
    ends = [clock.parse(part) for part in timespan.split("/")] if isinstance(timespan, str) else []
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        raise query_not_supported(f"the timespan {timespan!r}; start/end is supported")
    return ends[0], ends[1]


def _render(result: kql.Result, limit: int) -> dict[str, Any]:
    columns = [{"name": name, "type": kind} for name, kind in result.columns.items()]
    rows = [[row.get(name) for name in result.columns] for row in result.rows]
    body: dict[str, Any] = {
        "tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows[:limit]}]
    }
    return {**body, "error": partial(limit)} if len(rows) > limit else body
