"""The alert rules ask for what telemetry writes, in the words that are really written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared import telemetry
from shared.audit.entry import PHASES
from shared.incident.model import Status
from tests.docs.test_docs import written_kinds

ROOT = Path(__file__).resolve().parents[2]
QUERIES = {path.stem: path.read_text() for path in sorted((ROOT / "infra/queries").glob("*.kql"))}


def test_each_query_has_a_rule_and_each_rule_a_query() -> None:
    rules = re.findall(r"loadTextContent\('../queries/([\w-]+)\.kql'\)", (ROOT / "infra/modules/watch.bicep").read_text())
    assert sorted(rules) == sorted(QUERIES) == ["fixes-held-back", "lock-not-back", "needs-a-person"]


@pytest.mark.parametrize("name", QUERIES)
def test_it_asks_for_fields_that_are_sent(name: str) -> None:
    query = QUERIES[name]
    asked = re.findall(r'e\["([^"]+)"\]', query)
    assert asked
    assert set(asked) <= set(telemetry.FIELDS)
    assert "Message startswith '{\"remediator.'" in query


@pytest.mark.parametrize("name", QUERIES)
def test_it_names_only_what_is_written(name: str) -> None:
    query = QUERIES[name]
    assert set(re.findall(r'kind == "(\w+)"', query)) <= set(written_kinds())
    listed = {each for group in re.findall(r"phase in \(([^)]*)\)", query) for each in re.findall(r'"(\w+)"', group)}
    assert listed | set(re.findall(r'phase == "(\w+)"', query)) <= set(PHASES)
    for begin in re.findall(r'startswith "([^"]+)"', query):
        assert begin.removesuffix(":") in set(Status)


def test_a_fix_that_is_held_back_is_told_in_those_words() -> None:
    (words,) = re.findall(r'contains "([^"]+)"', QUERIES["fixes-held-back"])
    assert f"changes_per_hour}} {words}" in (ROOT / "shared/workflow/turn.py").read_text()


def test_each_rule_is_split_by_a_column_of_its_query() -> None:
    split = re.findall(r"by: '(\w+)'.*?queries/([\w-]+)\.kql", (ROOT / "infra/modules/watch.bicep").read_text(), re.DOTALL)
    assert len(split) == len(QUERIES)
    for column, name in split:
        assert re.search(rf"\| project .*\b{column}\b", QUERIES[name])
