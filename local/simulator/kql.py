"""The KQL that this product sends, run over rows: a table, then stages, each in one
spelling.

    union isfuzzy=true (query), (query)      without the ones whose table does not exist
    where A == "x" and B =~ "x" and C in ("x", "y")
          and D startswith "x" and E endswith "x"
          and T >= datetime(…) and T < datetime(…)
    extend, project            A, or A = expression, separated by commas
    summarize arg_max(T, *) by A, B
    summarize A = max(T)       one row, also of no rows
    order by T asc             or desc
    take N

An expression is a column, a string, or coalesce, tostring, todatetime, column_ifexists
of expressions. Anything else is refused: this is not Kusto. Microsoft's own parser
checks the queries (tests/kql). https://learn.microsoft.com/kusto/query/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.simulator import clock
from local.simulator.ids import fold
from local.simulator.log_errors import NOT_RESOLVED, LogError, query_not_supported, semantic

type Row = dict[str, Any]
type Columns = dict[str, str]
"""Type by name: string, datetime, guid, long, real, bool, dynamic."""
type Value = Callable[[Row], Any]
type Expression = tuple[str, Value]
"""Its type, and its value for a row."""

_CONDITION = re.compile(
    r'(\w+)\s*(?:(==|=~|startswith|endswith)\s*"([^"]*)"|(>=|<)\s*datetime\(([^)]*)\)|in\s+\(("[^"]*"(?:\s*,\s*"[^"]*")*)\))'
)
_LATEST = re.compile(r"arg_max\((\w+),\s*\*\)\s+by\s+(\w+(?:\s*,\s*\w+)*)")
_NEWEST = re.compile(r"(\w+)\s*=\s*max\((\w+)\)")
_UNION = re.compile(r"union\s+isfuzzy=true\s+(?=\()")
_TOKEN = re.compile(r'"[^"]*"|\w+|[(),=]')
_BY_SUFFIX = {"_s": "string", "_g": "guid", "_t": "datetime", "_d": "real", "_b": "bool"}
_BY_VALUE = {str: "string", bool: "bool", int: "long", float: "real"}


@dataclass(frozen=True, slots=True)
class Result:
    columns: Columns
    rows: list[Row]


def columns_of(rows: list[Row], schema: Columns) -> Columns:
    """The schema and the other columns of the rows, whose type comes from Azure
    Monitor's suffix or from the value."""
    columns = dict(schema)
    for name, value in (cell for row in rows for cell in row.items()):
        if name not in columns and value is not None:
            columns[name] = _type_of(name, value)
    return columns


def _type_of(name: str, value: Any) -> str:
    if name.endswith(("TimeGenerated", "DateTime")):
        return "datetime"
    return _BY_SUFFIX.get(name[-2:]) or _BY_VALUE.get(type(value), "dynamic")


def run(query: str, tables: Mapping[str, Result]) -> Result:
    """Run a query. Raises LogError 400: SEM0100 for an unknown table or column, else
    NotPlayedBySimulator."""
    if union := _UNION.match(query):
        return _unite(_split_legs(query[union.end() :]), tables)
    return _run_stages(query, tables)


def _unite(legs: list[str], tables: Mapping[str, Result]) -> Result:
    """The rows of every leg whose table exists, with the columns of all of them. A leg
    that cannot be resolved is left out, unless none can."""
    results, refusal = list[Result](), None
    for leg in legs:
        try:
            results.append(_run_stages(leg, tables))
        except LogError as error:
            if error.inner[-1][0] != NOT_RESOLVED:
                raise
            refusal = refusal or error
    if not results and refusal:
        raise refusal
    columns: Columns = {}
    for result in results:
        for name, kind in result.columns.items():
            if columns.setdefault(name, kind) != kind:
                raise query_not_supported(f"a union in which {name} has two types")
    return Result(columns, [row for result in results for row in result.rows])


