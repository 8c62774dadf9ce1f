"""Who is notified when something is wrong: alert rules, action groups, logs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import infra
from command_line.doctor.access import check_role
from command_line.doctor.installation import Installation, Result, properties, result
from command_line.doctor.view import Json
from infra.roles import METRICS_PUBLISHER
from shared.arm_ids import same

RECEIVERS = (
    "emailReceivers",
    "smsReceivers",
    "voiceReceivers",
    "armRoleReceivers",
    "logicAppReceivers",
    "azureAppPushReceivers",
    "itsmReceivers",
)
"""Receivers of an action group behind whom there may be a person."""
QUERIES = Path(infra.__path__[0]) / "queries"
LEFT_OFF = "lock-left-off"
WATCH = ("lock-not-back", LEFT_OFF, "fixes-held-back", "needs-a-person")
PLACEHOLDER = "APP_PRINCIPAL_ID"
"""In a query; the deployment puts the object id of the app's identity there."""
WORKSPACES = "Microsoft.OperationalInsights/workspaces"
OFF = "not there, off, or without an action group"


async def check_watch(on: Installation) -> AsyncIterator[Result]:
    groups = [
        each
        for each in await on.view.list_in_group("Microsoft.Insights/actionGroups")
        if properties(each).get("enabled")
    ]
    notifying = [each["name"] for each in groups if any(map(properties(each).get, RECEIVERS))]
    found = ", ".join(notifying) or "no action group notifies anybody"
    yield result("somebody is notified", bool(notifying), found, on.deploy_with(notifyEmail="MAIL"))
    rules = {
        each["name"]: properties(each)
        for each in await on.view.list_in_group("Microsoft.Insights/scheduledQueryRules")
    }
    for name in WATCH:
        yield _check_rule(on, name, rules.get(f"{name}-{on.name}", {}), groups)
    workspaces = await on.view.list_in_group(WORKSPACES)
    yield await _check_activity_log(on, rules.get(f"{LEFT_OFF}-{on.name}", {}), workspaces)
    alerts = await on.view.list_in_group("Microsoft.Insights/activityLogAlerts")
    enabled = any(_watches_locks(each, groups) for each in alerts)
    yield result("alert rule lock-deleted", enabled, "on" if enabled else OFF, on.deploy)
    insights = await on.view.list_in_group("Microsoft.Insights/components")
    component = insights[0] if insights else None
    yield await check_role(
        on, "telemetry", "the app", on.principal, component, "", METRICS_PUBLISHER
    )
    found = workspaces[0]["name"] if workspaces else "there is none"
    yield result("log workspace", bool(workspaces), found, on.deploy)
    if wanted := on.settings.get("REMEDIATOR_WORKSPACE_ID", ""):
        yield await _check_workspace(on, wanted, workspaces)


def _check_rule(on: Installation, name: str, rule: Json, groups: list[Json]) -> Result:
    called = (rule.get("actions") or {}).get("actionGroups") or []
    enabled = bool(rule.get("enabled")) and _calls_one(called, groups)
    query = (QUERIES / f"{name}.kql").read_text(encoding="utf-8")
    current = _has_query(rule, query.replace(PLACEHOLDER, on.principal))
    found = "on" if enabled else OFF
    if enabled and not current:
        found = "its query is not this version's; one of an earlier version may never fire"
    return result(f"alert rule {name}", enabled and current, found, on.deploy)


async def _check_activity_log(on: Installation, rule: Json, own: list[Json]) -> Result:
    """Whether the workspace that the rule asks is sent the subscription's Activity Log.
    A workspace that is not ours may have it from a management group, which cannot be
    seen here: then it is not known."""
    name = "activity log in the workspace"
    asked = [str(each) for each in rule.get("scopes") or []]
    settings = await on.view.list_in_subscription("Microsoft.Insights/diagnosticSettings")
    sent = [each for each in settings if _sends_changes(properties(each), asked)]
    if sent:
        return Result(name, True, f"by the diagnostic setting {sent[0]['name']}")
    found = "no diagnostic setting of the subscription sends it there"
    ours = not asked or any(same(each, workspace["id"]) for each in asked for workspace in own)
    return Result(name, False if ours else None, found, on.deploy)


def _sends_changes(setting: Json, workspaces: list[str]) -> bool:
    """Category Administrative: every write and deletion."""
    logs = setting.get("logs") or []
    enabled = any(
        each.get("enabled") and same(str(each.get("category")), "Administrative") for each in logs
    )
    to = str(setting.get("workspaceId", ""))
    return enabled and any(same(to, each) for each in workspaces)


async def _check_workspace(on: Installation, wanted: str, in_group: list[Json]) -> Result:
    known = [*in_group, *await on.view.list_in_subscription(WORKSPACES)]
    fine = any(same(str(properties(each).get("customerId", "")), wanted) for each in known)
    return result(
        "workspace of the sweep",
        fine,
        wanted if fine else f"{wanted} is not in this subscription",
        on.deploy_with(logQuery="true"),
    )


def _has_query(rule: Json, query: str) -> bool:
    """White space does not count."""
    conditions = (rule.get("criteria") or {}).get("allOf") or []
    return any(str(each.get("query", "")).split() == query.split() for each in conditions)


def _watches_locks(alert: Json, groups: list[Json]) -> bool:
    held = properties(alert)
    actions = (held.get("actions") or {}).get("actionGroups") or []
    called = [each.get("actionGroupId") for each in actions]
    ours = alert["name"].startswith("lock-deleted") and bool(held.get("enabled"))
    return ours and _calls_one(called, groups)


def _calls_one(called: list[Any], groups: list[Json]) -> bool:
    return any(same(str(each), group["id"]) for each in called for group in groups)
