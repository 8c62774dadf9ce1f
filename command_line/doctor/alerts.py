"""The way of an alert to the app: vault, alert processing rule, action group, topic,
Event Grid subscription."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from typing import Any

from command_line.doctor.access import check_role
from command_line.doctor.installation import Installation, Result, properties, result
from command_line.doctor.stores import QUEUE
from command_line.doctor.view import API_VERSIONS, Json
from infra.roles import BLOB_CONTRIBUTOR, QUEUE_SENDER, TOPIC_SENDER
from shared.arm_ids import same

RULES, VAULTS = "microsoft.alertsmanagement/actionrules", "microsoft.recoveryservices/vaults"
ALERTS_ON = (
    '{"properties":{"monitoringSettings":{"azureMonitorAlertSettings":'
    '{"alertsForAllJobFailures":"Enabled"}}}}'
)
DEAD_LETTERS = "/blobServices/default/containers/dead-letters"
FILTERS_NOTHING = (
    "includedEventTypes",
    "enableAdvancedFilteringOnArrays",
    "isSubjectCaseSensitive",
)


async def check_topic(on: Installation) -> AsyncIterator[Result]:
    if on.topic is None:
        yield Result("Event Grid topic", False, "there is none in the resource group", on.deploy)
        return
    keys_off = properties(on.topic).get("disableLocalAuth") is True
    found = on.topic["name"] if keys_off else "its access keys are not off"
    yield result("Event Grid topic", keys_off, found, on.deploy)
    yield await check_role(
        on, "EventGrid Data Sender", "the app", on.principal, on.topic, "", TOPIC_SENDER
    )
    own = str((on.topic.get("identity") or {}).get("principalId", ""))
    yield await check_role(
        on, "dead letters", "the topic", own, on.storage, DEAD_LETTERS, BLOB_CONTRIBUTOR
    )
    if on.delivery == "queue":
        yield await check_role(
            on, "queue messages", "the topic", own, on.storage, QUEUE, QUEUE_SENDER
        )
    subscriptions = await on.view.list_all(f"{on.topic['id']}/eventSubscriptions")
    problems = [_subscription_problem(on, each) for each in subscriptions] or [
        "there is none: alerts are published to nobody"
    ]
    fine = "" in problems
    yield result(
        "Event Grid subscription",
        fine,
        "delivers, keeps dead letters" if fine else "; ".join(problems),
        on.connect,
    )


def _subscription_problem(on: Installation, subscription: Json) -> str:
    """What keeps this subscription from delivering every event to the app, or ""."""
    held, name = properties(subscription), subscription["name"]
    if not _delivers_to_app(on, held):
        to = "queue" if on.delivery == "queue" else "function intake"
        return f"{name} does not deliver to the {to}"
    if not (held.get("deadLetterWithResourceIdentity") or held.get("deadLetterDestination")):
        return f"{name} keeps no dead letters"
    filters = (held.get("filter") or {}).items()
    if narrowing := sorted(key for key, value in filters if value and key not in FILTERS_NOTHING):
        return f"{name} lets only some events through: {', '.join(narrowing)}"
    if held.get("expirationTimeUtc"):
        return f"{name} ends at {held['expirationTimeUtc']}"
    state = held.get("provisioningState", "unknown")
    return "" if state == "Succeeded" else f"{name} is {state}"


def _delivers_to_app(on: Installation, held: Json) -> bool:
    with_identity = held.get("deliveryWithResourceIdentity") or {}
    destination = held.get("destination") or with_identity.get("destination") or {}
    target = destination.get("properties") or {}
    kind, resource_id = str(destination.get("endpointType")), str(target.get("resourceId", ""))
    if on.delivery == "queue":
        queue = str(target.get("queueName") or "backup-failures")
        storage = str((on.storage or {}).get("id"))
        return kind == "StorageQueue" and same(resource_id, storage) and queue == "backup-failures"
    function = f"{(on.site or {}).get('id')}/functions/intake"
    return kind == "AzureFunction" and same(resource_id, function)


async def check_alerts(on: Installation) -> AsyncIterator[Result]:
    url = f"https://{properties(on.site).get('defaultHostName')}/api/alerts"
    ready = [
        each
        for each in await on.view.list_in_group("Microsoft.Insights/actionGroups")
        if properties(each).get("enabled")
        and any(_calls(on, hook, url) for hook in properties(each).get("webhookReceivers") or [])
    ]
    found = ready[0]["name"] if ready else "none that is enabled calls the bridge by secure webhook"
    yield result("action group", bool(ready), found, on.connect)
    yield await _check_processing_rule(on, [each["id"] for each in ready])
    rules = await on.view.list_in_subscription("Microsoft.AlertsManagement/actionRules")
    if hiding := [each for each in rules if _suppresses(properties(each))]:
        yield Result(
            "no suppression of alerts",
            None,
            f"{', '.join(each['name'] for each in hiding)} may hide alerts of Azure Backup:"
            " suppression wins over every other rule",
            f"read its scope, conditions and schedule: {_show_rule(hiding[0]['id'])}",
        )
    for vault in await on.view.list_in_subscription("Microsoft.RecoveryServices/vaults"):
        monitoring = properties(vault).get("monitoringSettings") or {}
        settings = monitoring.get("azureMonitorAlertSettings") or {}
        enabled = settings.get("alertsForAllJobFailures") == "Enabled"
        yield result(
            f"alerts of vault {vault['name']}",
            enabled,
            "on" if enabled else "off: its failed backups raise no alert",
            enable_alerts(vault["id"], bool(settings)),
        )


async def _check_processing_rule(on: Installation, group_ids: list[str]) -> Result:
    rules = await on.view.list_in_group("Microsoft.AlertsManagement/actionRules")
    sending = [each for each in map(properties, rules) if _sends(each, group_ids)]
    scopes = [scope for each in sending for scope in each.get("scopes") or []]
    whole = any(same(scope, on.view.subscription) for scope in scopes)
    found = (
        "covers the subscription"
        if whole
        else "none sends the whole subscription's alerts to the action group"
    )
    return result("alert processing rule", whole, found, on.connect)


def _show_rule(rule_id: str) -> str:
    """The Azure CLI's own commands for these rules are in its extension
    alertsmanagement; `az rest` needs none."""
    url = shlex.quote(f"{rule_id}?api-version={API_VERSIONS[RULES]}")
    return f"az rest --method get --url {url}"


def enable_alerts(vault_id: str, has_settings: bool) -> str:
    """The Azure CLI (2.91) changes the vault's monitoringSettings and fails where there
    are none.

    https://learn.microsoft.com/azure/backup/backup-azure-monitoring-alerts
    """
    if has_settings:
        return f"az backup vault update --ids {shlex.quote(vault_id)} --job-failure-alerts Enable"
    url = shlex.quote(f"{vault_id}?api-version={API_VERSIONS[VAULTS]}")
    return f"az rest --method patch --url {url} --body {shlex.quote(ALERTS_ON)}"


def _calls(on: Installation, hook: Json, url: str) -> bool:
    """By secure webhook, with a token for this app's registration, in this tenant."""
    for_us = same(str(hook.get("identifierUri", "")), f"api://{on.sign_in_client}")
    in_tenant = same(str(hook.get("tenantId") or on.tenant), on.tenant)
    return (
        same(str(hook.get("serviceUri", "")), url)
        and bool(hook.get("useAadAuth"))
        and for_us
        and in_tenant
        and bool(hook.get("useCommonAlertSchema"))
    )


def _suppresses(rule: Json) -> bool:
    kinds = [action.get("actionType") for action in rule.get("actions") or []]
    return bool(rule.get("enabled")) and "RemoveAllActionGroups" in kinds


def _sends(rule: Json, group_ids: list[str]) -> bool:
    """To one of these action groups, every alert of Azure Backup."""
    adding = [
        action
        for action in rule.get("actions") or []
        if action.get("actionType") == "AddActionGroups"
    ]
    called = [each for action in adding for each in action.get("actionGroupIds") or []]
    ours = any(same(each, group_id) for each in called for group_id in group_ids)
    conditions: list[Any] = rule.get("conditions") or []
    return bool(rule.get("enabled")) and ours and all(map(_lets_through, conditions))


def _lets_through(condition: Json) -> bool:
    """True when every alert of Azure Backup surely meets it."""
    of_backup = "Azure Backup" in (condition.get("values") or [])
    equals = condition.get("operator") == "Equals"
    return condition.get("field") == "MonitorService" and equals and of_backup
