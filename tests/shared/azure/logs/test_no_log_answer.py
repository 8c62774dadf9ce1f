"""What is no answer, told by its kind: no workspace, no permission, unreachable,
refused."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from local.scenarios import parts
from shared.app import App
from shared.azure.log_rows import ReadOutcome
from tests.local.simulator.support import SUB, state
from tests.shared.azure.logs.support import (
    LEGACY,
    MODERN,
    SINCE,
    UNTIL,
    WORKSPACE,
    WORKSPACE_ID,
    asked,
    holding,
    job,
    legacy,
    numbers,
    queries,
    reading,
)


async def test_without_a_workspace_nothing_is_asked(start):
    arm = await start(holding(AddonAzureBackupJobs=[job(1)]))
    answer = await asked(arm, REMEDIATOR_WORKSPACE_ID="")
    assert (answer.outcome, answer.complete_until, answer.failures) == (
        ReadOutcome.NO_WORKSPACE,
        SINCE,
        (),
    )
    assert "REMEDIATOR_WORKSPACE_ID" in answer.reason
    assert await queries(arm) == []


async def test_a_workspace_that_is_not_there(start):
    arm = await start(state())
    assert (await asked(arm)).outcome is ReadOutcome.NO_WORKSPACE
    arm = await start(holding(AddonAzureBackupJobs=[job(1)]))
    answer = await asked(arm, REMEDIATOR_WORKSPACE_ID="22222222-2222-2222-2222-222222222222")
    assert (answer.outcome, answer.complete_until, answer.failures) == (
        ReadOutcome.NO_WORKSPACE,
        SINCE,
        (),
    )
    assert "WorkspaceNotFoundError" in answer.reason


async def test_a_workspace_that_may_not_be_read(start):
    denial = parts.deny_assignment(WORKSPACE_ID, "d")
    denial["properties"]["permissions"] = [
        {"actions": ["Microsoft.OperationalInsights/workspaces/query/read"], "notActions": []}
    ]
    arm = await start(holding(denial, AddonAzureBackupJobs=[job(1)]))
    answer = await asked(arm)
    assert (answer.outcome, answer.complete_until, answer.failures) == (
        ReadOutcome.NO_PERMISSION,
        SINCE,
        (),
    )
    assert "InsufficientAccessError" in answer.reason


EMPTY = {"tables": [{"name": "PrimaryResult", "columns": [], "rows": []}]}
FAILING = [
    # what is on order for every query, what it means
    ({"status": 401}, ReadOutcome.NO_PERMISSION),
    ({"status": 403}, ReadOutcome.NO_PERMISSION),
    ({"status": 403, "body": "<html>"}, ReadOutcome.NO_PERMISSION),
    ({"status": 404}, ReadOutcome.NO_WORKSPACE),
    ({"status": 400}, ReadOutcome.REFUSED),
    ({"status": 413, "body": ""}, ReadOutcome.REFUSED),
    ({"status": 429}, ReadOutcome.UNREACHABLE),
    ({"status": 500}, ReadOutcome.UNREACHABLE),
    ({"status": 502, "body": "<html>bad gateway</html>"}, ReadOutcome.UNREACHABLE),
    ({"status": 504}, ReadOutcome.UNREACHABLE),
    ({"reset": True}, ReadOutcome.UNREACHABLE),
    ({"reset": "after"}, ReadOutcome.UNREACHABLE),
    ({"delay_s": 3}, ReadOutcome.UNREACHABLE),
    ({"status": 200, "body": {}}, ReadOutcome.UNREACHABLE),
    ({"status": 200, "body": []}, ReadOutcome.UNREACHABLE),
    ({"status": 200, "body": {"tables": []}}, ReadOutcome.UNREACHABLE),
    ({"status": 200, "body": {"tables": [{"name": "PrimaryResult"}]}}, ReadOutcome.UNREACHABLE),
    (
        {
            "status": 200,
            "body": {
                "tables": [{"columns": [{"name": "A", "type": "string"}], "rows": [["a", "b"]]}]
            },
        },
        ReadOutcome.UNREACHABLE,
    ),
    (
        {"status": 200, "body": {"tables": [{"columns": [{"name": "A"}], "rows": []}]}},
        ReadOutcome.UNREACHABLE,
    ),
    ({"status": 200, "body": "no JSON"}, ReadOutcome.UNREACHABLE),
    ({"status": 200, "body": {**EMPTY, "error": "oops"}}, ReadOutcome.UNREACHABLE),
    (
        {"status": 200, "body": {**EMPTY, "error": {"code": "X", "innererror": 5}}},
        ReadOutcome.UNREACHABLE,
    ),
    ({"status": 202, "body": EMPTY}, ReadOutcome.UNREACHABLE),
    ({"status": 204}, ReadOutcome.UNREACHABLE),
    ({"status": 302, "headers": {"Location": "/elsewhere"}}, ReadOutcome.UNREACHABLE),
]


@pytest.mark.parametrize(("action", "outcome"), FAILING, ids=str)
@pytest.mark.parametrize("first", [True, False], ids=["first table", "second table"])
async def test_what_is_no_answer_is_told_by_its_kind(start, action, outcome, first):
    arm = await start(holding(AddonAzureBackupJobs=[job(1)], AzureDiagnostics=[legacy(2)]))
    if not first:
        await arm.sim(
            "POST", "faults", {"path_regex": "/query$", "times": 1, "action": {"delay_s": 0}}
        )
    await arm.sim("POST", "faults", {"path_regex": "/query$", "times": 1, "action": action})
    answer = await asked(arm, REMEDIATOR_CALL_TIMEOUT_SECONDS="1")
    assert (answer.outcome, answer.complete_until) == (outcome, SINCE), answer
    assert answer.reason
    assert (answer.tables, numbers(answer)) == (((LEGACY,), [2]) if first else ((MODERN,), [1]))


@pytest.mark.parametrize(
    "action",
    [
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"status": 503, "headers": {"Retry-After": "0"}},
        {"reset": True},
        {"reset": "after"},
    ],
    ids=str,
)
async def test_what_passes_is_tried_again(start, action):
    arm = await start(holding(AddonAzureBackupJobs=[job(1)]))
    await arm.sim("POST", "faults", {"path_regex": "/query$", "times": 2, "action": action})
    began = time.monotonic()
    answer = await asked(arm, REMEDIATOR_RETRY_SECONDS="20")
    assert (answer.outcome, numbers(answer)) == (ReadOutcome.COMPLETE, [1])
    assert action.get("status") != 429 or time.monotonic() - began >= 2


async def test_a_retry_after_past_the_time_left_ends_it(start):
    arm = await start(holding(AddonAzureBackupJobs=[job(1)]))
    await arm.sim(
        "POST",
        "faults",
        {"path_regex": "/query$", "action": {"status": 429, "headers": {"Retry-After": "3600"}}},
    )
    assert (await asked(arm, REMEDIATOR_RETRY_SECONDS="20")).outcome is ReadOutcome.UNREACHABLE
    assert len(await queries(arm)) == 2


async def test_a_missing_column_is_a_refusal_and_not_a_missing_table(start):
    body = {
        "error": {
            "code": "BadArgumentError",
            "message": "bad",
            "innererror": {"code": "SEM0100", "message": "no column named 'JobStatus'"},
        }
    }
    arm = await start(holding(AddonAzureBackupJobs=[job(1)]))
    await arm.sim(
        "POST",
        "faults",
        {"path_regex": "/query$", "times": 1, "action": {"status": 400, "body": body}},
    )
    answer = await asked(arm)
    assert (answer.outcome, answer.reason) == (
        ReadOutcome.REFUSED,
        "SEM0100: no column named 'JobStatus'",
    )


@pytest.mark.parametrize(
    ("since", "until"),
    [(UNTIL, SINCE), (SINCE.replace(tzinfo=None), UNTIL), (SINCE, UNTIL.replace(tzinfo=None))],
)
async def test_what_is_no_span_of_time_is_refused(start, since: datetime, until: datetime):
    arm = await start(holding())
    async with reading(arm.url) as log:
        with pytest.raises(ValueError, match="span"):
            await log.failures(since, until)


async def test_the_app_makes_it_from_its_settings(start, tmp_path):
    arm = await start(holding(AddonAzureBackupJobs=[job(1)]))
    settings = {
        "REMEDIATOR_LOGS_ENDPOINT": arm.url,
        "REMEDIATOR_WORKSPACE_ID": WORKSPACE,
        "REMEDIATOR_SUBSCRIPTION_ID": SUB,
    }
    app = App({**settings, "REMEDIATOR_STORE": f"sqlite:{tmp_path / 'x.db'}"})
    try:
        assert numbers(await (await app.failed_backup_log()).failures(SINCE, UNTIL)) == [1]
    finally:
        await app.close()
