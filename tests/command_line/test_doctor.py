"""Each thing that an installation needs, taken away: the doctor names it with the
command that mends it, and finds nothing else wrong."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from command_line.doctor.alerts import ALERTS_ON, enable_alerts
from command_line.doctor.app import FUNCTIONS, QUEUE_FUNCTIONS
from command_line.doctor.installation import Installation
from command_line.doctor.locks import check_locks
from command_line.doctor.stores import CONTAINERS
from command_line.doctor.view import View
from command_line.doctor.watch import QUERIES, WATCH, WORKSPACES
from command_line.main import remediator
from infra.check.project import check
from infra.roles import GRANTED, REMEDIATOR
from local.simulator.ids import parse
from local.simulator.server import Simulator
from shared.azure.clients import AzureClients
from shared.codec import to_json
from shared.errors import StoreUnavailable
from shared.execution.lock_window.lock_row import LockState
from shared.execution.lock_window.windows import OPEN, WINDOW, Member
from shared.facts import Lock
from shared.settings import Settings
from shared.store.contract import Store
from shared.store.sqlite import SqliteStore
from tests.command_line import installation as i
from tests.shared.execution.rows import row, window

ROOT = Path(__file__).resolve().parents[2]

type State = dict[str, dict[str, Any]]
type Take = Callable[[State], Any]


def gone(*ids: str) -> Take:
    return lambda state: [state.pop(each) for each in ids]


def put(resource_id: str, *path: str, value: Any) -> Take:
    def change(state: State) -> None:
        held = state[resource_id]["properties"]
        for step in path[:-1]:
            held = held[step]
        held[path[-1]] = value

    return change


def without(action: str) -> Take:
    def change(state: State) -> None:
        for each in (i.ROLE_READER, i.ROLE_REMEDIATOR):
            (held,) = state[f"{i.SUBSCRIPTION}/{i.AUTHORIZATION}/roleDefinitions/{each}"][
                "properties"
            ]["permissions"]
            held["actions"] = [one for one in held["actions"] if one != action]

    return change


def assignment(scope: str, name: str) -> str:
    return f"{scope}/{i.AUTHORIZATION}/roleAssignments/{name}"


LOCK_RULE = i.at("Microsoft.Insights/scheduledQueryRules/lock-not-back-backup-remediator")
LEFT_OFF_RULE = i.at("Microsoft.Insights/scheduledQueryRules/lock-left-off-backup-remediator")
OTHERS_QUERY = i.query("lock-left-off").replace(i.PRINCIPAL, i.CLIENT)
BRIDGE = {"action group", "alert processing rule"}
TAKEN: list[tuple[str, Take, set[str]]] = [
    ("the app is stopped", put(i.SITE, "state", value="Stopped"), {"function app"}),
    (
        "the code is not deployed",
        gone(*(f"{i.SITE}/functions/{each}" for each in FUNCTIONS)),
        {"code"},
    ),
    ("one function is missing", gone(f"{i.SITE}/functions/guardian"), {"code"}),
    ("the identity is not the app's", lambda s: s[i.SITE].update(identity={}), {"identity"}),
    (
        "another subscription in the settings",
        put(i.SETTINGS, "REMEDIATOR_SUBSCRIPTION_ID", value=i.CLIENT),
        {"settings"},
    ),
    (
        "another identity in the settings",
        put(i.SETTINGS, "AZURE_CLIENT_ID", value=""),
        {"settings"},
    ),
    (
        "sign-in claimed by hand",
        put(i.SETTINGS, "WEBSITE_AUTH_ENABLED", value="True"),
        {"settings"},
    ),
    (
        "the guardian is disabled",
        put(i.SETTINGS, "AzureWebJobs.guardian.Disabled", value="true"),
        {"settings"},
    ),
    (
        "a watch that is too short",
        put(i.SETTINGS, "REMEDIATOR_WATCH_SECONDS", value="200"),
        {"settings"},
    ),
    (
        "a lease that the guardian could never judge",
        put(i.SETTINGS, "REMEDIATOR_LEASE_SECONDS", value="60"),
        {"settings"},
    ),
    *((f"the action {each}", without(each), {f"action {each}"}) for each in GRANTED),
    (
        "a role that changes, in mode observe",
        put(i.SETTINGS, "REMEDIATOR_MODE", value="observe"),
        {"no more than needed"},
    ),
    (
        "a role that changes, and no mode is set",
        put(i.SETTINGS, "REMEDIATOR_MODE", value=""),
        {"no more than needed"},
    ),
    ("shared keys are on", put(i.STORAGE, "allowSharedKeyAccess", value=True), {"storage account"}),
    (
        "anonymous blobs are on",
        put(i.STORAGE, "allowBlobPublicAccess", value=True),
        {"storage account"},
    ),
    (
        "the container of dead letters",
        gone(f"{i.CONTAINER}/dead-letters"),
        {"container dead-letters"},
    ),
    ("the container of the code", gone(f"{i.CONTAINER}/deployment"), {"container deployment"}),
    ("the policy on seals", gone(i.POLICY), {"seals cannot be changed"}),
    (
        "the app's role on blobs",
        gone(assignment(i.STORAGE, "blobs")),
        {"data role on blobs for the app"},
    ),
    (
        "the app's role on queues",
        gone(assignment(i.STORAGE, "queues")),
        {"data role on queues for the app"},
    ),
    (
        "the app's role on tables",
        gone(assignment(i.STORAGE, "tables")),
        {"data role on tables for the app"},
    ),
    (
        "the app's role on the topic",
        gone(assignment(i.TOPIC, "sends")),
        {"EventGrid Data Sender for the app"},
    ),
    (
        "the topic's role on dead letters",
        gone(assignment(f"{i.CONTAINER}/dead-letters", "letters")),
        {"dead letters for the topic"},
    ),
    (
        "the topic's keys are on",
        put(i.TOPIC, "disableLocalAuth", value=False),
        {"Event Grid topic"},
    ),
    ("the Event Grid subscription", gone(i.DELIVERED), {"Event Grid subscription"}),
    (
        "its dead letters",
        put(i.DELIVERED, "deadLetterWithResourceIdentity", value=None),
        {"Event Grid subscription"},
    ),
    (
        "it delivers elsewhere",
        put(i.DELIVERED, "destination", "endpointType", value="WebHook"),
        {"Event Grid subscription"},
    ),
    (
        "it was not made to the end",
        put(i.DELIVERED, "provisioningState", value="AwaitingManualAction"),
        {"Event Grid subscription"},
    ),
    ("the action group", gone(i.BRIDGE), {"action group", "alert processing rule"}),
    (
        "it calls without a token",
        put(i.BRIDGE, "webhookReceivers", value=[]),
        {"action group", "alert processing rule"},
    ),
    ("the alert processing rule", gone(i.RULE), {"alert processing rule"}),
    ("it is disabled", put(i.RULE, "enabled", value=False), {"alert processing rule"}),
    ("it covers one group only", put(i.RULE, "scopes", value=[i.GROUP]), {"alert processing rule"}),
    (
        "a vault's alerts are off",
        put(i.VAULT, "monitoringSettings", value={}),
        {"alerts of vault vault1"},
    ),
    (
        "an alert rule",
        gone(i.at("Microsoft.Insights/scheduledQueryRules/lock-not-back-backup-remediator")),
        {"alert rule lock-not-back"},
    ),
    (
        "the Activity Log alert is off",
        put(
            i.at("Microsoft.Insights/activityLogAlerts/lock-deleted-backup-remediator"),
            "enabled",
            value=False,
        ),
        {"alert rule lock-deleted"},
    ),
    (
        "the rule on Azure's own record",
        gone(i.at("Microsoft.Insights/scheduledQueryRules/lock-left-off-backup-remediator")),
        {"alert rule lock-left-off", "activity log in the workspace"},
    ),
    (
        "that rule asks for another identity",
        put(LEFT_OFF_RULE, "criteria", value={"allOf": [{"query": OTHERS_QUERY}]}),
        {"alert rule lock-left-off"},
    ),
    ("the Activity Log is sent nowhere", gone(i.ACTIVITY_LOG), {"activity log in the workspace"}),
    (
        "it is sent to another workspace",
        put(i.ACTIVITY_LOG, "workspaceId", value=f"{i.WORKSPACE}2"),
        {"activity log in the workspace"},
    ),
    (
        "it is sent without what changes",
        put(i.ACTIVITY_LOG, "logs", value=[{"category": "Security", "enabled": True}]),
        {"activity log in the workspace"},
    ),
    (
        "what changes is switched off there",
        put(i.ACTIVITY_LOG, "logs", value=[{"category": "Administrative", "enabled": False}]),
        {"activity log in the workspace"},
    ),
    ("the log workspace", gone(i.WORKSPACE), {"log workspace", "workspace of the sweep"}),
    (
        "another workspace for the sweep",
        put(i.SETTINGS, "REMEDIATOR_WORKSPACE_ID", value=i.CLIENT),
        {"workspace of the sweep"},
    ),
    (
        "our own sign-in setting is off",
        put(i.SETTINGS, "REMEDIATOR_AUTH", value="off"),
        {"settings"},
    ),
    (
        "another tenant in the settings",
        put(i.SETTINGS, "REMEDIATOR_TENANT_ID", value=i.CLIENT),
        {"settings"},
    ),
    (
        "another sender of alerts",
        put(i.SETTINGS, "REMEDIATOR_ALERT_SENDER", value=i.CLIENT),
        {"settings"},
    ),
    (
        "the bridge is disabled",
        put(i.SETTINGS, "AzureWebJobs.alerts.Disabled", value="1"),
        {"settings"},
    ),
    (
        "where telemetry goes",
        put(i.SETTINGS, "APPLICATIONINSIGHTS_CONNECTION_STRING", value=""),
        {"settings"},
    ),
    ("where heads are sealed", put(i.SETTINGS, "REMEDIATOR_SEALS", value=""), {"settings"}),
    (
        "the app's role on telemetry",
        gone(assignment(i.INSIGHTS, "telemetry")),
        {"telemetry for the app"},
    ),
    ("people's mail", put(i.PEOPLE, "emailReceivers", value=[]), {"somebody is notified"}),
    (
        "an alert rule's action group",
        put(LOCK_RULE, "actions", value={}),
        {"alert rule lock-not-back"},
    ),
    (
        "an alert rule's query is an earlier version's",
        put(
            LOCK_RULE,
            "criteria",
            value={"allOf": [{"query": i.query("lock-not-back").replace("entry_kind", "kind")}]},
        ),
        {"alert rule lock-not-back"},
    ),
    (
        "an alert rule without its query",
        put(LOCK_RULE, "criteria", value={}),
        {"alert rule lock-not-back"},
    ),
    (
        "the rule is for another service",
        put(i.RULE, "conditions", value=[i.condition("Platform")]),
        {"alert processing rule"},
    ),
    (
        "the rule removes action groups",
        put(i.RULE, "actions", value=[{"actionType": "RemoveAllActionGroups"}]),
        {"alert processing rule", "no suppression of alerts"},
    ),
    (
        "the webhook's token is for another app",
        put(i.BRIDGE, "webhookReceivers", value=[i.HOOK | {"identifierUri": "api://x"}]),
        BRIDGE,
    ),
    (
        "the webhook is for another tenant",
        put(i.BRIDGE, "webhookReceivers", value=[i.HOOK | {"tenantId": i.CLIENT}]),
        BRIDGE,
    ),
    (
        "events are filtered",
        put(i.DELIVERED, "filter", value={"subjectBeginsWith": "/nothing"}),
        {"Event Grid subscription"},
    ),
    (
        "the subscription ends",
        put(i.DELIVERED, "expirationTimeUtc", value="2020-01-01T00:00:00Z"),
        {"Event Grid subscription"},
    ),
    (
        "a role is held under a condition",
        put(assignment(i.STORAGE, "tables"), "condition", value="@Resource"),
        {"data role on tables for the app"},
    ),
    (
        "sign-in takes tokens for others",
        put(
            i.AUTH,
            "identityProviders",
            "azureActiveDirectory",
            "validation",
            value={"allowedAudiences": ["x"]},
        ),
        {"sign-in"},
    ),
    ("sign-in", put(i.AUTH, "platform", "enabled", value=False), {"sign-in"}),
    (
        "the application of sign-in",
        put(i.AUTH, "identityProviders", value={}),
        {"sign-in", "settings"} | BRIDGE,
    ),
]


class Stranger:
    """The app at the HTTP edge: what it answers to somebody without a token."""

    def __init__(self) -> None:
        self.pages, self.health = 401, {"status": "answers"}
        self.requests: list[tuple[str, str]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append((request.method, request.path))
        if request.path == "/api/health":
            return web.json_response(
                self.health, status=503 if self.health["status"] == "degraded" else 200
            )
        return web.json_response({}, status=self.pages)


@pytest.fixture
async def stranger() -> AsyncIterator[Stranger]:
    found = Stranger()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@asynccontextmanager
async def ledger(*rows: tuple[str, str, Any]) -> AsyncIterator[str]:
    """Where a store is with these rows: table, partition, value."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "remediator.db"
        store = SqliteStore(path)
        await store.ping()
        for table, partition, value in rows:
            body = value if isinstance(value, dict) else to_json(value)
            await store.insert(table, partition, WINDOW, body)
        await store.close()
        yield f"sqlite:{path}"


