"""The simulator's log queries: what it refuses, and how. What it answers is tested
through the product's own reader."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.azure.log_queries import TABLES
from tests.local.simulator.support import Arm, Reply, state
from tests.shared.azure.logs.support import (
    MODERN,
    QUERY_PATH,
    SINCE,
    UNTIL,
    WORKSPACE,
    at,
    holding,
    job,
    reading,
)

ROWS = [job(1), job(2), job(3)]


async def ask(arm: Arm, query: Any, path: str = QUERY_PATH, prefer: str = "", **body: Any) -> Reply:
    headers = {"Authorization": "Bearer sim", "Prefer": prefer}
    async with arm.session.post(
        arm.url + path, json={"query": query, **body}, headers=headers
    ) as answer:
        return Reply(answer.status, answer.headers, await answer.json())


def innermost(reply: Reply) -> dict[str, Any]:
    within = reply.body["error"]
    while "innererror" in within:
        within = within["innererror"]
    return within


REFUSED = [
    # a query, the innermost code, a word of the reason
    (f"{MODERN} | count", "NotPlayedBySimulator", "count"),
    (f"{MODERN} | where JobStatus contains 'x'", "NotPlayedBySimulator", "contains"),
    (f'{MODERN} | where JobStatus == "Failed" or JobStatus == "x"', "NotPlayedBySimulator", "or"),
    (f"{MODERN} | where TimeGenerated >= ago(1d)", "NotPlayedBySimulator", "ago"),
    (f"{MODERN} | where TimeGenerated >= datetime(noon)", "NotPlayedBySimulator", "noon"),
    (f'{MODERN} | where TimeGenerated >= "noon"', "NotPlayedBySimulator", "condition"),
    (f"{MODERN} | take all", "NotPlayedBySimulator", "take"),
    (f"{MODERN} | order by TimeGenerated", "NotPlayedBySimulator", "order by"),
    (f"{MODERN} | summarize count() by JobStatus", "NotPlayedBySimulator", "summarize"),
    (f"{MODERN} | extend A = strcat(JobStatus)", "NotPlayedBySimulator", "strcat"),
    (f"{MODERN} | extend A = tostring(JobStatus", "NotPlayedBySimulator", "tostring"),
    (
        f"{MODERN} | extend A = tostring(JobStatus, JobOperation)",
        "NotPlayedBySimulator",
        "2 arguments",
    ),
    (f"{MODERN} | extend A = coalesce(JobStatus)", "NotPlayedBySimulator", "1 arguments"),
    (f"{MODERN} | extend A = JobStatus + 1", "NotPlayedBySimulator", "JobStatus + 1"),
    (f"{MODERN} | extend A = tostring(JobStatus) JobOperation", "NotPlayedBySimulator", "extend"),
    (f"{MODERN} | extend A =", "NotPlayedBySimulator", "extend"),
    (f"{MODERN} | project JobStatus,", "NotPlayedBySimulator", "project"),
    (f"{MODERN} | project tostring(JobStatus)", "NotPlayedBySimulator", "without a name"),
    (f"{MODERN} | where JobStatus in (JobOperation)", "NotPlayedBySimulator", "in (JobOperation)"),
    (f'{MODERN} | where JobStatus in ("x" "y")', "NotPlayedBySimulator", "in"),
    (f"{MODERN} | project", "NotPlayedBySimulator", "project"),
    ("let x = 1; Heartbeat", "NotPlayedBySimulator", "no table"),
    (
        "Heartbeat | take 1",
        "SEM0100",
        "'take' operator: Failed to resolve table or column expression named 'Heartbeat'",
    ),
    (
        f'{MODERN} | where Colour == "red"',
        "SEM0100",
        "'where' operator: Failed to resolve column or scalar expression named 'Colour'",
    ),
    (f"{MODERN} | project Colour", "SEM0100", "'project' operator"),
    (f"{MODERN} | extend A = coalesce(JobStatus, Colour)", "SEM0100", "Colour"),
    (f"{MODERN} | summarize arg_max(TimeGenerated, *) by Colour", "SEM0100", "Colour"),
    (f"union isfuzzy=false ({MODERN} | take 1)", "NotPlayedBySimulator", "no table"),
    (f"union isfuzzy=true {MODERN}, Heartbeat", "NotPlayedBySimulator", "no table"),
    (f"union isfuzzy=true ({MODERN} | take 1), Heartbeat", "NotPlayedBySimulator", "Heartbeat"),
    (f"union isfuzzy=true ({MODERN} | take 1", "NotPlayedBySimulator", "no end"),
    (f"union isfuzzy=true ({MODERN} | take 1) | take 1", "NotPlayedBySimulator", "| take 1"),
    ("union isfuzzy=true (Heartbeat | take 1), (Other | take 1)", "SEM0100", "'Heartbeat'"),
    (f"union isfuzzy=true ({MODERN} | count)", "NotPlayedBySimulator", "count"),
    (f"{MODERN} | summarize A = min(TimeGenerated)", "NotPlayedBySimulator", "summarize"),
    (f'{MODERN} | where JobStatus startswith_cs "F"', "NotPlayedBySimulator", "startswith_cs"),
    ("", "MissingQuery", "no query"),
    (5, "MissingQuery", "no query"),
]


@pytest.mark.parametrize(("query", "code", "reason"), REFUSED)
async def test_what_is_not_understood_is_refused_with_the_reason(start, query, code, reason):
    reply = await ask(await start(holding(AddonAzureBackupJobs=ROWS)), query)
    assert (reply.status, reply.code) == (400, "BadArgumentError")
    assert innermost(reply)["code"] == code and reason in innermost(reply)["message"], reply.body


@pytest.mark.parametrize(
    ("prefer", "body", "reason"),
    [
        ("wait=601", {}, "600"),
        ("wait=0", {}, "600"),
        ("wait=60,include-statistics=true", {}, "include-statistics"),
        ("", {"timespan": "PT1H"}, "PT1H"),
        ("", {"timespan": f"{at(0)}/later"}, "later"),
        ("", {"workspaces": ["other"]}, "workspaces"),
    ],
)
async def test_what_is_asked_beside_the_query(start, prefer, body, reason):
    reply = await ask(
        await start(holding(AddonAzureBackupJobs=ROWS)), f"{MODERN} | take 9", prefer=prefer, **body
    )
    assert reply.status == 400 and reason in innermost(reply)["message"], reply.body


async def test_a_table_with_typed_columns(start):
    arm = await start(holding(AddonAzureBackupJobs=ROWS))
    query = (
        f'{MODERN} | project JobUniqueId, At = TimeGenerated, Missing = column_ifexists("Colour",'
        ' "none"), DataTransferredInMB | take 1'
    )
    reply = await ask(arm, query, prefer="wait=60", timespan=f"{at(2)}/{at(3)}", workspaces=None)
    (table,) = reply.body["tables"]
    kinds = {each["name"]: each["type"] for each in table["columns"]}
    assert kinds == {
        "JobUniqueId": "string",
        "At": "datetime",
        "Missing": "string",
        "DataTransferredInMB": "real",
    }
    assert table["rows"] == [[ROWS[1]["JobUniqueId"], at(2), "none", None]]
    assert "error" not in reply.body and table["name"] == "PrimaryResult"


async def test_more_rows_than_an_answer_takes(start):
    arm = await start(holding(AddonAzureBackupJobs=ROWS))
    await arm.sim("PUT", "settings", {"log_rows": 2})
    reply = await ask(arm, f"{MODERN} | take 3")
    assert (reply.status, reply.body["error"]["code"], len(reply.body["tables"][0]["rows"])) == (
        200,
        "PartialError",
        2,
    )
    assert "error" not in (await ask(arm, f"{MODERN} | take 2")).body


@pytest.mark.parametrize(
    ("made", "status"),
    [(state(), 404), ({**state(), "logs": {MODERN: ROWS}}, 200), (holding(), 400)],
)
async def test_which_workspaces_there_are(start, made, status):
    assert (await ask(await start(made), f"{MODERN} | take 1")).status == status


async def test_another_workspace_is_not_found(start):
    arm = await start(holding(AddonAzureBackupJobs=ROWS))
    reply = await ask(
        arm,
        f"{MODERN} | take 1",
        path=QUERY_PATH.replace(WORKSPACE, "22222222-2222-2222-2222-222222222222"),
    )
    assert (reply.status, reply.code) == (404, "WorkspaceNotFoundError")


async def test_a_token_is_needed_and_an_api_version_is_not(start):
    arm = await start(holding(AddonAzureBackupJobs=ROWS))
    async with arm.session.post(arm.url + QUERY_PATH, json={"query": MODERN}) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (
            401,
            "AuthenticationFailed",
        )


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "InsufficientAccessError"), (404, "WorkspaceNotFoundError"), (429, "ThrottledError")],
)
async def test_faults_answer_as_this_api_does(start, status, code):
    arm = await start(holding(AddonAzureBackupJobs=ROWS))
    await arm.sim(
        "POST",
        "faults",
        {"method": "POST", "path_regex": "/query$", "times": 1, "action": {"status": status}},
    )
    reply = await ask(arm, f"{MODERN} | take 1")
    assert (reply.status, reply.code) == (status, code)
    assert (await ask(arm, f"{MODERN} | take 1")).status == 200


async def test_too_many_queries_in_half_a_minute(start):
    arm = await start(holding(AddonAzureBackupJobs=[]))
    await arm.sim("PUT", "settings", {"throttle": True})
    replies = [await ask(arm, f"{MODERN} | take 1") for _ in range(230)]
    assert {each.status for each in replies[:200]} == {200}
    refused = [each for each in replies if each.status == 429]
    assert (
        refused
        and refused[0].code == "ThrottledError"
        and int(refused[0].headers["Retry-After"]) >= 1
    )


async def test_the_client_sends_what_the_api_takes(start, monkeypatch):
    """Timespan, wait and query as they arrive."""
    seen: list[tuple[str, Any]] = []
    arm = await start(holding(AddonAzureBackupJobs=ROWS))
    from local.simulator.handlers import logs

    noted = logs._check_preference
    monkeypatch.setattr(
        logs, "_check_preference", lambda prefer: seen.append(("prefer", prefer)) or noted(prefer)
    )
    within = logs._select_timespan
    monkeypatch.setattr(
        logs,
        "_select_timespan",
        lambda rows, timespan: seen.append(("timespan", timespan)) or within(rows, timespan),
    )
    async with reading(arm.url) as log:
        await log.failures(SINCE, UNTIL)
    assert ("prefer", "wait=5") in seen
    assert ("timespan", "2026-11-20T22:00:00.000Z/2026-11-21T00:00:00.000Z") in seen


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_only_instants_and_a_number_go_into_a_query(table):
    hour = timedelta(hours=1)
    one, other = table.query(SINCE, UNTIL, 10), table.query(SINCE + hour, UNTIL + hour, 11)
    assert (
        one.replace("22:00:00.000000Z", "23:00:00.000000Z")
        .replace("11-21T00:00", "11-21T01:00")
        .replace("take 10", "take 11")
        == other
    )
    assert one.startswith(
        table.name + "\n| where TimeGenerated >= datetime(2026-11-20T22:00:00.000000Z)"
    )
