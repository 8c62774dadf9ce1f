"""Azure Monitor can run every query as it is: Microsoft's own parser accepts it, with
the columns and types of the tables.

A rule with a query that does not parse deploys (skipQueryValidation) and never fires.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.simulator.handlers.logs import SCHEMAS, STANDARD
from tests.kql.kusto import HERE, analyze, analyzed, columns_of_tables
from tests.kql.queries import ASKED, ROOT, SENT, files, shipped

QUERIES = shipped()


@pytest.mark.parametrize("name", QUERIES)
def test_the_parser_accepts_it(name: str) -> None:
    assert analyzed()[name].diagnostics == ()
    assert analyzed()[name].tables


LINE = "AppTraces\n| where Message startswith '{'"
REFUSED = {
    "a keyword as a name": (f"{LINE}\n| extend kind = Message", "KS228", 3, "kind"),
    "another keyword": ("AppTraces\n| summarize first = min(TimeGenerated)", "KS228", 2, "first"),
    "a column that the table does not have": (f"{LINE}\n| project Massage", "KS142", 3, "Massage"),
    "a column in other letters": (
        "AppTraces\n| project timegenerated",
        "KS142",
        2,
        "timegenerated",
    ),
    "a column that was left out before": (
        f"{LINE}\n| project Message\n| order by TimeGenerated asc",
        "KS142",
        4,
        "TimeGenerated",
    ),
    "a column that only some workspaces have": (
        "AzureDiagnostics\n| project JobUniqueId_s",
        "KS142",
        2,
        "JobUniqueId_s",
    ),
    "a table that is not there": ("AppTrace\n| take 1", "KS204", 1, "AppTrace"),
    "a table of the classic Application Insights": ("traces\n| take 1", "KS204", 1, "traces"),
    "a function that is not there": (
        "AppTraces\n| extend a = lowercase(Message)",
        "KS211",
        2,
        "lowercase",
    ),
    "a wrong type": ("AppTraces\n| where Message > ago(1h)", "KS106", 2, ">"),
    "a number for a text": (
        "AppTraces\n| where SeverityLevel startswith 'a'",
        "KS106",
        2,
        "startswith",
    ),
    "a stage without its pipe": ("AppTraces\nwhere SeverityLevel > 1", "KS005", 1, ""),
    "a bracket that stays open": ("AppTraces\n| where (SeverityLevel > 1", "KS005", 2, ""),
}


def test_the_parser_finds_what_is_wrong() -> None:
    found = analyze({what: query for what, (query, *_) in REFUSED.items()})
    seen = {
        what: [
            (each.code, each.line, each.text)
            for each in query.diagnostics
            if each.severity == "Error"
        ]
        for what, query in found.items()
    }
    assert {what: errors[:1] for what, errors in seen.items()} == {
        what: [tuple(error)] for what, (_, *error) in REFUSED.items()
    }


def test_a_text_is_followed_to_the_field_that_it_comes_from() -> None:
    query = """let all = AppTraces