async def run_doctor(
    state: State,
    stranger: Stranger,
    *options: str,
    settings: dict[str, Any] | None = None,
    rows: tuple[tuple[str, str, Any], ...] = (),
) -> tuple[Result, list[Any]]:
    """The command as it is run, beside the running simulator; and the requests that the
    simulator had."""
    async with Simulator(state={"resources": list(state.values())}) as arm, ledger(*rows) as store:
        arm.world.change_settings(settings or {})
        words = [
            "doctor",
            "--subscription",
            i.SUB,
            "--arm",
            arm.url,
            "--app-url",
            stranger.url,
            *(() if "--storage" in options else ("--storage", store)),
            *options,
        ]
        result = await asyncio.to_thread(CliRunner().invoke, remediator, words)
        return result, list(arm.world.requests)


async def read_results(state: State, stranger: Stranger, **more: Any) -> dict[str, Any]:
    result, _ = await run_doctor(state, stranger, "--json", **more)
    assert result.exit_code in (0, 1), result.output
    return {each["name"]: each for each in json.loads(result.stdout)}


@pytest.mark.parametrize("mode", ["auto", "observe"])
async def test_a_whole_installation_is_fine(stranger: Stranger, mode: str) -> None:
    result, requests = await run_doctor(i.installation(mode), stranger)
    assert result.exit_code == 0, result.output
    actions = len(GRANTED) - (0 if mode == "auto" else len(REMEDIATOR))
    assert result.stdout == f"{actions + 35} of {actions + 35} are there\n"
    assert {each.method for each in requests} <= {"GET", "POST"}
    assert [each.path for each in requests if each.method == "POST"] == [f"{i.SETTINGS}/list"]
    assert stranger.requests == [("GET", "/api/incidents"), ("GET", "/api/health")]


