"""The little KQL that this product sends, run over rows: a table, then stages, each in one spelling.

    where A == "x" and B =~ "x" and C in ("x", "y") and T >= datetime(…) and T < datetime(…)
    extend, project            A, or A = expression, separated by commas
    summarize arg_max(T, *) by A, B
    order by T asc
    take N

An expression is a column, a text, or coalesce, tostring, todatetime, column_ifexists of expressions. Anything else is refused:
this is no Kusto. https://learn.microsoft.com/kusto/query/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator import clock, kql_values
from simulator.ids import fold
from simulator.kql_values import Column, Columns, Row
from simulator.log_errors import not_understood, semantic

_CONDITION = re.compile(r"(\w+)\s*(==|=~|>=|<)\s*(?:\"([^\"]*)\"|datetime\(([^)]*)\))")
_AMONG = re.compile(r"(\w+)\s+in\s+\(([^)]*)\)")
_LATEST = re.compile(r"arg_max\((\w+),\s*\*\)\s+by\s+(\w+(?:\s*,\s*\w+)*)")
_ASSIGNMENT = re.compile(r"(?:(\w+)\s*=\s*)?(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Result:
    columns: Columns
    rows: list[Row]


def run(query: str, tables: Mapping[str, Result]) -> Result:
    """Raises LogError 400: SEM0100 for a table or column that is not there, NotPlayedBySimulator for what is not understood."""
    table, *stages = (part.strip() for part in query.split("|"))
    if not re.fullmatch(r"\w+", table):
        raise not_understood(f"it begins with {table!r}, which is no table")
    first = stages[0].split(" ", 1)[0] if stages else "take"
    if table not in tables:
        raise semantic(f"'{first}' operator: Failed to resolve table or column expression named '{table}'")
    result = tables[table]
    for stage in stages:
        result = _stage(stage, result)
    return result


def _stage(text: str, given: Result) -> Result:
    for begins, do in _STAGES.items():
        if text.startswith(begins + " "):
            return do(text[len(begins) :].strip(), given)
    raise not_understood(f"no stage begins like {text[:80]!r}")


def _where(text: str, given: Result) -> Result:
    rows = given.rows
    for part in re.split(r"\s+and\s+", text):
        holds = _condition(part, given.columns)
        rows = [row for row in rows if holds(row)]
    return Result(given.columns, rows)


def _condition(text: str, columns: Columns) -> Callable[[Row], bool]:
    if among := _AMONG.fullmatch(text):
        column = Column(among[1]).checked(columns, "where")
        allowed = re.findall(r'"([^"]*)"', among[2])
        return lambda row: column.of(row, columns) in allowed
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise not_understood(f"the condition {text!r}")
    column = Column(found[1]).checked(columns, "where")
    if found[4] is None:
        return _compares_text(column, found[2], found[3], columns)
    return _compares_time(column, found[2], found[4], columns)


def _compares_text(column: Column, sign: str, wanted: str, columns: Columns) -> Callable[[Row], bool]:
    if sign == "==":
        return lambda row: bool(column.of(row, columns) == wanted)
    if sign == "=~":
        return lambda row: fold(str(column.of(row, columns))) == fold(wanted)
    raise not_understood(f"{sign} between a column and a text")


def _compares_time(column: Column, sign: str, text: str, columns: Columns) -> Callable[[Row], bool]:
    bound = clock.parse(text)
    if bound is None or sign not in (">=", "<"):
        raise not_understood(f"{sign} datetime({text})")

    def holds(row: Row) -> bool:
        value = clock.parse(str(column.of(row, columns)))
        return value is not None and (value >= bound if sign == ">=" else value < bound)

    return holds


def _extend(text: str, given: Result) -> Result:
    columns, values = _assigned(text, given, "extend")
    rows = [{**row, **made} for row, made in zip(given.rows, values, strict=True)]
    return Result({**given.columns, **columns}, rows)


def _project(text: str, given: Result) -> Result:
    return Result(*_assigned(text, given, "project"))


def _assigned(text: str, given: Result, operator: str) -> tuple[Columns, list[Row]]:
    """The columns that the assignments make, and their values for every row."""
    columns: Columns = {}
    values: list[Row] = [{} for _ in given.rows]
    for part in kql_values.split(text):
        found = _ASSIGNMENT.fullmatch(part)
        if found is None:
            raise not_understood(f"the assignment {part!r}")
        expression = kql_values.parse(found[2]).checked(given.columns, operator)
        name = found[1] or found[2]
        columns[name] = expression.type(given.columns)
        for row, made in zip(given.rows, values, strict=True):
            made[name] = expression.of(row, given.columns)
    return columns, values


def _summarize(text: str, given: Result) -> Result:
    """The whole last row of each group, as arg_max(T, *) gives it."""
    found = _LATEST.fullmatch(text)
    if found is None:
        raise not_understood(f"summarize {text!r}")
    at = Column(found[1]).checked(given.columns, "summarize")
    keys = [Column(name).checked(given.columns, "summarize") for name in re.split(r"\s*,\s*", found[2])]
    latest: dict[tuple[Any, ...], Row] = {}
    for row in given.rows:
        key = tuple(str(each.of(row, given.columns)) for each in keys)
        if key not in latest or _moment(at, row, given) >= _moment(at, latest[key], given):
            latest[key] = row
    return Result(given.columns, list(latest.values()))


def _order(text: str, given: Result) -> Result:
    found = re.fullmatch(r"(\w+) asc", text)
    if found is None:
        raise not_understood(f"order by {text!r}")
    column = Column(found[1]).checked(given.columns, "order")
    return Result(given.columns, sorted(given.rows, key=lambda row: _moment(column, row, given)))


def _moment(column: Column, row: Row, given: Result) -> float:
    value = clock.parse(str(column.of(row, given.columns)))
    return value.timestamp() if value else float("-inf")


def _take(text: str, given: Result) -> Result:
    if not text.isdecimal():
        raise not_understood(f"take {text!r}")
    return Result(given.columns, given.rows[: int(text)])


_STAGES: dict[str, Callable[[str, Result], Result]] = {
    "where": _where,
    "extend": _extend,
    "project": _project,
    "summarize": _summarize,
    "order by": _order,
    "take": _take,
}
