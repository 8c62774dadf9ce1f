"""Each alert rule has its query, and is split by a column of its result.
tests/functions/test_queries.py covers what the queries find."""

from __future__ import annotations

import re
from pathlib import Path

from tests.kql.kusto import analyzed

ROOT = Path(__file__).resolve().parents[2]
WATCH = (ROOT / "infra/modules/watch.bicep").read_text(encoding="utf-8")
QUERIES = {
    Path(name).stem: query
    for name, query in analyzed().items()
    if name.startswith("infra/queries/")
}


def test_each_query_has_a_rule_and_each_rule_a_query() -> None:
    rules = re.findall(r"loadTextContent\('../queries/([\w-]+)\.kql'\)", WATCH)
    assert (
        sorted(rules) == sorted(QUERIES) == ["fixes-held-back", "lock-not-back", "needs-a-person"]
    )


def test_each_rule_is_split_by_a_text_of_its_result() -> None:
    split = re.findall(r"by: '(\w+)'.*?queries/([\w-]+)\.kql", WATCH, re.DOTALL)
    assert len(split) == len(QUERIES)
    assert {name: QUERIES[name].columns.get(column) for column, name in split} == dict.fromkeys(
        QUERIES, "string"
    )
