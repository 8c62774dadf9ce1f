"""The queries in the manual are those of the workbook, and ask only for what telemetry
writes."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shared.audit import telemetry
from shared.audit.entry import PHASES
from shared.incident import review
from shared.incident.status import Status
from tests.docs.test_docs import written_kinds
from tests.kql.kusto import analyzed
from tests.kql.queries import WORKBOOK, shipped

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/queries.md").read_text(encoding="utf-8")


def titled(where: str) -> dict[str, str]:
    """The queries of one file: title to text."""
    return {
        name.removeprefix(where): text for name, text in shipped().items() if name.startswith(where)
    }


PAGES, SHOWN = titled("docs/queries.md: "), titled("infra/workbook.json: ")
OF_AZURE = "infra/queries/lock-left-off.kql"
"""Reads Azure's record, not ours."""
OF_THE_LOG = [
    name
    for name in shipped()
    if name.startswith(("docs/queries.md", "infra/")) and name != OF_AZURE
]


def test_there_are_six_queries_each_explained() -> None:
    assert list(PAGES) == [
        "Failures by code",
        "Fixed without a person",
        "Time to repair",
        "Unlocked minutes",
        "Locks not back",
        "Needs a person",
    ]
    assert re.findall(r"^## (.+)\n\n[A-Z][^`]", PAGE, re.MULTILINE) == list(PAGES)


def test_the_workbook_has_the_same_queries() -> None:
    assert SHOWN == PAGES


def test_the_workbook_is_one() -> None:
    workbook = json.loads(WORKBOOK.read_text(encoding="utf-8"))
    assert workbook["version"] == "Notebook/1.0"
    items: list[dict[str, Any]] = workbook["items"]
    assert len({item["name"] for item in items}) == len(items)
    (parameters,) = [item["content"]["parameters"] for item in items if item["type"] == 9]
    assert [each["name"] for each in parameters] == ["TimeRange"]
    for item in (each for each in items if each["type"] == 3):
        assert item["content"]["version"] == "KqlItem/1.0"
        assert item["content"]["timeContextFromParameter"] == "TimeRange"
        assert (item["content"]["queryType"], item["content"]["resourceType"]) == (
            0,
            "microsoft.operationalinsights/workspaces",
        )


def test_the_page_lists_the_fields_that_are_sent() -> None:
    assert tuple(re.findall(r"^\| `(remediator\.\w+)` \|", PAGE, re.MULTILINE)) == telemetry.FIELDS


@pytest.mark.parametrize("name", OF_THE_LOG)
def test_a_query_asks_for_fields_that_are_sent(name: str) -> None:
    query = analyzed()[name]
    assert query.tables == ("AppTraces",)
    assert query.lookups
    assert set(query.lookups) <= set(telemetry.FIELDS)
    assert query.compared("Message") == {'{"remediator.'}


@pytest.mark.parametrize("name", OF_THE_LOG)
def test_a_query_names_only_what_is_written(name: str) -> None:
    query, kinds = analyzed()[name], written_kinds()
    asked = query.compared("remediator.kind")
    assert asked or "remediator.kind" not in query.lookups
    assert asked <= set(kinds)
    assert query.compared("remediator.phase") <= set(PHASES)
    if len(asked) == 1:
        assert query.compared("remediator.phase") <= kinds[asked.pop()]


@pytest.mark.parametrize("name", OF_THE_LOG)
def test_results_are_written_as_the_queries_expect(name: str) -> None:
    """They are sentences for people; these parts of them are what the queries hold on
    to."""
    query, states = analyzed()[name], {f"{each}:" for each in (*Status, *review.State)}
    for words in query.compared("remediator.result", "startswith", "=="):
        assert words in states or any(text.startswith(words) for text in written_texts()), words
    for words in query.compared("remediator.result", "contains"):
        assert any(words in text for text in written_texts()), words
    for pattern in query.compared("remediator.result", "extract"):
        assert any(re.search(pattern, text + "x") for text in written_texts() | states), pattern
        for choices in re.findall(r"\((\w+(?:\|\w+)+)\)", pattern):
            assert set(choices.split("|")) <= set(Status)


@cache
def written_texts() -> frozenset[str]:
    """Every text in the product's code, an f-string's parts each by itself."""
    trees = [
        ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "shared").rglob("*.py")
    ]
    constants = [
        node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)
    ]
    return frozenset(value for value in constants if isinstance(value, str))


def test_the_line_begins_as_the_queries_expect() -> None:
    assert telemetry.FIELDS[0].startswith("remediator.")
    assert json.dumps(dict.fromkeys(telemetry.FIELDS, "")).startswith('{"remediator.')


def test_traces_are_left_out_of_sampling() -> None:
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    assert "Trace" in host["logging"]["applicationInsights"]["samplingSettings"][
        "excludedTypes"
    ].split(";")
