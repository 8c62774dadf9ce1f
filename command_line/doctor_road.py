"""The rest of what `remediator doctor` looks at: stores, the road from the alert to the
app, who watches, and who is let in."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from typing import Any

from command_line.doctor_checks import (
    BLOB_CONTRIBUTOR,
    BLOB_OWNER,
    CONTAINERS,
    METRICS_PUBLISHER,
    QUEUE_CONTRIBUTOR,
    QUEUE_SENDER,
    ROLES_FILE,
    TABLE_CONTRIBUTOR,
    TOPIC_SENDER,
    Patient,
    Probe,
    Seen,
    has_role,
    props,
    verdict,
)
from command_line.doctor_view import API_VERSIONS, Json
from shared.arm_ids import same

TELLING = (
    "emailReceivers",
    "smsReceivers",
    "voiceReceivers",
    "armRoleReceivers",
    "logicAppReceivers",
    "azureAppPushReceivers",
    "itsmReceivers",
)
"""Receivers of an action group behind whom there may be a person."""
RULES, VAULTS = "microsoft.alertsmanagement/actionrules", "microsoft.recoveryservices/vaults"
ALERTS_ON = '{"properties":{"monitoringSettings":{"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Enabled"}}}}'
QUERIES = ROLES_FILE.parent / "queries"
WATCH = ("lock-not-back", "fixes-held-back", "needs-a-person")


async def stores(p: Patient) -> AsyncIterator[Seen]:
    if p.storage is None:
        yield Seen("storage account", False, "there is none in the resource group", p.deploy)
        return
    wrong = [
        name
        for name in ("allowSharedKeyAccess", "allowBlobPublicAccess")
        if props(p.storage).get(name) is not False
    ]
    update = (
        f"az storage account update --name {p.storage['name']} --allow-shared-key-access false"
        " --allow-blob-public-access false"
    )
    yield verdict(
        "storage account",
        not wrong,
        p.storage["name"] if not wrong else f"{', '.join(wrong)} is not off",
        update,
    )
    blobs = f"{p.storage['id']}/blobServices/default/containers"
    for container in CONTAINERS:
        found = await p.view.get(f"{blobs}/{container}")
        yield verdict(
            f"container {container}", found is not None, "there" if found else "not there", p.deploy
        )
    policy = props(await p.view.get(f"{blobs}/audit-heads/immutabilityPolicies/default"))
    days = policy.get("immutabilityPeriodSinceCreationInDays") or 0
    yield verdict(
        "seals cannot be changed",
        days > 0,
        f"{days} days, {policy.get('state', 'no policy')}",
        p.deploy,
    )
    queue = await p.view.get(f"{p.storage['id']}/queueServices/default/queues/backup-failures")
    if p.delivery == "queue":
        yield verdict(
            "queue backup-failures", queue is not None, "there" if queue else "not there", p.deploy
        )
    principal = str(props(p.identity).get("principalId", ""))
    for name, role in (
        ("blobs", BLOB_OWNER),
        ("queues", QUEUE_CONTRIBUTOR),
        ("tables", TABLE_CONTRIBUTOR),
    ):
        yield await has_role(p, f"data role on {name}", "the app", principal, p.storage, "", role)


async def road(p: Patient) -> AsyncIterator[Seen]:
    if p.topic is None:
        yield Seen("Event Grid topic", False, "there is none in the resource group", p.deploy)
        return
    keys_off = props(p.topic).get("disableLocalAuth") is True
    yield verdict(
        "Event Grid topic",
        keys_off,
        p.topic["name"] if keys_off else "its access keys are not off",
        p.deploy,
    )
    yield await has_role(
        p,
        "EventGrid Data Sender",
        "the app",
        str(props(p.identity).get("principalId", "")),
        p.topic,
        "",
        TOPIC_SENDER,
    )
    own = str((p.topic.get("identity") or {}).get("principalId", ""))
    letters = "/blobServices/default/containers/dead-letters"
    yield await has_role(p, "dead letters", "the topic", own, p.storage, letters, BLOB_CONTRIBUTOR)
    if p.delivery == "queue":
        queue = "/queueServices/default/queues/backup-failures"
        yield await has_role(p, "queue messages", "the topic", own, p.storage, queue, QUEUE_SENDER)
    subscriptions = await p.view.listed(f"{p.topic['id']}/eventSubscriptions")
    problems = [_subscription_problem(p, each) for each in subscriptions] or [
        "there is none: alerts are published to nobody"
    ]
    fine = "" in problems
    yield verdict(
        "Event Grid subscription",
        fine,
        "delivers, keeps dead letters" if fine else "; ".join(problems),
        p.connect,
    )


def _subscription_problem(p: Patient, subscription: Json) -> str:
    held = props(subscription)
    identity = held.get("deliveryWithResourceIdentity") or {}
    destination = held.get("destination") or identity.get("destination") or {}
    wanted = "StorageQueue" if p.delivery == "queue" else "AzureFunction"
    target = str((destination.get("properties") or {}).get("resourceId", ""))
    due = (
        f"{(p.site or {}).get('id')}/functions/intake"
        if p.delivery == "function"
        else str((p.storage or {}).get("id"))
    )
    queue = str((destination.get("properties") or {}).get("queueName") or "backup-failures")
    if (
        destination.get("endpointType") != wanted
        or not same(target, due)
        or queue != "backup-failures"
    ):
        return (
            f"{subscription['name']} does not deliver to the"
            f" {'queue' if p.delivery == 'queue' else 'function intake'}"
        )
    if not (held.get("deadLetterWithResourceIdentity") or held.get("deadLetterDestination")):
        return f"{subscription['name']} keeps no dead letters"
    plain = ("includedEventTypes", "enableAdvancedFilteringOnArrays", "isSubjectCaseSensitive")
    if narrowed := sorted(
        name for name, value in (held.get("filter") or {}).items() if value and name not in plain
    ):
        return f"{subscription['name']} lets only some events through: {', '.join(narrowed)}"
    if held.get("expirationTimeUtc"):
        return f"{subscription['name']} ends at {held['expirationTimeUtc']}"
    state = held.get("provisioningState", "unknown")
    return "" if state == "Succeeded" else f"{subscription['name']} is {state}"


async def alerts(p: Patient) -> AsyncIterator[Seen]:
    url = f"https://{props(p.site).get('defaultHostName')}/api/alerts"
    groups = await p.view.of_group("Microsoft.Insights/actionGroups")
    bridge = [
        each
        for each in groups
        if any(_calls(p, hook, url) for hook in props(each).get("webhookReceivers") or [])
    ]
    ready = [each for each in bridge if props(each).get("enabled")]
    told = ready[0]["name"] if ready else "none that is enabled calls the bridge by secure webhook"
    yield verdict("action group", bool(ready), told, p.connect)
    rules = [
        props(each) for each in await p.view.of_group("Microsoft.AlertsManagement/actionRules")
    ]
    sending = [
        each for each in rules if each.get("enabled") and _sends(each, [one["id"] for one in ready])
    ]
    whole = any(
        same(scope, p.view.subscription) for each in sending for scope in each.get("scopes") or []
    )
    found = (
        "covers the subscription"
        if whole
        else "none sends the whole subscription's alerts to the action group"
    )
    yield verdict("alert processing rule", whole, found, p.connect)
    everywhere = await p.view.listed(
        f"{p.view.subscription}/providers/Microsoft.AlertsManagement/actionRules"
    )
    if hiding := [
        each for each in everywhere if props(each).get("enabled") and _suppresses(props(each))
    ]:
        told = (
            f"{', '.join(each['name'] for each in hiding)} may hide alerts of Azure Backup:"
            " suppression wins over every other rule"
        )
        mend = f"read its scope, conditions and schedule: {_show_rule(hiding[0]['id'])}"
        yield Seen("no suppression of alerts", None, told, mend)
    for vault in await p.view.listed(
        f"{p.view.subscription}/providers/Microsoft.RecoveryServices/vaults"
    ):
        monitoring = (props(vault).get("monitoringSettings") or {}).get(
            "azureMonitorAlertSettings"
        ) or {}
        on = monitoring.get("alertsForAllJobFailures") == "Enabled"
        found = "on" if on else "off: its failed backups raise no alert"
        yield verdict(
            f"alerts of vault {vault['name']}", on, found, _alerts_on(vault["id"], bool(monitoring))
        )


def _show_rule(rule_id: str) -> str:
    """The Azure CLI's own commands for these rules are in its extension
    alertsmanagement; `az rest` needs none."""
    url = shlex.quote(f"{rule_id}?api-version={API_VERSIONS[RULES]}")
    return f"az rest --method get --url {url}"


def _alerts_on(vault_id: str, has_settings: bool) -> str:
    """The Azure CLI (2.91) changes the vault's monitoringSettings and fails where there
    are none.

    https://learn.microsoft.com/azure/backup/backup-azure-monitoring-alerts
    """
    if has_settings:
        return f"az backup vault update --ids {shlex.quote(vault_id)} --job-failure-alerts Enable"
    url = shlex.quote(f"{vault_id}?api-version={API_VERSIONS[VAULTS]}")
    return f"az rest --method patch --url {url} --body {shlex.quote(ALERTS_ON)}"


def _calls(p: Patient, hook: Json, url: str) -> bool:
    """By secure webhook, with a token for this app's registration, in this tenant."""
    by_token = bool(hook.get("useAadAuth")) and same(
        str(hook.get("identifierUri", "")), f"api://{p.sign_in_client}"
    )
    in_tenant = same(str(hook.get("tenantId") or p.tenant), p.tenant)
    return (
        same(str(hook.get("serviceUri", "")), url)
        and by_token
        and in_tenant
        and bool(hook.get("useCommonAlertSchema"))
    )


