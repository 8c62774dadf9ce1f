"""Each alert rule has its query, and is split by a column of its result.
tests/functions/test_queries.py covers what the queries find."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from command_line.activity_log import DELETE, DELETE_GROUP, OBJECT_ID, SUCCEEDED, WRITE
from command_line.doctor.watch import LEFT_OFF, PLACEHOLDER
from command_line.doctor.watch import WATCH as WATCH_RULES
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
    assert sorted(rules) == sorted(QUERIES) == sorted(WATCH_RULES)


def test_each_rule_is_split_by_a_text_of_its_result() -> None:
    split = re.findall(r"by: '(\w+)'.*?queries/([\w-]+)\.kql", WATCH, re.DOTALL)
    assert len(split) == len(QUERIES)
    assert {name: QUERIES[name].columns.get(column) for column, name in split} == dict.fromkeys(
        QUERIES, "string"
    )


def test_the_rule_on_azures_record_reads_as_the_command_does() -> None:
    """`remediator locks verify` decides the same by hand."""
    query = QUERIES[LEFT_OFF]
    assert query.tables == ("AzureActivity",)
    assert query.lookups == (OBJECT_ID,)
    assert query.compared("OperationNameValue") == {DELETE, WRITE, DELETE_GROUP}
    statuses = query.compared("ActivityStatusValue", "in~")
    assert sorted(each.casefold() for each in statuses) == sorted(SUCCEEDED)
    assert query.compared("CategoryValue", "=~") == {"Administrative"}


CONDITIONS = {
    "coalesce(ResourceId, _ResourceId)": "either column may hold the lock's id",
    "tolower(OperationNameValue)": "the letters of names differ from record to record",
    "coalesce(object_id, Caller) =~ ours": "the claims, and the caller only without them",
    "is_delete and is_ours": "a deletion counts if it is ours, a write whoever's it is",
    "deleted_at < ago(45m)": "records come late",
    "isnull(written_at) or written_at <= deleted_at": "nothing was written, or nothing later",
    "kind=leftouter groups_gone": "most groups are still there",
    "isnull(gone_at) or gone_at <= deleted_at": "a group that was deleted later took it along",
}
"""Of the query, each with its reason. No test runs the query: the parser only binds
it."""


@pytest.mark.parametrize("condition", CONDITIONS)
def test_no_condition_of_the_rule_on_azures_record_is_lost(condition: str) -> None:
    text = (ROOT / f"infra/queries/{LEFT_OFF}.kql").read_text(encoding="utf-8")
    assert text.count(condition) == 1


def test_the_query_names_the_app_by_its_principal() -> None:
    text = (ROOT / f"infra/queries/{LEFT_OFF}.kql").read_text(encoding="utf-8")
    assert text.count(PLACEHOLDER) == 1
    put = f"replace(loadTextContent('../queries/{LEFT_OFF}.kql'), '{PLACEHOLDER}', appPrincipalId)"
    assert put in WATCH


def test_each_rule_asks_the_workspace_that_has_its_table() -> None:
    asked = dict(re.findall(r"name: '([\w-]+)'[^}]*?workspace: (\w+)", WATCH))
    of_azure = {LEFT_OFF: "activityLogWorkspaceId"}
    assert asked == dict.fromkeys(QUERIES, "workspaceId") | of_azure
    assert "scopes: [each.workspace]" in WATCH


def test_what_is_sent_to_the_workspace_is_what_the_rule_reads() -> None:
    setting = (ROOT / "infra/modules/activity-log.bicep").read_text(encoding="utf-8")
    sent = re.findall(r"category: '(\w+)', enabled: true", setting)
    assert set(sent) == QUERIES[LEFT_OFF].compared("CategoryValue", "=~")