def _split_legs(text: str) -> list[str]:
    """The queries in parentheses, separated by commas. A parenthesis in a string is no
    end."""
    legs, depth, begin, quoted = list[str](), 0, 0, False
    for place, character in enumerate(text):
        quoted ^= character == '"'
        if quoted:
            continue
        if character == "(":
            begin, depth = (place + 1 if depth == 0 else begin), depth + 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                legs.append(text[begin:place])
        elif depth == 0 and character not in ", \n":
            raise query_not_supported(f"a union with {text[place : place + 80]!r}")
    if depth or quoted:
        raise query_not_supported("a union whose last query has no end")
    return legs


def _run_stages(query: str, tables: Mapping[str, Result]) -> Result:
    table, *stages = (part.strip() for part in query.split("|"))
    if not re.fullmatch(r"\w+", table):
        raise query_not_supported(f"it begins with {table!r}, which is no table")
    if table not in tables:
        first = stages[0].split(" ", 1)[0] if stages else "take"
        raise semantic(
            f"'{first}' operator: Failed to resolve table or column expression named '{table}'"
        )
    result = tables[table]
    for stage in stages:
        name = next((name for name in _STAGES if stage.startswith(f"{name} ")), None)
        if name is None:
            raise query_not_supported(f"no stage begins like {stage[:80]!r}")
        result = _STAGES[name](stage[len(name) :].strip(), result)
    return result


def _where(text: str, table: Result) -> Result:
    conditions = [_parse_condition(part, table.columns) for part in re.split(r"\s+and\s+", text)]
    rows = [row for row in table.rows if all(holds(row) for holds in conditions)]
    return Result(table.columns, rows)


def _parse_condition(text: str, columns: Columns) -> Value:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise query_not_supported(f"the condition {text!r}")
    name, equals, wanted, order, at, among = match.groups()
    _, value = _column(name, columns, "where")
    if among is not None:
        allowed = re.findall(r'"([^"]*)"', among)
        return lambda row: value(row) in allowed
    if equals == "==":
        return lambda row: value(row) == wanted
    if equals == "=~":
        return lambda row: fold(str(value(row))) == fold(wanted)
    if equals == "startswith":
        return lambda row: fold(str(value(row))).startswith(fold(wanted))
    if equals == "endswith":
        return lambda row: fold(str(value(row))).endswith(fold(wanted))
    if (bound := clock.parse(at)) is None:
        raise query_not_supported(f"datetime({at})")
    # As in KQL, a row without a time matches neither >= nor <.
    return lambda row: (
        (moment := _moment(value, row)) > float("-inf")
        and (moment >= bound.timestamp()) == (order == ">=")
    )


def _extend(text: str, table: Result) -> Result:
    new = _parse_assignments(text, table.columns, "extend")
    rows = [row | {name: value(row) for name, (_, value) in new.items()} for row in table.rows]
    return Result(table.columns | {name: kind for name, (kind, _) in new.items()}, rows)


def _project(text: str, table: Result) -> Result:
    new = _parse_assignments(text, table.columns, "project")
    rows = [{name: value(row) for name, (_, value) in new.items()} for row in table.rows]
    return Result({name: kind for name, (kind, _) in new.items()}, rows)


def _parse_assignments(text: str, columns: Columns, operator: str) -> dict[str, Expression]:
    """The expressions by the names that they are assigned to."""
    tokens, assignments = _TOKEN.findall(text), dict[str, Expression]()
    if _TOKEN.sub("", text).strip():
        raise query_not_supported(f"{operator} {text!r}")
    while tokens:
        named = tokens[1:2] == ["="]
        name = tokens[0]
        if named:
            del tokens[:2]
        elif tokens[1:2] == ["("]:
            raise query_not_supported(f"an expression without a name in {operator} {text!r}")
        assignments[name] = _parse_expression(tokens, columns, operator)
        if tokens and (tokens.pop(0) != "," or not tokens):
            raise query_not_supported(f"{operator} {text!r}")
    return assignments


