"""Reads what a Log Analytics workspace has of one VM: its backup jobs that ended, and
its newest heartbeat. One query.

Rows of a job arrive 20 to 30 minutes after it ended, heartbeats within minutes.
https://learn.microsoft.com/azure/backup/backup-azure-monitoring-use-azuremonitor
https://learn.microsoft.com/azure/azure-monitor/logs/data-ingestion-time
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared import errors
from shared.arm_ids import ArmId, parse, same
from shared.azure.calls import ResponseHook, call_with_retries
from shared.azure.clients import AzureClients
from shared.azure.log_answers import read_tables, require_whole_tables
from shared.azure.log_queries import (
    HEARTBEAT,
    OF_VM_ACTIONS,
    OF_VM_TABLES,
    build_vm_query,
    is_none_there,
)
from shared.azure.log_rows import LoggedJob, read_row
from shared.facts import Unreadable

MOST_ROWS = 200
"""Jobs of each table: an Enhanced policy makes six a day."""
LONGEST_SECONDS = 20.0
"""For an answer, and for attempts after a passing failure: a diagnosis does not wait
for evidence that decides nothing."""


@dataclass(frozen=True, slots=True)
class LoggedVm:
    """What the log has of a VM in a span of time."""

    jobs: tuple[LoggedJob, ...]
    """Failed or completed, each once, newest first."""
    heartbeat: datetime | None
    """Of the newest heartbeat."""
    has_heartbeats: bool
    """Whether the workspace has a table Heartbeat at all."""
    why_not_whole: str
    """Why rows may be missing, or ""."""


class VmLog:
    """The workspace of the setting REMEDIATOR_WORKSPACE_ID. Reads; changes nothing."""

    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients

    async def read(
        self, vm_id: str, since: datetime, until: datetime
    ) -> LoggedVm | Unreadable | None:
        """What was recorded from `since` on and before `until`; None where no workspace
        is configured. Raises nothing for what Azure answers."""
        settings, vm = self._clients.settings, parse(vm_id)
        if not settings.workspace_id:
            return None
        query = build_vm_query(vm, since, until, MOST_ROWS)

        async def read(hook: ResponseHook) -> LoggedVm:
            answer = await self._clients.logs.query_workspace(
                settings.workspace_id,
                query,
                timespan=(since.astimezone(UTC), until.astimezone(UTC)),
                server_timeout=max(1, int(LONGEST_SECONDS)),
                raw_response_hook=require_whole_tables(hook),
            )
            return _read(vm, *read_tables(answer))

        try:
            answer = await call_with_retries(
                read,
                timeout_seconds=min(settings.call_timeout_seconds, LONGEST_SECONDS),
                retry_seconds=min(settings.retry_seconds, LONGEST_SECONDS),
            )
        except errors.AzureCallFailed as error:
            return Unreadable("the log of the workspace", _explain(error))
        return answer.value


def _read(vm: ArmId, rows: list[dict[str, Any]], why_partial: str) -> LoggedVm:
    beats = [row for row in rows if row.get("Source") == HEARTBEAT]
    logged = [row for row in rows if row.get("Source") != HEARTBEAT]
    read = [read_row(str(row.get("Source")), row) for row in logged]
    jobs = [job for job in read if isinstance(job, LoggedJob) and same(job.vm_id, vm.text)]
    reasons = [why_partial] if why_partial else []
    if len(jobs) < len(logged):
        reasons.append(f"rows that are not understood: {len(logged) - len(jobs)}")
    reasons += [
        f"only the newest {MOST_ROWS} jobs of {table} were read"
        for table in OF_VM_TABLES
        if sum(row.get("Source") == table for row in logged) == MOST_ROWS
    ]
    return LoggedVm(_each_once(jobs), _find_newest(beats), bool(beats), "; ".join(reasons))


def _each_once(jobs: Iterable[LoggedJob]) -> tuple[LoggedJob, ...]:
    """Both kinds of tables may have a job."""
    once = {job.key: job for job in jobs}.values()
    return tuple(sorted(once, key=lambda job: (job.started_at, job.key), reverse=True))


def _find_newest(beats: Iterable[Mapping[str, Any]]) -> datetime | None:
    times = [beat.get("TimeGenerated") for beat in beats]
    return max((each for each in times if isinstance(each, datetime) and each.tzinfo), default=None)


def _explain(error: errors.AzureCallFailed) -> str:
    """Names the permissions and the tables: the log's refusal names neither."""
    if is_none_there(error):
        return f"it has none of the tables {', '.join(OF_VM_TABLES)}"
    if isinstance(error, errors.AccessDenied):
        return f"{error}; needed at the workspace: {', '.join(OF_VM_ACTIONS)}"
    return str(error)
