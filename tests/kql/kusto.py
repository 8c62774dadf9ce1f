"""Microsoft's KQL parser over every shipped query: one node process for all of them,
columns bound to the documented tables.

tables.json holds the columns of each table with the page that lists them. A column that
is not documented for every workspace is left out, so that a query has to use
column_ifexists for it. Of AzureDiagnostics' two hundred columns it has those without a
suffix and those of jobs. https://www.npmjs.com/package/@kusto/language-service-next
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.kql.queries import ROOT, shipped

HERE = Path(__file__).parent
PARSER = ROOT / "tests" / "node_modules" / "@kusto" / "language-service-next"
LONGEST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Diagnostic:
    code: str
    severity: str
    message: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A text compared with literals; `of` names the columns of a table, or the fields
    of its JSON, that the text comes from."""

    of: tuple[str, ...]
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """`columns`: of the result, with their types; `lookups`: the fields that it takes
    out of a line of JSON."""

    diagnostics: tuple[Diagnostic, ...]
    tables: tuple[str, ...]
    columns: dict[str, str]
    lookups: tuple[str, ...]
    comparisons: tuple[Comparison, ...]

    def compared(self, field: str, *operators: str) -> set[str]:
        """What `field` is compared with by these operators, by any of them if none is
        given."""
        wanted = [
            each
            for each in self.comparisons
            if field in each.of and (not operators or each.operator in operators)
        ]
        return {value for each in wanted for value in each.values}


def columns_of_tables() -> dict[str, dict[str, str]]:
    tables = json.loads((HERE / "tables.json").read_text(encoding="utf-8"))
    return {
        name: {column: kind for kind, names in table["columns"].items() for column in names.split()}
        for name, table in tables.items()
    }


@cache
def analyzed() -> Mapping[str, Query]:
    """Every shipped query as the parser understands it."""
    return analyze(shipped())


def analyze(queries: Mapping[str, str]) -> dict[str, Query]:
    """Raises RuntimeError where the parser is not installed, CalledProcessError where
    it fails."""
    if not PARSER.is_dir():
        raise RuntimeError("the KQL parser is not installed: run `make test`")
    request = json.dumps({"tables": columns_of_tables(), "queries": dict(queries)})
    done = subprocess.run(
        ["node", str(HERE / "analyze.js")],
        input=request,
        stdout=subprocess.PIPE,
        text=True,
        timeout=LONGEST_SECONDS,
        check=True,
    )
    return {name: _query(answer) for name, answer in json.loads(done.stdout).items()}


def _query(answer: dict[str, Any]) -> Query:
    return Query(
        diagnostics=tuple(Diagnostic(**each) for each in answer["diagnostics"]),
        tables=tuple(answer["tables"]),
        columns=answer["columns"],
        lookups=tuple(answer["lookups"]),
        comparisons=tuple(
            Comparison(
                of=tuple(each["of"]), operator=each["operator"], values=tuple(each["values"])
            )
            for each in answer["comparisons"]
        ),
    )