def _parse_expression(tokens: list[str], columns: Columns, operator: str) -> Expression:
    """Parse one expression and remove its tokens from the front of the list."""
    word = tokens.pop(0) if tokens else ""
    if word.startswith('"'):
        return "string", lambda _: word[1:-1]
    if word in ("", "(", ")", ",", "="):
        raise query_not_supported(f"{operator} with {word!r} where an expression should be")
    if tokens[:1] != ["("]:
        return _column(word, columns, operator)
    arguments, texts = [], []
    while tokens and tokens.pop(0) in ("(", ","):
        texts.append(tokens[0].strip('"') if tokens and tokens[0].startswith('"') else None)
        arguments.append(_parse_expression(tokens, columns, operator))
        if tokens[:1] == [")"]:
            del tokens[0]
            return _call(word, arguments, texts[0], columns)
    raise query_not_supported(f"{word}( without its end")


def _call(
    function: str, arguments: list[Expression], text: str | None, columns: Columns
) -> Expression:
    """A call of a function; `text` is its first argument if that is a literal."""
    count, (kind, value) = len(arguments), arguments[0]
    if function == "column_ifexists" and count == 2 and text is not None:
        return _column(text, columns, "") if text in columns else arguments[1]
    if function == "tostring" and count == 1:
        return "string", lambda row: "" if (cell := value(row)) is None else str(cell)
    if function == "todatetime" and count == 1:
        return "datetime", lambda row: cell if clock.parse(str(cell := value(row))) else None
    if function == "coalesce" and count > 1:
        return kind, lambda row: _coalesce([argument(row) for _, argument in arguments])
    raise query_not_supported(f"{function} of {count} arguments")


def _coalesce(values: list[Any]) -> Any:
    return next((value for value in values if value not in (None, "")), values[-1])


def _column(name: str, columns: Columns, operator: str) -> Expression:
    """A column. A string is never null in KQL, it is empty."""
    if name not in columns:
        raise semantic(
            f"'{operator}' operator: Failed to resolve column or scalar expression named '{name}'"
        )
    empty = "" if columns[name] == "string" else None
    return columns[name], lambda row: empty if (cell := row.get(name)) is None else cell


def _summarize(text: str, table: Result) -> Result:
    """The last row of each group, with all its columns; or the newest time of all."""
    if newest := _NEWEST.fullmatch(text):
        return _find_newest(newest[1], newest[2], table)
    match = _LATEST.fullmatch(text)
    if match is None:
        raise query_not_supported(f"summarize {text!r}")
    _, at = _column(match[1], table.columns, "summarize")
    names = re.split(r"\s*,\s*", match[2])
    values = [_column(name, table.columns, "summarize")[1] for name in names]
    latest: dict[tuple[str, ...], Row] = {}
    for row in table.rows:
        key = tuple(str(value(row)) for value in values)
        if key not in latest or _moment(at, row) >= _moment(at, latest[key]):
            latest[key] = row
    return Result(table.columns, list(latest.values()))


def _find_newest(name: str, of: str, table: Result) -> Result:
    """As in KQL, one row; its time is null where there is none."""
    kind, at = _column(of, table.columns, "summarize")
    newest = max(table.rows, key=lambda row: _moment(at, row), default=None)
    return Result({name: kind}, [{name: None if newest is None else at(newest)}])


def _order(text: str, table: Result) -> Result:
    match = re.fullmatch(r"(\w+) (asc|desc)", text)
    if match is None:
        raise query_not_supported(f"order by {text!r}")
    _, at = _column(match[1], table.columns, "order")
    rows = sorted(table.rows, key=lambda row: _moment(at, row), reverse=match[2] == "desc")
    return Result(table.columns, rows)


def _moment(value: Value, row: Row) -> float:
    """Unix seconds; minus infinity when the value is not a time."""
    moment = clock.parse(str(value(row)))
    return moment.timestamp() if moment else float("-inf")


def _take(text: str, table: Result) -> Result:
    if not text.isdecimal():
        raise query_not_supported(f"take {text!r}")
    return Result(table.columns, table.rows[: int(text)])


_STAGES: dict[str, Callable[[str, Result], Result]] = {
    "where": _where,
    "extend": _extend,
    "project": _project,
    "summarize": _summarize,
    "order by": _order,
    "take": _take,
}
