"""Reads failed VM backups from a Log Analytics workspace, where the vaults' diagnostic
settings send them.

Rows arrive late (20 to 30 minutes, as documented). They are found by TimeGenerated, the
time of the record, which is after the job ended.
https://learn.microsoft.com/azure/backup/backup-azure-monitoring-use-azuremonitor
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from shared import errors
from shared.azure.calls import ResponseHook
from shared.azure.clients import AzureClients
from shared.azure.log_answers import read_tables, require_whole_tables
from shared.azure.log_queries import TABLES, LogTable
from shared.azure.log_rows import (
    LogAnswer,
    LoggedJob,
    ReadOutcome,
    Skipped,
    TableReading,
    read_row,
)

ROWS_PER_QUERY = 1000
_OUTCOMES: tuple[tuple[type[errors.AzureCallFailed], ReadOutcome], ...] = (
    (errors.NotFound, ReadOutcome.NO_WORKSPACE),
    (errors.AccessDenied, ReadOutcome.NO_PERMISSION),
    (errors.Refused, ReadOutcome.REFUSED),
)
"""The first match counts; any other failure is UNREACHABLE."""


class FailedBackupLog:
    """The workspace of the setting REMEDIATOR_WORKSPACE_ID. Reads; changes nothing."""

    def __init__(self, clients: AzureClients, rows_per_query: int = ROWS_PER_QUERY) -> None:
        self._clients = clients
        self._rows_per_query = rows_per_query

    async def failures(self, since: datetime, until: datetime) -> LogAnswer:
        """Failed backups of Azure VMs, in all vaults that log there, recorded from
        `since` on and before `until`.

        Both need a time zone. Raises ValueError where one has none or `until` is before
        `since`; never for what Azure answers. A job that both kinds of tables have is
        returned once. Rows of vaults in other subscriptions are returned as well.
        """
        if since.tzinfo is None or until.tzinfo is None or until < since:
            raise ValueError(f"no span of time: {since} to {until}")
        if not self._clients.settings.workspace_id:
            return LogAnswer(ReadOutcome.NO_WORKSPACE, since, "REMEDIATOR_WORKSPACE_ID is not set")
        readings = [
            await self._read_table(table, since.astimezone(UTC), until.astimezone(UTC))
            for table in TABLES
        ]
        return _fold(readings, since)

    async def _read_table(self, table: LogTable, since: datetime, until: datetime) -> TableReading:
        """All pages of one table. Each begins at the last instant of the one before,
        which may have more rows than that page held."""
        reading = TableReading(table.name, ReadOutcome.COMPLETE, since)
        while True:
            try:
                page = await self._read_page(table, reading.complete_until, until)
            except errors.AzureCallFailed as error:
                if table.is_missing(error):
                    return replace(reading, outcome=ReadOutcome.NO_TABLES, reason=error.message)
                return replace(
                    reading, outcome=_choose_outcome(error), reason=_explain(table, error)
                )
            reading = reading.with_rows(page.rows)
            if page.partial:
                return replace(reading, outcome=ReadOutcome.PARTIAL, reason=page.partial)
            if len(page.rows) < self._rows_per_query:
                return replace(reading, complete_until=until)
            if page.last is None or page.last <= reading.complete_until:
                reason = (
                    f"{table.name} has {self._rows_per_query} rows or more that begin at one"
                    f" instant, {reading.complete_until.isoformat()}"
                )
                return replace(reading, outcome=ReadOutcome.PARTIAL, reason=reason)
            reading = replace(reading, complete_until=page.last)

    async def _read_page(self, table: LogTable, since: datetime, until: datetime) -> _Page:
        settings = self._clients.settings
        query = table.query(since, until, self._rows_per_query)

        async def read(hook: ResponseHook) -> Any:
            return await self._clients.logs.query_workspace(
                settings.workspace_id,
                query,
                timespan=(since, until),
                server_timeout=max(1, int(settings.call_timeout_seconds)),
                raw_response_hook=require_whole_tables(hook),
            )

        answer = await self._clients.call_with_retries(read)
        return _parse_page(table.name, answer.value)


@dataclass(frozen=True, slots=True)
class _Page:
    rows: tuple[LoggedJob | Skipped, ...]
    partial: str
    """Why the answer is not whole, or ""."""
    last: datetime | None
    """When the last row was recorded; None where the row does not say."""


def _parse_page(table: str, result: Any) -> _Page:
    """From a LogsQueryResult or a LogsQueryPartialResult."""
    rows, why_partial = read_tables(result)
    last = rows[-1].get("TimeGenerated") if rows else None
    return _Page(
        tuple(read_row(table, row) for row in rows),
        why_partial,
        last if isinstance(last, datetime) and last.tzinfo else None,
    )


def _choose_outcome(error: errors.AzureCallFailed) -> ReadOutcome:
    return next(
        (outcome for kind, outcome in _OUTCOMES if isinstance(error, kind)), ReadOutcome.UNREACHABLE
    )


def _explain(table: LogTable, error: errors.AzureCallFailed) -> str:
    """Names the missing permissions: the log's refusal does not, unlike ARM's."""
    needed = (
        f"; needed at the workspace: {' and '.join(table.actions)}"
        if isinstance(error, errors.AccessDenied)
        else ""
    )
    return f"{error}{needed}"


def _fold(readings: list[TableReading], since: datetime) -> LogAnswer:
    """One answer from several tables. A table that was never written counts only where
    there is no other."""
    there = [each for each in readings if each.outcome is not ReadOutcome.NO_TABLES]
    if not there:
        return LogAnswer(ReadOutcome.NO_TABLES, since, "; ".join(each.reason for each in readings))
    short = [each for each in there if each.outcome is not ReadOutcome.COMPLETE]
    worst = max((each.outcome for each in there), key=list(ReadOutcome).index)
    rows = {each.key: each for reading in reversed(there) for each in reading.failures}
    return LogAnswer(
        worst,
        min(each.complete_until for each in there),
        "; ".join(dict.fromkeys(each.reason for each in short)),
        tuple(
            each.table
            for each in there
            if each.outcome in (ReadOutcome.COMPLETE, ReadOutcome.PARTIAL)
        ),
        tuple(sorted(rows.values(), key=lambda each: (each.recorded_at, each.key))),
        tuple(skipped for reading in there for skipped in reading.skipped),
    )
