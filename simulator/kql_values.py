"""Columns with their types, and the expressions of kql.py."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol, Self

from simulator import clock
from simulator.log_errors import not_understood, semantic

type Row = dict[str, Any]
type Token = tuple[str | None, str | None, str | None]
"""A word, a text, or a sign."""
type Columns = dict[str, str]
"""Type by name: string, datetime, guid, long, real, bool, dynamic."""

_TOKEN = re.compile(r'\s*(?:(\w+)|"([^"]*)"|([(),]))')
_BY_SUFFIX = {"_s": "string", "_g": "guid", "_t": "datetime", "_d": "real", "_b": "bool"}
_BY_VALUE = {str: "string", bool: "bool", int: "long", float: "real"}


class Expression(Protocol):
    def checked(self, columns: Columns, operator: str) -> Self:
        """Raises LogError SEM0100 for a column that is not there."""

    def type(self, columns: Columns) -> str: ...

    def of(self, row: Row, columns: Columns) -> Any: ...


@dataclass(frozen=True, slots=True)
class Text:
    text: str

    def checked(self, columns: Columns, operator: str) -> Self:  # noqa: ARG002
        return self

    def type(self, columns: Columns) -> str:  # noqa: ARG002
        return "string"

    def of(self, row: Row, columns: Columns) -> str:  # noqa: ARG002
        return self.text


@dataclass(frozen=True, slots=True)
class Column:
    name: str

    def checked(self, columns: Columns, operator: str) -> Self:
        if self.name not in columns:
            raise semantic(f"'{operator}' operator: Failed to resolve column or scalar expression named '{self.name}'")
        return self

    def type(self, columns: Columns) -> str:
        return columns[self.name]

    def of(self, row: Row, columns: Columns) -> Any:
        """A text is never null in KQL, it is empty."""
        value = row.get(self.name)
        return "" if value is None and columns[self.name] == "string" else value


@dataclass(frozen=True, slots=True)
class Called:
    function: str
    arguments: tuple[Expression, ...]

    def checked(self, columns: Columns, operator: str) -> Self:
        if self.function == "column_ifexists" and len(self.arguments) == 2 and isinstance(self.arguments[0], Text):
            self.arguments[1].checked(columns, operator)
            return self
        if self.function == "coalesce" and len(self.arguments) < 2 or self.function != "coalesce" and len(self.arguments) != 1:
            raise not_understood(f"{self.function} of {len(self.arguments)} arguments")
        for each in self.arguments:
            each.checked(columns, operator)
        return self

    def type(self, columns: Columns) -> str:
        fixed = {"tostring": "string", "todatetime": "datetime"}.get(self.function)
        return fixed or self._chosen(columns)[0].type(columns)

    def of(self, row: Row, columns: Columns) -> Any:
        values = [each.of(row, columns) for each in self._chosen(columns)]
        if self.function == "tostring":
            return "" if values[0] is None else str(values[0])
        if self.function == "todatetime":
            return values[0] if clock.parse(str(values[0])) else None
        return next((value for value in values if value not in (None, "")), values[-1])

    def _chosen(self, columns: Columns) -> tuple[Expression, ...]:
        if self.function != "column_ifexists":
            return self.arguments
        named, otherwise = self.arguments
        exists = isinstance(named, Text) and named.text in columns
        return (Column(named.text) if exists and isinstance(named, Text) else otherwise,)


FUNCTIONS = ("coalesce", "tostring", "todatetime", "column_ifexists")


def columns_of(rows: list[Row], schema: Columns) -> Columns:
    """The schema, and what the rows have beside it: types by the suffix that Azure Monitor gives, else by the first value."""
    columns = dict(schema)
    for row in rows:
        for name, value in row.items():
            if name not in columns and value is not None:
                columns[name] = _type(name, value)
    return columns


def _type(name: str, value: Any) -> str:
    if name.endswith(("TimeGenerated", "DateTime")):
        return "datetime"
    return _BY_SUFFIX.get(name[-2:]) or _BY_VALUE.get(type(value), "dynamic")


def split(text: str) -> list[str]:
    """At the commas that stand in no brackets."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def parse(text: str) -> Expression:
    """Raises LogError 400 NotPlayedBySimulator."""
    found = list(_TOKEN.finditer(text))
    if "".join(each[0] for each in found).strip() != text.strip():
        raise not_understood(f"the expression {text!r}")
    tokens: list[Token] = [(each[1], each[2], each[3]) for each in found]
    expression = _parsed(tokens, text)
    if tokens:
        raise not_understood(f"the expression {text!r}")
    return expression


def _parsed(tokens: list[Token], text: str) -> Expression:
    """Takes the tokens of one expression from the front."""
    word, literal, _ = tokens.pop(0) if tokens else (None, None, None)
    if literal is not None:
        return Text(literal)
    if word is None:
        raise not_understood(f"the expression {text!r}")
    if not tokens or tokens[0][2] != "(":
        return Column(word)
    if word not in FUNCTIONS:
        raise not_understood(f"the function {word!r}")
    arguments: list[Expression] = []
    while tokens and tokens[0][2] in ("(", ","):
        tokens.pop(0)
        arguments.append(_parsed(tokens, text))
    if not tokens or tokens.pop(0)[2] != ")":
        raise not_understood(f"the expression {text!r}")
    return Called(word, tuple(arguments))
