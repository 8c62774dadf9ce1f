"""The answers of the log of failed backups: its rows as values, and how complete they
are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.arm_ids import fold
from shared.errors import NotUsable
from shared.events.failure import JOB_ID
from shared.events.vm_items import item_of_names


class ReadOutcome(StrEnum):
    """From best to worst. Only after COMPLETE does a missing row mean anything."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    """Azure returned rows and an error (LogsQueryStatus.PARTIAL), or one instant has
    more rows than one query may return."""
    NO_TABLES = "no_tables"
    """No vault has ever logged its backup jobs to this workspace."""
    UNREACHABLE = "unreachable"
    """Throttled, a server error, no answer, or no answer of the query API, for all of
    REMEDIATOR_RETRY_SECONDS."""
    REFUSED = "refused"
    """The query as it is will always be refused."""
    NO_PERMISSION = "no_permission"
    NO_WORKSPACE = "no_workspace"
    """None is configured, or the configured one does not exist."""


@dataclass(frozen=True, slots=True)
class LoggedJob:
    """One backup job of an Azure VM, as its last record has it."""

    table: str
    vault_id: str
    """In the log's casing, which is not the vault's own."""
    container_name: str
    """IaasVMContainer;iaasvmcontainerv2;{group};{vm}, from BackupItemUniqueId."""
    item_name: str
    """VM;iaasvmcontainerv2;{group};{vm}."""
    vm_id: str
    job_id: str
    """JobUniqueId. No document says that this is the name of the vault's backup job, so
    read the job before relying on it."""
    started_at: datetime
    recorded_at: datetime
    """TimeGenerated."""
    error_code: str
    """JobFailureCode, a name; "" where the row has none."""
    status: str

    @property
    def key(self) -> tuple[str, str]:
        return fold(self.vault_id), fold(self.job_id)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row of a failed backup that could not be read, and why: a backup failed all the
    same."""

    table: str
    reason: str


@dataclass(frozen=True, slots=True)
class TableReading:
    """The rows of one table, complete before `complete_until`."""

    table: str
    outcome: ReadOutcome
    complete_until: datetime
    reason: str = ""
    failures: tuple[LoggedJob, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def with_rows(self, rows: Iterable[LoggedJob | Skipped]) -> TableReading:
        """With more rows, each once: pages overlap by an instant."""
        failures = {each.key: each for each in self.failures}
        skipped = dict.fromkeys(self.skipped)
        for row in rows:
            if isinstance(row, LoggedJob):
                failures[row.key] = row
            else:
                skipped[row] = None
        return replace(self, failures=tuple(failures.values()), skipped=tuple(skipped))


@dataclass(frozen=True, slots=True)
class LogAnswer:
    """The answer for a span of time.

    Before `complete_until`, `failures` and `skipped` are all rows that the workspace
    had at the time of the query; from then on some may be missing. It is the end of the
    span when COMPLETE, and its beginning when nothing is certain. Begin the next query
    there, or earlier: rows arrive late.
    """

    outcome: ReadOutcome
    complete_until: datetime
    reason: str = ""
    """For a person; "" when COMPLETE."""
    tables: tuple[str, ...] = ()
    """The tables that answered."""
    failures: tuple[LoggedJob, ...] = ()
    """Each job once, in the order of its record."""
    skipped: tuple[Skipped, ...] = ()


def read_row(table: str, row: Mapping[str, Any]) -> LoggedJob | Skipped:
    """A row of a query of log_queries.py, by that query's column names."""
    try:
        item = item_of_names(
            _read_text(row, "VaultId"),
            _read_text(row, "BackupItemUniqueId"),
            "BackupItemUniqueId",
            "VaultId",
        )
        return LoggedJob(
            table=table,
            vault_id=item.vault_id,
            container_name=item.container,
            item_name=item.name,
            vm_id=item.vm_id,
            job_id=_read_job_id(row),
            started_at=_read_moment(row, "JobStartDateTime"),
            recorded_at=_read_moment(row, "TimeGenerated"),
            error_code=_read_text(row, "JobFailureCode", may_be_empty=True),
            status=_read_text(row, "JobStatus"),
        )
    except NotUsable as error:
        return Skipped(
            table,
            f"job {row.get('JobUniqueId')!r:.80} of {row.get('TimeGenerated')!s:.80}:"
            f" {error.reason}",
        )


def _read_text(row: Mapping[str, Any], name: str, *, may_be_empty: bool = False) -> str:
    value = row.get(name)
    if may_be_empty and value is None:
        return ""
    if not isinstance(value, str) or not (value or may_be_empty):
        raise NotUsable(f"{name} is {value!r:.80}")
    return value


def _read_job_id(row: Mapping[str, Any]) -> str:
    job_id = _read_text(row, "JobUniqueId")
    if not JOB_ID.fullmatch(job_id):
        raise NotUsable(f"JobUniqueId is no job's: {job_id!r:.80}")
    return job_id


def _read_moment(row: Mapping[str, Any], name: str) -> datetime:
    value = row.get(name)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise NotUsable(f"{name} is no time: {value!r:.80}")
    return value
