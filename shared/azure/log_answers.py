"""Reads an answer of the Log Analytics query API, and checks that it is complete. Its
client takes a 200 without tables for an empty result, and drops the inner error of a
400, which alone says what was wrong with the query."""

from __future__ import annotations

import json
from typing import Any

from azure.core.exceptions import HttpResponseError

from shared.azure.calls import ResponseHook, map_error
from shared.errors import AzureCallFailed, Refused, Unavailable


def require_whole_tables(hook: ResponseHook) -> ResponseHook:
    """A response hook that raises the matching error for every error status, and
    Unavailable for any other answer without complete tables."""

    def check(response: Any) -> None:
        hook(response)
        http = response.http_response
        if http.status_code >= 400:
            raise _map_refusal(http)
        if http.status_code != 200 or not _is_whole(_read_json(http)):
            raise Unavailable("the answer is a query's without its tables")

    return check


def read_tables(result: Any) -> tuple[list[dict[str, Any]], str]:
    """The rows, by column name, of a LogsQueryResult or a LogsQueryPartialResult, and
    why they are not all, or ""."""
    error = getattr(result, "partial_error", None)
    rows = [dict(zip(each.columns, row, strict=True)) for each in result for row in each.rows]
    return rows, f"{error.code}: {error.message}" if error else ""


def _map_refusal(http: Any) -> AzureCallFailed:
    """The error; where the query was refused, with code and message of the innermost
    error."""
    error = map_error(HttpResponseError(response=http))
    code, message = _find_innermost(_read_json(http))
    if not isinstance(error, Refused) or not code:
        return error
    return Refused(message, code=code, status=error.status, correlation_id=error.correlation_id)


def _read_json(http: Any) -> Any:
    """The body; None where it is not JSON."""
    try:
        return json.loads(http.text())
    except ValueError:
        return None


def _find_innermost(body: Any) -> tuple[str, str]:
    """Code and message of the last innererror, ("", "") where there is none."""
    within = body.get("error") if isinstance(body, dict) else None
    found = ("", "")
    while isinstance(within, dict) and isinstance(within := within.get("innererror"), dict):
        found = (str(within.get("code") or ""), str(within.get("message") or ""))
    return found


def _is_whole(body: Any) -> bool:
    """Whether it has tables, and either no error or one that can be read."""
    tables = body.get("tables") if isinstance(body, dict) else None
    return (
        isinstance(tables, list)
        and bool(tables)
        and all(_is_table(each) for each in tables)
        and _is_error(body.get("error"))
    )


def _is_error(error: Any) -> bool:
    while isinstance(error, dict):
        error = error.get("innererror")
    return error is None


def _is_table(table: Any) -> bool:
    """Whether its columns have names and types, and every row a cell for each."""
    columns, rows = (
        (table.get("columns"), table.get("rows")) if isinstance(table, dict) else (None, None)
    )
    if not isinstance(columns, list) or not isinstance(rows, list):
        return False
    named = all(
        isinstance(each, dict)
        and isinstance(each.get("name"), str)
        and isinstance(each.get("type"), str)
        for each in columns
    )
    return named and all(isinstance(row, list) and len(row) == len(columns) for row in rows)
