"""The queries in the manual are those of the workbook, and ask only for what telemetry writes."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared import review, telemetry
from shared.audit.entry import PHASES
from shared.incident.model import Status
from tests.docs.test_docs import written_kinds

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/queries.md").read_text(encoding="utf-8")
WORKBOOK = json.loads((ROOT / "infra/workbook.json").read_text(encoding="utf-8"))
QUERIES: dict[str, str] = dict(re.findall(r"^## (.+?)\n(?:(?!^## ).)*?```kusto\n(.*?)\n```", PAGE, re.MULTILINE | re.DOTALL))


def test_there_are_six_queries_each_explained() -> None:
    assert list(QUERIES) == [
        "Failures by code",
        "Fixed without a person",
        "Time to repair",
        "Unlocked minutes",
        "Locks not back",
        "Needs a person",
    ]
    explained = re.findall(r"^## (.+)\n\n[A-Z][^`]", PAGE, re.MULTILINE)
    assert explained == list(QUERIES)
    assert PAGE.count("```kusto") == len(QUERIES)


def test_the_workbook_has_the_same_queries() -> None:
    shown = {item["content"]["title"]: item["content"]["query"] for item in WORKBOOK["items"] if item["type"] == 3}
    assert shown == QUERIES


def test_the_workbook_is_one() -> None:
    assert WORKBOOK["version"] == "Notebook/1.0"
    items: list[dict[str, Any]] = WORKBOOK["items"]
    assert len({item["name"] for item in items}) == len(items)
    (parameters,) = [item["content"]["parameters"] for item in items if item["type"] == 9]
    assert [each["name"] for each in parameters] == ["TimeRange"]
    for item in (each for each in items if each["type"] == 3):
        assert item["content"]["version"] == "KqlItem/1.0"
        assert item["content"]["timeContextFromParameter"] == "TimeRange"
        assert (item["content"]["queryType"], item["content"]["resourceType"]) == (0, "microsoft.operationalinsights/workspaces")


def test_the_page_lists_the_fields_that_are_sent() -> None:
    assert tuple(re.findall(r"^\| `(remediator\.\w+)` \|", PAGE, re.MULTILINE)) == telemetry.FIELDS


@pytest.mark.parametrize("title", QUERIES)
def test_a_query_asks_for_fields_that_are_sent(title: str) -> None:
    query = QUERIES[title]
    asked = re.findall(r'e\["([^"]+)"\]', query)
    assert asked
    assert set(asked) <= set(telemetry.FIELDS)
    assert set(re.findall(r"remediator\.\w+", query)) <= set(telemetry.FIELDS)
    assert "AppTraces\n| where Message startswith '{\"remediator.'" in query


@pytest.mark.parametrize("title", QUERIES)
def test_a_query_names_only_what_is_written(title: str) -> None:
    query, kinds = QUERIES[title], written_kinds()
    named = set(re.findall(r'kind == "(\w+)"', query)) | _listed("kind", query)
    phases = set(re.findall(r'phase == "(\w+)"', query)) | _listed("phase", query)
    assert named
    assert named <= set(kinds)
    assert phases <= set(PHASES)


def test_results_begin_as_the_queries_expect() -> None:
    """They are sentences for people; these beginnings are what the queries hold on to."""
    every = "\n".join(QUERIES.values())
    begins = set(re.findall(r'startswith "([^"]+)"', every))
    states = {f"{each}:" for each in (*Status, *review.State)}
    written = {text for path in (ROOT / "shared").rglob("*.py") for text in _texts(path)}
    for begin in begins - states:
        assert any(text.startswith(begin) for text in written), begin
    assert set(re.findall(r"\^\(([\w|]+)\):", every).pop().split("|")) <= set(Status)


def test_the_line_begins_as_the_queries_expect() -> None:
    assert telemetry.FIELDS[0].startswith("remediator.")
    assert json.dumps(dict.fromkeys(telemetry.FIELDS, "")).startswith('{"remediator.')


def test_traces_are_left_out_of_sampling() -> None:
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    assert "Trace" in host["logging"]["applicationInsights"]["samplingSettings"]["excludedTypes"].split(";")


def _listed(name: str, query: str) -> set[str]:
    return {each for group in re.findall(rf"{name} in \(([^)]*)\)", query) for each in re.findall(r'"(\w+)"', group)}


def _texts(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