@pytest.mark.parametrize(
    ("take", "names"), [row[1:] for row in TAKEN], ids=[row[0] for row in TAKEN]
)
async def test_what_is_taken_away_is_named_with_what_mends_it(
    stranger: Stranger, take: Take, names: set[str]
) -> None:
    state = i.installation()
    take(state)
    seen = await read_results(state, stranger)
    wrong = {name: each for name, each in seen.items() if each["ok"] is not True}
    assert set(wrong) == names
    assert all(
        each["ok"] is (None if name == "no suppression of alerts" else False)
        for name, each in wrong.items()
    )
    assert all(each["found"] and each["mend"] for each in wrong.values())


LOCK = Lock(f"{i.GROUP}/{i.AUTHORIZATION}/locks/keep", "keep", "CanNotDelete", None, ())
DEADLINE = "2026-01-31T12:00:00.000000Z"


def lock_row(state: LockState, **given: Any) -> tuple[str, str, Any]:
    held = {"group_id": i.GROUP, "incident_id": "incident1", "deadline": DEADLINE}
    return "locks", "locks", row(state, LOCK, **(held | given))


OPEN_WINDOW = window(OPEN, group_id=i.GROUP, members=(Member("incident2", ()),))
UNSETTLED: list[tuple[str, tuple[str, str, Any], tuple[str, ...]]] = [
    ("a lock is about to go off", lock_row(LockState.PLANNED), ("the lock keep", "incident1")),
    ("a lock is off", lock_row(LockState.OFF), ("is off, until 2026-01-31", "incident1")),
    ("a lock is not back", lock_row(LockState.RETURNING, problem="403"), ("NOT back yet: 403",)),
    ("a lock is watched", lock_row(LockState.WATCHED), ("is watched until", "incident1")),
    ("a window is open", ("windows", "group", OPEN_WINDOW), (i.GROUP, "is open", "incident2")),
]
SETTLED = lock_row(LockState.SETTLED, result="done")


