"""What the log of failed backups gives: its rows as values, and how much of the truth
they are."""

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


class Outcome(StrEnum):
    """From best to worst. Only COMPLETE says anything about what is not among the rows."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    """Azure gave some rows and an error (LogsQueryStatus.PARTIAL), or more rows at one
    instant than one query may give."""
    NO_TABLES = "no_tables"
    """No vault ever logged its backup jobs to this workspace."""
    UNREACHABLE = "unreachable"
    """Throttled, a server error, no answer, or one that is no answer to a query, for
    all of REMEDIATOR_RETRY_SECONDS."""
    REFUSED = "refused"
    """The query as it is will never be answered."""
    NO_PERMISSION = "no_permission"
    NO_WORKSPACE = "no_workspace"
    """None is set, or the one that is set does not exist."""


@dataclass(frozen=True, slots=True)
class LoggedFailure:
    """One backup job of an Azure VM whose last record says Failed."""

    table: str
    vault_id: str
    """In the log's casing, which is not the vault's own."""
    container_name: str
    """IaasVMContainer;iaasvmcontainerv2;{group};{vm}, from BackupItemUniqueId."""
    item_name: str
    """VM;iaasvmcontainerv2;{group};{vm}."""
    vm_id: str
    job_id: str
    """JobUniqueId. That it is the name of the vault's backup job is not established:
    read the job before anything is believed."""
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
    """A row of a failed backup that could not be read, and why. Somebody's backup
    failed all the same."""

    table: str
    reason: str


@dataclass(frozen=True, slots=True)
class TableReading:
    """What one table gave. Rows are whole before `complete_until`."""

    table: str
    outcome: Outcome
    complete_until: datetime
    reason: str = ""
    failures: tuple[LoggedFailure, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def with_rows(self, rows: Iterable[LoggedFailure | Skipped]) -> TableReading:
        """With more rows; those that were there already (pages overlap by an instant)
        are not doubled."""
        failures = {each.key: each for each in self.failures}
        skipped = dict.fromkeys(self.skipped)
        for row in rows:
            if isinstance(row, LoggedFailure):
                failures[row.key] = row
            else:
                skipped[row] = None
        return replace(self, failures=tuple(failures.values()), skipped=tuple(skipped))


@dataclass(frozen=True, slots=True)
class LogAnswer:
    """The answer for a span of time.

    Before `complete_until`, `failures` and `skipped` are all that the workspace had
    when it was asked; that is the end of the span when COMPLETE, and its beginning when
    nothing is certain. From there on the rows may lack some. The next look begins
    there, or earlier: rows come late.
    """

    outcome: Outcome
    complete_until: datetime
    reason: str = ""
    """For a person; "" when COMPLETE."""
    tables: tuple[str, ...] = ()
    """The tables that answered."""
    failures: tuple[LoggedFailure, ...] = ()
    """Each job once, in the order of its record."""
    skipped: tuple[Skipped, ...] = ()


def failure(table: str, row: Mapping[str, Any]) -> LoggedFailure | Skipped:
    """A row of log_queries.py, by the names that the query gave its columns."""
    try:
        item = item_of_names(
            _text(row, "VaultId"), _text(row, "BackupItemUniqueId"), "BackupItemUniqueId", "VaultId"
        )
        return LoggedFailure(
            table=table,
            vault_id=item.vault_id,
            container_name=item.container,
            item_name=item.name,
            vm_id=item.vm_id,
            job_id=_job_id(row),
            started_at=_moment(row, "JobStartDateTime"),
            recorded_at=_moment(row, "TimeGenerated"),
            error_code=_text(row, "JobFailureCode", may_be_empty=True),
            status=_text(row, "JobStatus"),
        )
    except NotUsable as error:
        return Skipped(
            table,
            f"job {row.get('JobUniqueId')!r:.80} of {row.get('TimeGenerated')!s:.80}:"
            f" {error.reason}",
        )


def _text(row: Mapping[str, Any], name: str, *, may_be_empty: bool = False) -> str:
    value = row.get(name)
    if may_be_empty and value is None:
        return ""
    if not isinstance(value, str) or not (value or may_be_empty):
        raise NotUsable(f"{name} is {value!r:.80}")
    return value


def _job_id(row: Mapping[str, Any]) -> str:
    job_id = _text(row, "JobUniqueId")
    if not JOB_ID.fullmatch(job_id):
        raise NotUsable(f"JobUniqueId is no job's: {job_id!r:.80}")
    return job_id


def _moment(row: Mapping[str, Any], name: str) -> datetime:
    value = row.get(name)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise NotUsable(f"{name} is no time: {value!r:.80}")
    return value