def _suppresses(rule: Json) -> bool:
    return any(
        action.get("actionType") == "RemoveAllActionGroups" for action in rule.get("actions") or []
    )


def _sends(rule: Json, groups: list[str]) -> bool:
    adding = [
        action
        for action in rule.get("actions") or []
        if action.get("actionType") == "AddActionGroups"
    ]
    found = [each for action in adding for each in action.get("actionGroupIds") or []]
    called = any(same(each, group) for each in found for group in groups)
    return called and all(_lets_through(each) for each in rule.get("conditions") or [])


def _lets_through(condition: Json) -> bool:
    """Whether every alert of Azure Backup meets it, as far as that can be told."""
    of_backup = "Azure Backup" in (condition.get("values") or [])
    return (
        condition.get("field") == "MonitorService"
        and condition.get("operator") == "Equals"
        and of_backup
    )


async def watch(p: Patient) -> AsyncIterator[Seen]:
    groups = [
        each
        for each in await p.view.of_group("Microsoft.Insights/actionGroups")
        if props(each).get("enabled")
    ]
    told = [each["name"] for each in groups if any(props(each).get(kind) for kind in TELLING)]
    found = ", ".join(told) if told else "no action group tells anybody"
    yield verdict("somebody is told", bool(told), found, p.deployed(notifyEmail="MAIL"))
    off = "not there, off, or without an action group"
    rules = {
        each["name"]: props(each)
        for each in await p.view.of_group("Microsoft.Insights/scheduledQueryRules")
    }
    for name in WATCH:
        rule = rules.get(f"{name}-{p.name}", {})
        on = bool(rule.get("enabled")) and _tells(
            (rule.get("actions") or {}).get("actionGroups") or [], groups
        )
        asks = _asks(rule, (QUERIES / f"{name}.kql").read_text(encoding="utf-8"))
        said = (
            off
            if not on
            else (
                "on"
                if asks
                else "its query is not this version's; one of an earlier version may never fire"
            )
        )
        yield verdict(f"alert rule {name}", on and asks, said, p.deploy)
    on = any(
        _on_locks(each, groups)
        for each in await p.view.of_group("Microsoft.Insights/activityLogAlerts")
    )
    yield verdict("alert rule lock-deleted", on, "on" if on else off, p.deploy)
    insights = await p.view.of_group("Microsoft.Insights/components")
    principal = str(props(p.identity).get("principalId", ""))
    yield await has_role(
        p,
        "telemetry",
        "the app",
        principal,
        insights[0] if insights else None,
        "",
        METRICS_PUBLISHER,
    )
    workspaces = await p.view.of_group("Microsoft.OperationalInsights/workspaces")
    yield verdict(
        "log workspace",
        bool(workspaces),
        workspaces[0]["name"] if workspaces else "there is none",
        p.deploy,
    )
    if wanted := p.settings.get("REMEDIATOR_WORKSPACE_ID", ""):
        known = [str(props(each).get("customerId", "")) for each in workspaces]
        known += [
            str(props(each).get("customerId", ""))
            for each in await p.view.listed(
                f"{p.view.subscription}/providers/Microsoft.OperationalInsights/workspaces"
            )
        ]
        fine = any(same(each, wanted) for each in known)
        yield verdict(
            "workspace of the sweep",
            fine,
            wanted if fine else f"{wanted} is not in this subscription",
            p.deployed(logQuery="true"),
        )


