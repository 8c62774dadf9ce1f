"""Reads backup jobs that come from a Log Analytics workspace: log search alerts in each
form, and single rows.

| form of the alert | where its jobs are |
|---|---|
| V2 (rules of API version 2020-05-01 on) | the dimensions that the rule splits by |
| common schema (Log Analytics, Application Insights) | `alertContext.SearchResults` |
| its own schema (Microsoft.Insights/LogAlert), or its data | `data.SearchResult` |

Each row is a failure of its own; one alert may have many. The body of a V2 alert does
not have the rows.
https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-log-webhook and
https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-payload-samples
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.arm_ids import fold
from shared.errors import NotOurs, NotUsable
from shared.events import error_codes, wire
from shared.events.failure import build_failure
from shared.events.model import CodeHint, FailureEvent, Ignored, Several
from shared.events.vm_items import item_of_names
from shared.events.wire import Wire, plain

SERVICES = ("log analytics", "application insights")
SCHEMA = "microsoft.insights/logalert"
RESULTS = ("SearchResults", "SearchResult")
NEEDED = "_ResourceId, BackupItemUniqueId, JobUniqueId and JobFailureCode"
ADVICE = (
    f"Have the rule's query return {NEEDED} of each failed job, and split by them (docs/roads.md). "
    "An alert of anything else does not belong here: take this app out of its action group"
)
_TYPE_SUFFIX = re.compile(r"_[sgdtb]$", re.ASCII)
"""What Azure Monitor appends to a column's name in AzureDiagnostics, for its type."""
_EXPECTED = (
    ("operationname", ("job",), "a record of {}, not of a job"),
    ("joboperation", ("backup",), "the job is a {}, not a backup"),
    ("backupmanagementtype", ("iaasvm", "azureiaasvm"), "the job is of {}, not of an Azure VM"),
    ("jobstatus", ("failed",), "the job is {}, not Failed"),
)
"""Columns that a row may have, the values that they must have then, and what the row is
otherwise."""

type Row = dict[str, str]


def is_log_alert(alert: Wire) -> bool:
    service = fold(wire.service(alert))
    if (
        service.startswith("log alerts")
        or service in SERVICES
        or fold(wire.text(alert, "schemaId")) == SCHEMA
    ):
        return True
    return any(name in _find_results(alert) for name in (*RESULTS, "SearchQuery"))


def read_log_alert(alert: Wire, shape: str, event_id: str) -> FailureEvent | Ignored | Several:
    """Raises NotUsable, which says what to change in the rule, where no row of the
    alert can be used."""
    if reason := wire.not_fired(alert):
        return Ignored(reason, shape)
    # newest first: of one VM the newest failure becomes the incident, the others are
    # its history
    rows = sorted(_read_rows(alert), key=lambda row: row.get("timegenerated", ""), reverse=True)
    split = wire.dimensions(alert)
    if not rows and not split:
        raise NotUsable(f"the log alert has no rows in its body, and no dimensions. {ADVICE}")
    jobs = rows or [_strip_suffixes(split)]
    return _read_failures(jobs, alert, shape, event_id, "the column" if rows else "the dimension")


def is_log_row(record: Wire) -> bool:
    """Whether it is a row of AddonAzureBackupJobs or AzureDiagnostics, or the
    diagnostic record behind one."""
    row = _flatten(record)
    return "jobuniqueid" in row and ("backupitemuniqueid" in row or "jobstatus" in row)


def read_log_row(record: Wire, shape: str, event_id: str) -> FailureEvent | Ignored | Several:
    return _read_failures([_flatten(record)], record, shape, event_id, "the column")


def _read_failures(
    rows: list[Row], alert: Wire, shape: str, event_id: str, kind: str
) -> FailureEvent | Ignored | Several:
    failures: dict[tuple[str, ...], FailureEvent] = {}
    others: dict[str, None] = {}
    unusable: list[str] = []
    for row in rows:
        try:
            found = _read_failure(row, alert, shape, event_id, kind)
            failures.setdefault(
                (fold(found.vault_id), fold(found.item_name), fold(found.job_id)), found
            )
        except NotOurs as error:
            others[error.reason] = None
        except NotUsable as error:
            unusable.append(error.reason)
    return _fold(list(failures.values()), list(others), unusable, len(rows), shape)


def _fold(
    failures: list[FailureEvent], others: list[str], unusable: list[str], rows: int, shape: str
) -> FailureEvent | Ignored | Several:
    bad = (
        f"{len(unusable)} of {rows} rows cannot be used: {unusable[0]}. {ADVICE}"
        if unusable
        else ""
    )
    if bad and not failures and not others:
        raise NotUsable(bad if rows > 1 else f"{unusable[0]}. {ADVICE}")
    aside = [Ignored("; ".join(others)[:1000], shape)] if others else []
    found: tuple[FailureEvent | Ignored, ...] = (*failures, *aside)
    return found[0] if len(found) == 1 and not bad else Several(found, bad)


def _read_failure(row: Row, alert: Wire, shape: str, event_id: str, kind: str) -> FailureEvent:
    """Raises NotOurs for a row about anything but a failed backup of an Azure VM,
    NotUsable for one that does not say which."""
    for column, expected, otherwise in _EXPECTED:
        if (value := row.get(column, "")) and fold(value) not in expected:
            raise NotOurs(otherwise.format(value[:100]))
    vault = (
        row.get("_resourceid") or row.get("resourceid") or row.get("vaultid") or wire.target(alert)
    )
    item = item_of_names(
        vault,
        row.get("backupitemuniqueid", ""),
        f"{kind} BackupItemUniqueId",
        f"{kind} _ResourceId",
    )
    code = row.get("jobfailurecode", "")
    hints = (CodeHint("JobFailureCode", error_codes.spell(code), code),) if code else ()
    fired = wire.text(_find_results(alert), "SearchIntervalEndtimeUtc") or row.get(
        "timegenerated", ""
    )
    return build_failure(alert, item, row.get("jobuniqueid", ""), hints, shape, event_id, fired)


def _find_results(alert: Wire) -> Wire:
    """The object with the results: alertContext in the common schema, else the data."""
    return wire.context(alert) or wire.data(alert)


def _read_rows(alert: Wire) -> Iterator[Row]:
    for name in RESULTS:
        for table in wire.objects(wire.inner(_find_results(alert), name), "tables"):
            yield from _read_table(table.get("columns"), table.get("rows"))


def _read_table(columns: Any, rows: Any) -> Iterator[Row]:
    """A row without a cell for each column is yielded empty, so that it is reported as
    unusable."""
    columns = columns if isinstance(columns, list) else []
    names = [wire.text(each, "name") if isinstance(each, Mapping) else "" for each in columns]
    for row in rows if isinstance(rows, list) else ():
        whole = isinstance(row, list) and len(row) == len(names)
        yield _strip_suffixes(dict(zip(names, row, strict=True))) if whole else {}


def _flatten(record: Wire) -> Row:
    """The columns of a flat row, or of a diagnostic record, which has them under
    `properties`."""
    flat = {**record, **wire.inner(record, "properties")}
    return _strip_suffixes(flat)


def _strip_suffixes(row: Wire) -> Row:
    """The columns that hold text, under plain names without the suffix of their type.
    Of columns that then have one name, the first that is not empty counts."""
    texts: Row = {}
    for name, value in row.items():
        if isinstance(value, str) and value:
            texts.setdefault(_TYPE_SUFFIX.sub("", plain(name)), value)
    return texts