@pytest.mark.parametrize(
    ("row", "told"), [each[1:] for each in UNSETTLED], ids=[each[0] for each in UNSETTLED]
)
async def test_an_installation_whose_locks_are_off_is_not_fine(
    stranger: Stranger, row: tuple[str, str, Any], told: tuple[str, ...]
) -> None:
    seen = await read_results(i.installation(), stranger, rows=(row,))
    assert [name for name, each in seen.items() if not each["ok"]] == ["locks are back"]
    found = seen["locks are back"]
    assert found["ok"] is False
    assert all(each in found["found"] for each in told)
    assert "wait for the app" in found["mend"]
    off = row[0] == "locks" and row[2].state in (LockState.OFF, LockState.RETURNING)
    assert ("az lock create --name=keep" in found["mend"]) is off


@pytest.mark.parametrize(
    ("row", "told"), [each[1:] for each in UNSETTLED], ids=[each[0] for each in UNSETTLED]
)
async def test_nothing_is_settled_while_a_lock_is_off(
    row: tuple[str, str, Any], told: tuple[str, ...]
) -> None:
    async with ledger(row) as storage:
        words = ["locks", "settled", "--storage", storage]
        result = await asyncio.to_thread(CliRunner().invoke, remediator, words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert all(each in result.stderr for each in told)


@pytest.mark.parametrize("rows", [(), (SETTLED,)])
async def test_all_is_settled_where_nothing_is_open(rows: tuple[tuple[str, str, Any], ...]) -> None:
    async with ledger(*rows) as storage:
        words = ["locks", "settled", "--storage", storage]
        result = await asyncio.to_thread(CliRunner().invoke, remediator, words)
    assert (result.exit_code, result.stdout.startswith("Settled: no lock is off")) == (0, True)


@pytest.mark.parametrize(
    "row",
    [
        ("locks", "locks", {"lock": 1}),
        ("locks", "locks", to_json(SETTLED[2]) | {"schema": 99}),
        ("windows", "group", {"state": 1}),
    ],
)
async def test_a_row_that_cannot_be_read_is_not_settled(
    stranger: Stranger, row: tuple[str, str, Any]
) -> None:
    seen = await read_results(i.installation(), stranger, rows=(row,))
    assert seen["locks are back"]["ok"] is False
    async with ledger(row) as storage:
        words = ["locks", "settled", "--storage", storage]
        result = await asyncio.to_thread(CliRunner().invoke, remediator, words)
    assert (result.exit_code, result.stdout) == (1, "")


async def test_a_missing_lock_is_not_settled(stranger: Stranger) -> None:
    """Its row is over, and nobody has decided whether a person removed it."""
    missing = lock_row(LockState.SETTLED, result="done", missing_since=DEADLINE)
    seen = await read_results(i.installation(), stranger, rows=(missing,))
    assert seen["locks are back"]["ok"] is False
    async with ledger(missing) as storage:
        words = ["locks", "settled", "--storage", storage]
        result = await asyncio.to_thread(CliRunner().invoke, remediator, words)
    assert result.exit_code == 1 and "nobody has decided about it" in result.stderr
    assert "the same --data or --storage" in result.stderr


async def test_a_ledger_that_cannot_be_read_is_not_known(stranger: Stranger) -> None:
    result, _ = await run_doctor(
        i.installation(), stranger, "--json", "--storage", "sqlite:/nowhere/remediator.db"
    )
    (found,) = [each for each in json.loads(result.stdout) if each["ok"] is not True]
    assert (result.exit_code, found["name"], found["ok"]) == (1, "locks are back", None)
    assert "cannot be read" in found["found"] and "Storage Table Data" in found["mend"]


async def test_the_ledger_is_in_the_installations_own_tables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Left out, `--storage` is what ARM says of the storage account."""
    asked: list[tuple[str, str]] = []

    def refuse(where: str, prefix: str, *, write: bool) -> Store:
        asked.append((where, prefix))
        raise StoreUnavailable(f"the test has no tables, write {write}")

    monkeypatch.setattr("command_line.doctor.locks.open_at", refuse)
    on = Installation(View(AzureClients(Settings.from_environment({}), i.SUB), i.GROUP), "x")
    (found,) = [each async for each in check_locks(on, None)]
    assert (found.ok, asked) == (None, [])
    on.storage = i.one(i.STORAGE, {"primaryEndpoints": {"table": "https://st.example.net/"}})
    on.settings = {"REMEDIATOR_TABLE_PREFIX": "other"}
    (found,) = [each async for each in check_locks(on, None)]
    assert (found.ok, asked) == (None, [("https://st.example.net", "other")])
    assert "write False" in found.found


async def test_a_workspace_elsewhere_may_have_the_activity_log_from_above(
    stranger: Stranger,
) -> None:
    """From a management group's setting, which the subscription does not list."""
    state = i.installation()
    elsewhere = f"{i.SUBSCRIPTION}/resourceGroups/rg-logs/providers/{WORKSPACES}/central"
    state[LEFT_OFF_RULE]["properties"]["scopes"] = [elsewhere]
    found = (await read_results(state, stranger))["activity log in the workspace"]
    assert (found["ok"], "no diagnostic setting" in found["found"]) == (None, True)
    state[i.ACTIVITY_LOG]["properties"]["workspaceId"] = elsewhere.upper()
    assert all(each["ok"] for each in (await read_results(state, stranger)).values())


async def test_the_queue_road_needs_its_own_things(stranger: Stranger) -> None:
    state = i.installation()
    state[i.SETTINGS]["properties"]["REMEDIATOR_DELIVERY"] = "queue"
    seen = await read_results(state, stranger)
    assert {name for name, each in seen.items() if not each["ok"]} == {
        "code",
        "Event Grid subscription",
    }
    for name in QUEUE_FUNCTIONS:
        state[f"{i.SITE}/functions/{name}"] = i.one(f"{i.SITE}/functions/{name}")
    state[i.DELIVERED]["properties"] = i.delivery("StorageQueue", i.STORAGE)
    assert all(each["ok"] for each in (await read_results(state, stranger)).values())
    del state[i.QUEUE], state[assignment(i.QUEUE, "messages")]
    assert {
        name for name, each in (await read_results(state, stranger)).items() if not each["ok"]
    } == {
        "queue backup-failures",
        "queue messages for the topic",
    }


async def test_a_vaults_alerts_are_switched_on_by_what_works_for_it(stranger: Stranger) -> None:
    """`az backup vault update` fails where the vault has no monitoringSettings."""
    state = i.installation()
    mend = {}
    for settings in ({}, {"azureMonitorAlertSettings": {"alertsForAllJobFailures": "Disabled"}}):
        state[i.VAULT]["properties"]["monitoringSettings"] = settings
        mend[bool(settings)] = (await read_results(state, stranger))["alerts of vault vault1"][
            "mend"
        ]
    assert mend[True] == f"az backup vault update --ids {i.VAULT} --job-failure-alerts Enable"
    assert mend[False].startswith(
        f"az rest --method patch --url '{i.VAULT}?api-version=2024-04-01' --body "
    )
    assert json.loads(shlex.split(mend[False])[-1]) == json.loads(ALERTS_ON)


def test_a_command_is_quoted_where_a_group_has_brackets() -> None:
    command = enable_alerts("/subscriptions/s/resourceGroups/rg (old)/v", True)
    assert shlex.split(command)[5] == "/subscriptions/s/resourceGroups/rg (old)/v"


async def test_pages_that_let_strangers_in_are_the_first_thing_to_stop(stranger: Stranger) -> None:
    stranger.pages = 200
    seen = await read_results(i.installation(), stranger)
    assert seen["pages refuse strangers"]["ok"] is False
    assert seen["pages refuse strangers"]["mend"] == f"az functionapp stop --ids {i.SITE}"


@pytest.mark.parametrize(
    ("health", "found_is"),
    [({"status": "degraded"}, "503"), ({"status": "who knows"}, "200"), ({"status": ""}, "200")],
)
async def test_an_app_that_answers_anything_else_is_not_well(
    stranger: Stranger, health: dict[str, Any], found_is: str
) -> None:
    stranger.health = health
    seen = await read_results(i.installation(), stranger)
    assert (seen["app answers"]["ok"], seen["app answers"]["found"]) == (False, found_is)


async def test_an_app_that_does_not_answer_is_not_healthy(stranger: Stranger) -> None:
    stranger.url = "http://127.0.0.1:9"
    seen = await read_results(i.installation(), stranger)
    assert {name for name, each in seen.items() if not each["ok"]} == {
        "pages refuse strangers",
        "app answers",
    }


@pytest.mark.parametrize(
    ("lacking", "names"),
    [
        ("Microsoft.Authorization/roleAssignments/read", {"actions", "stores", "road", "watch"}),
        ("Microsoft.Web/sites/config/list/action", {"settings"}),
        ("Microsoft.AlertsManagement/actionRules/read", {"alerts"}),
        ("Microsoft.Insights/scheduledQueryRules/read", {"watch"}),
    ],
)
async def test_what_may_not_be_read_is_not_known_and_not_fine(
    stranger: Stranger, lacking: str, names: set[str]
) -> None:
    every = [
        "Microsoft.Resources/*",
        "Microsoft.Web/*",
        "Microsoft.ManagedIdentity/*",
        "Microsoft.Storage/*",
        "Microsoft.EventGrid/*",
        "Microsoft.Authorization/roleDefinitions/*",
        "Microsoft.Authorization/roleAssignments/*",
        "Microsoft.AlertsManagement/*",
        "Microsoft.Insights/*",
        "Microsoft.OperationalInsights/*",
        "Microsoft.RecoveryServices/*",
    ]
    allowed = [each for each in every if not lacking.startswith(each.removesuffix("*"))]
    if lacking.startswith("Microsoft.Web"):
        allowed += [
            "Microsoft.Web/sites/read",
            "Microsoft.Web/sites/functions/read",
            "Microsoft.Web/sites/config/read",
        ]
    if lacking.startswith("Microsoft.Insights"):
        allowed += [
            "Microsoft.Insights/actionGroups/read",
            "Microsoft.Insights/activityLogAlerts/read",
        ]
    seen = await read_results(i.installation(), stranger, settings={"allowed_actions": allowed})
    unknown = {name: each for name, each in seen.items() if each["ok"] is None}
    assert set(unknown) == names
    assert all("AuthorizationFailed" in each["found"] and each["mend"] for each in unknown.values())


@pytest.mark.parametrize("scope", ["/", "/providers/Microsoft.Management/managementGroups/all"])
async def test_a_role_that_is_held_above_the_subscription_counts(
    stranger: Stranger, scope: str
) -> None:
    state = i.installation()
    for name in ("reads", "remediates"):
        state[assignment(i.SUBSCRIPTION, name)]["properties"]["scope"] = scope
    assert all(each["ok"] for each in (await read_results(state, stranger)).values())


@pytest.mark.parametrize("scope", ["", i.GROUP, f"{i.SUBSCRIPTION}1"])
async def test_a_role_that_is_held_elsewhere_does_not(stranger: Stranger, scope: str) -> None:
    state = i.installation()
    state[assignment(i.SUBSCRIPTION, "remediates")]["properties"]["scope"] = scope
    seen = await read_results(state, stranger)
    assert {name for name, each in seen.items() if not each["ok"]} == {
        f"action {each}" for each in REMEDIATOR
    }


async def test_an_empty_subscription_is_told_where_to_begin(stranger: Stranger) -> None:
    result, _ = await run_doctor(
        {
            i.VAULT.rpartition("/providers/")[0]: i.installation()[
                f"{i.SUBSCRIPTION}/resourceGroups/rg-vaults"
            ]
        },
        stranger,
    )
    assert result.exit_code == 1
    assert "az deployment sub create" in " ".join(result.stdout.split())
    assert "Traceback" not in result.output


async def test_a_subscription_that_is_not_there_is_one_line() -> None:
    state = i.installation()
    async with Simulator(state={"resources": list(state.values())}) as arm:
        words = [
            "doctor",
            "--subscription",
            "99999999-1111-1111-1111-111111111111",
            "--arm",
            arm.url,
        ]
        result = await asyncio.to_thread(CliRunner().invoke, remediator, words)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(
        "Error: /subscriptions/99999999-1111-1111-1111-111111111111 does not exist, or you cannot"
        " see it: sign in"
    )


def test_a_subscription_that_is_no_id_is_told_how_to_write_one() -> None:
    result = CliRunner().invoke(remediator, ["doctor", "--subscription", "production"])
    assert result.exit_code == 2
    assert "'production' is not a subscription id; write it like 11111111-" in result.stderr


async def test_two_installations_in_one_group_cannot_be_told_apart(stranger: Stranger) -> None:
    state = i.installation()
    state[f"{i.SITE}2"] = i.one(f"{i.SITE}2")
    result, _ = await run_doctor(state, stranger)
    assert result.exit_code == 2
    assert "meant for one installation alone" in result.stderr


def test_the_page_has_every_thing_that_is_taken_away() -> None:
    page = (ROOT / "docs/doctor.md").read_text()
    rows = [
        f"| {what} | {', '.join(f'`{name}`' for name in sorted(names))} |"
        for what, _, names in TAKEN
    ]
    assert "\n".join(rows) in page, "\n".join(rows)


def test_containers_and_alert_rules_are_those_of_the_deployment() -> None:
    storage = (ROOT / "infra/modules/storage.bicep").read_text(encoding="utf-8")
    (plain,) = re.findall(r"^var plainContainers = \[(.*?)\]", storage, re.MULTILINE | re.DOTALL)
    assert {*re.findall(r"'([a-z-]+)'", plain), "audit-heads"} == set(CONTAINERS)
    assert sorted(path.stem for path in QUERIES.glob("*.kql")) == sorted(WATCH)


def test_the_installation_holds_every_type_that_the_deployment_makes() -> None:
    """Written after infra/, not after what the doctor happens to look at."""
    made = {kind.partition("@")[0].casefold() for _, _, kind in check(ROOT / "infra").resources()}
    not_looked_at = {
        "microsoft.storage/storageaccounts/blobservices",
        "microsoft.storage/storageaccounts/queueservices",
    }
    not_looked_at |= {"microsoft.web/sites/basicpublishingcredentialspolicies"}
    assert made - {parse(each).type.casefold() for each in i.installation()} == not_looked_at