def _asks(rule: Json, query: str) -> bool:
    """Whether the rule has this query, but for white space."""
    conditions = (rule.get("criteria") or {}).get("allOf") or []
    return any(str(each.get("query", "")).split() == query.split() for each in conditions)


def _on_locks(alert: Json, groups: list[Json]) -> bool:
    called = [
        each.get("actionGroupId")
        for each in (props(alert).get("actions") or {}).get("actionGroups") or []
    ]
    return (
        alert["name"].startswith("lock-deleted")
        and bool(props(alert).get("enabled"))
        and _tells(called, groups)
    )


def _tells(called: list[Any], groups: list[Json]) -> bool:
    return any(same(str(each), group["id"]) for each in called for group in groups)


async def sign_in(p: Patient) -> AsyncIterator[Seen]:
    if p.site is None:
        yield Seen("sign-in", None, "there is no app", p.deploy)
        return
    client = p.sign_in_client
    on = (
        bool((p.sign_in.get("platform") or {}).get("enabled"))
        and p.entra.get("enabled") is not False
        and bool(client)
    )
    audiences = (p.entra.get("validation") or {}).get("allowedAudiences") or [client]
    on = on and bool({client, f"api://{client}"} & set(audiences))
    yield verdict(
        "sign-in",
        on,
        (
            f"Entra, application {client}"
            if on
            else "App Service authentication is not on: nobody is let in"
        ),
        p.deploy,
    )


async def from_outside(p: Patient, url: str, probe: Probe) -> AsyncIterator[Seen]:
    """The only two requests that do not go to ARM: as a stranger, without a token."""
    verb = {200: "stop", 0: "start"}
    status, _ = await probe(f"{url}/api/incidents")
    closed = status in (401, 403)
    app_id = (p.site or {}).get("id", "APP")
    mend = (
        f"az functionapp {verb[status]} --ids {shlex.quote(app_id)}" if status in verb else p.deploy
    )
    told = f"answered {status} to nobody" if status else "did not answer"
    yield verdict("pages refuse strangers", closed, f"{url}/api/incidents {told}", mend)
    status, body = await probe(f"{url}/api/health")
    answers = status == 200 and isinstance(body, dict) and body.get("status") == "answers"
    mend = "read the app's log; an impossible setting answers 503: docs/runbook.md says what to do"
    told = (
        "answers; its checks are shown to who signs in: open /api/health"
        if answers
        else str(status or "no answer")
    )
    yield verdict("app answers", answers, told, mend)
