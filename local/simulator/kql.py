"""The KQL that this product sends, run over rows: a table, then stages, each in one
spelling.

    where A == "x" and B =~ "x" and C in ("x", "y") and T >= datetime(…) and T <
    datetime(…) extend, project            A, or A = expression, separated by commas
    summarize arg_max(T, *) by A, B order by T asc take N

An expression is a column, a text, or coalesce, tostring, todatetime, column_ifexists of
expressions. Anything else is refused: this is no Kusto, and Microsoft's own parser
judges the queries (tests/kql). https://learn.microsoft.com/kusto/query/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.simulator import clock
from local.simulator.ids import fold
from local.simulator.log_errors import not_understood, semantic

type Row = dict[str, Any]
type Columns = dict[str, str]
"""Type by name: string, datetime, guid, long, real, bool, dynamic."""
type Value = Callable[[Row], Any]
type Expression = tuple[str, Value]
"""Its type, and what it is for a row."""

_CONDITION = re.compile(
    r'(\w+)\s*(?:(==|=~)\s*"([^"]*)"|(>=|<)\s*datetime\(([^)]*)\)|in\s+\(("[^"]*"(?:\s*,\s*"[^"]*")*)\))'
)
_LATEST = re.compile(r"arg_max\((\w+),\s*\*\)\s+by\s+(\w+(?:\s*,\s*\w+)*)")
_TOKEN = re.compile(r'"[^"]*"|\w+|[(),=]')
_BY_SUFFIX = {"_s": "string", "_g": "guid", "_t": "datetime", "_d": "real", "_b": "bool"}
_BY_VALUE = {str: "string", bool: "bool", int: "long", float: "real"}


@dataclass(frozen=True, slots=True)
class Result:
    columns: Columns
    rows: list[Row]


def columns_of(rows: list[Row], schema: Columns) -> Columns:
    """The schema, and what the rows have beside it, by Azure Monitor's suffix or the
    value."""
    columns = dict(schema)
    for name, value in (cell for row in rows for cell in row.items()):
        if name not in columns and value is not None:
            told = (
                "datetime"
                if name.endswith(("TimeGenerated", "DateTime"))
                else _BY_SUFFIX.get(name[-2:])
            )
            columns[name] = told or _BY_VALUE.get(type(value), "dynamic")
    return columns


def run(query: str, tables: Mapping[str, Result]) -> Result:
    """Raises LogError 400: SEM0100 for a table or column that is not there, else
    NotPlayedBySimulator."""
    table, *stages = (part.strip() for part in query.split("|"))
    if not re.fullmatch(r"\w+", table):
        raise not_understood(f"it begins with {table!r}, which is no table")
    if table not in tables:
        first = stages[0].split(" ", 1)[0] if stages else "take"
        raise semantic(
            f"'{first}' operator: Failed to resolve table or column expression named '{table}'"
        )
    result = tables[table]
    for stage in stages:
        begins = next((each for each in _STAGES if stage.startswith(f"{each} ")), None)
        if begins is None:
            raise not_understood(f"no stage begins like {stage[:80]!r}")
        result = _STAGES[begins](stage[len(begins) :].strip(), result)
    return result


def _where(text: str, given: Result) -> Result:
    holds = [_condition(part, given.columns) for part in re.split(r"\s+and\s+", text)]
    return Result(given.columns, [row for row in given.rows if all(each(row) for each in holds)])


def _condition(text: str, columns: Columns) -> Value:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise not_understood(f"the condition {text!r}")
    (_, value), (same, wanted, order, at, among) = (
        _column(found[1], columns, "where"),
        found.groups()[1:],
    )
    if among is not None:
        allowed = re.findall(r'"([^"]*)"', among)
        return lambda row: value(row) in allowed
    if same == "==":
        return lambda row: value(row) == wanted
    if same == "=~":
        return lambda row: fold(str(value(row))) == fold(wanted)
    if (bound := clock.parse(at)) is None:
        raise not_understood(f"datetime({at})")
    return lambda row: (
        (moment := _moment(value, row)) > float("-inf")
        and (moment >= bound.timestamp()) == (order == ">=")
    )


def _extend(text: str, given: Result) -> Result:
    made = _assigned(text, given.columns, "extend")
    rows = [row | {name: value(row) for name, (_, value) in made.items()} for row in given.rows]
    return Result(given.columns | {name: kind for name, (kind, _) in made.items()}, rows)


def _project(text: str, given: Result) -> Result:
    made = _assigned(text, given.columns, "project")
    rows = [{name: value(row) for name, (_, value) in made.items()} for row in given.rows]
    return Result({name: kind for name, (kind, _) in made.items()}, rows)


def _assigned(text: str, columns: Columns, operator: str) -> dict[str, Expression]:
    """What each of the assignments makes, by name."""
    tokens, made = _TOKEN.findall(text), dict[str, Expression]()
    if _TOKEN.sub("", text).strip():
        raise not_understood(f"{operator} {text!r}")
    while tokens:
        named = tokens[1:2] == ["="]
        name = tokens[0]
        if named:
            del tokens[:2]
        elif tokens[1:2] == ["("]:
            raise not_understood(f"an expression without a name in {operator} {text!r}")
        made[name] = _expression(tokens, columns, operator)
        if tokens and (tokens.pop(0) != "," or not tokens):
            raise not_understood(f"{operator} {text!r}")
    return made


def _expression(tokens: list[str], columns: Columns, operator: str) -> Expression:
    """Takes the tokens of one expression from the front."""
    word = tokens.pop(0) if tokens else ""
    if word.startswith('"'):
        return "string", lambda _: word[1:-1]
    if word in ("", "(", ")", ",", "="):
        raise not_understood(f"{operator} with {word!r} where an expression should be")
    if tokens[:1] != ["("]:
        return _column(word, columns, operator)
    arguments, texts = [], []
    while tokens and tokens.pop(0) in ("(", ","):
        texts.append(tokens[0].strip('"') if tokens and tokens[0].startswith('"') else None)
        arguments.append(_expression(tokens, columns, operator))
        if tokens[:1] == [")"]:
            del tokens[0]
            return _call(word, arguments, texts[0], columns)
    raise not_understood(f"{word}( without its end")


def _call(
    function: str, arguments: list[Expression], text: str | None, columns: Columns
) -> Expression:
    """`text` is the first argument where it is a text."""
    count, (kind, value) = len(arguments), arguments[0]
    if function == "column_ifexists" and count == 2 and text is not None:
        return _column(text, columns, "") if text in columns else arguments[1]
    if function == "tostring" and count == 1:
        return "string", lambda row: "" if (held := value(row)) is None else str(held)
    if function == "todatetime" and count == 1:
        return "datetime", lambda row: held if clock.parse(str(held := value(row))) else None
    if function == "coalesce" and count > 1:
        return kind, lambda row: _first([of(row) for _, of in arguments])
    raise not_understood(f"{function} of {count} arguments")


def _first(values: list[Any]) -> Any:
    return next((value for value in values if value not in (None, "")), values[-1])


def _column(name: str, columns: Columns, operator: str) -> Expression:
    """A text is never null in KQL, it is empty."""
    if name not in columns:
        raise semantic(
            f"'{operator}' operator: Failed to resolve column or scalar expression named '{name}'"
        )
    empty = "" if columns[name] == "string" else None
    return columns[name], lambda row: empty if (held := row.get(name)) is None else held


def _summarize(text: str, given: Result) -> Result:
    """The whole last row of each group, as arg_max(T, *) gives it."""
    found = _LATEST.fullmatch(text)
    if found is None:
        raise not_understood(f"summarize {text!r}")
    _, at = _column(found[1], given.columns, "summarize")
    keys = [_column(name, given.columns, "summarize")[1] for name in re.split(r"\s*,\s*", found[2])]
    latest: dict[tuple[str, ...], Row] = {}
    for row in given.rows:
        key = tuple(str(each(row)) for each in keys)
        if key not in latest or _moment(at, row) >= _moment(at, latest[key]):
            latest[key] = row
    return Result(given.columns, list(latest.values()))


def _order(text: str, given: Result) -> Result:
    found = re.fullmatch(r"(\w+) asc", text)
    if found is None:
        raise not_understood(f"order by {text!r}")
    _, at = _column(found[1], given.columns, "order")
    return Result(given.columns, sorted(given.rows, key=lambda row: _moment(at, row)))


def _moment(value: Value, row: Row) -> float:
    """Seconds; before everything where it is no time."""
    moment = clock.parse(str(value(row)))
    return moment.timestamp() if moment else float("-inf")


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