| extend e = parse_json(Message)
| extend k = tostring(e["remediator.kind"]), Level = SeverityLevel;
all
| project b = tolower(k), Message
| where b in ("x", "y") and Message startswith "z"
| project c = b
| where extract("(v)", 1, c) == "v"
"""
    found = analyze({"one": query})["one"]
    assert found.diagnostics == ()
    assert (found.tables, found.lookups, found.columns) == (
        ("AppTraces",),
        ("remediator.kind",),
        {"c": "string"},
    )
    assert found.compared("remediator.kind") == {"x", "y", "(v)", "v"}
    assert found.compared("remediator.kind", "in") == {"x", "y"}
    assert found.compared("Message") == {"z"}
    assert found.compared("Level") == set()


def test_a_parser_that_is_not_there_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tests.kql.kusto.PARSER", tmp_path / "none")
    with pytest.raises(RuntimeError, match="not installed"):
        analyze({"one": "AppTraces"})


# One place knows every query

STAGE = re.compile(
    r"\|\s*(?:where|summarize|extend|project|mv-expand|mv-apply|order by|sort"
    r" by|top|take|distinct|union|join|lookup|parse|render)\b[ -]\S"
)
WITHOUT_PIPE = re.compile(
    r"^(?:where|summarize|extend|project|order by|sort"
    r" by|mv-expand)\s+[\w*]+\s*(?:$|[=<>!(,]|in\b|asc\b|desc\b|startswith\b|has\b|contains\b)"
)
ROW = re.compile(r"^\s*\|.*\|$|^\{%.*|^<.*", re.MULTILINE)
"""A row of a table in a page, and the filters of a template."""


def queries_in(path: Path, text: str) -> list[str]:
    """What looks like KQL in a file of this name, without the queries that are
    collected."""
    for query in QUERIES.values():
        for written in (query, json.dumps(query)[1:-1]):
            text = text.replace(written, "")
    found = STAGE.findall(ROW.sub("", text))
    if path.suffix == ".py":
        found += [each for each in _strings(text) if WITHOUT_PIPE.search(each)]
    return found


def _strings(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_shipped_query_is_collected() -> None:
    built = (ROOT / SENT, ROOT / ASKED)
    readable = [path for path in files() if path.suffix != ".png" and path not in built]
    assert {path.relative_to(ROOT).parts[0] for path in readable} >= {
        "docs",
        "infra",
        "shared",
        "functions",
        "command_line",
        "local",
    }
    found = {path: queries_in(path, path.read_text(encoding="utf-8")) for path in readable}
    assert {path: queries for path, queries in found.items() if queries} == {}, (
        "teach tests/kql/queries.py where they are"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.md", "```\nAppTraces\n| where Message == 'a'\n```"),
        ("x.md", "    az monitor log-analytics query --analytics-query 'AppTraces | take 3'"),
        ("x.bicep", "query: 'AppTraces | summarize count()'"),
        ("x.json", json.dumps({"query": "AppTraces\n| project-away Message"})),
        ("x.html", "<p>{{ t['query'] }}</p>\nAppTraces | order by TimeGenerated asc"),
        ("x.py", "QUERY = 'Resources | where type =~ \"a/b\"'"),
        ("x.py", "STAGES = ('AppTraces', 'where Message == \"a\"')"),
        ("x.py", "STAGES = ('AppTraces', f'extend a = {b}')"),
    ],
)
def test_a_query_that_is_not_collected_is_seen(name: str, text: str) -> None:
    assert queries_in(Path(name), text)


def test_what_is_sent_is_in_the_file_that_is_not_looked_through() -> None:
    for built in (ROOT / SENT, ROOT / ASKED):
        assert queries_in(built, built.read_text(encoding="utf-8"))
    assert f"{ASKED}: the collections of a VM" in QUERIES
    assert [name for name in QUERIES if name.startswith(SENT)] == [
        f"{SENT}: AddonAzureBackupJobs",
        f"{SENT}: AzureDiagnostics",
        f"{SENT}: one VM",
    ]


def test_the_manuals_query_gives_the_dimensions_that_an_alert_is_to_be_split_by() -> None:
    page = (ROOT / "docs/roads.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| log search alert .*as dimensions .*", page, re.MULTILINE)
    dimensions = re.findall(r"`(\w+)`", row.partition("as dimensions")[2])
    assert len(dimensions) == 4
    columns = analyzed()["docs/roads.md: What arrives"].columns
    assert {each: columns.get(each) for each in dimensions} == dict.fromkeys(dimensions, "string")


# The columns


def test_each_table_is_read_and_has_its_page() -> None:
    tables = json.loads((HERE / "tables.json").read_text(encoding="utf-8"))
    assert {name for query in analyzed().values() for name in query.tables} == set(tables)
    pages = {
        name: table["page"].removeprefix("https://learn.microsoft.com/azure/")
        for name, table in tables.items()
    }
    assert pages.pop("resources") == "governance/resource-graph/concepts/query-language"
    assert pages == {name: f"azure-monitor/reference/tables/{name.lower()}" for name in pages}


@pytest.mark.parametrize("table", SCHEMAS)
def test_the_simulator_has_no_column_that_is_not_documented(table: str) -> None:
    assert (STANDARD | SCHEMAS[table]).items() <= columns_of_tables()[table].items()
