"""Recognises events that a rule or a subscription lets through although they are not
about a failed backup, and gives the reason for each."""

from __future__ import annotations

from collections.abc import Callable

from shared.arm_ids import fold
from shared.events import wire
from shared.events.other_shapes import REFUSED_BACKUP, read_metric_names
from shared.events.wire import Wire, inner, text

RESOURCE_STATE = "microsoft.resourcenotifications."
SUBSCRIPTION_EVENT = "microsoft.resources.resource"
NOT_REFUSED = ("succeeded", "accepted", "started", "canceled")
ACTIVITY_LOG_SERVICES = (
    "activity log",
    "resource health",
    "resourcehealth",
    "service health",
    "servicehealth",
)


def why_not_ours(event_type: str, event: Wire) -> str:
    """Why an event that has none of the shapes is set aside; "" for one that no rule
    recognises."""
    return next((reason for rule in RULES if (reason := rule(fold(event_type), event))), "")


def _why_resource_state(event_type: str, event: Wire) -> str:
    """https://learn.microsoft.com/azure/event-grid/event-schema-health-resources"""
    known = event_type.startswith(RESOURCE_STATE) or "resourceInfo" in event
    resource = text(inner(event, "resourceInfo"), "id") or "a resource"
    return f"it tells of the state of {resource[:300]}, not of a backup job" if known else ""


def _why_request_to_arm(event_type: str, event: Wire) -> str:
    """A subscription event that names its request. An on-demand backup's is set aside
    only where it is certain that it did not fail.

    https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions"""
    operation, status = text(event, "operationName"), text(event, "status")
    if not operation or not (event_type.startswith(SUBSCRIPTION_EVENT) or "resourceUri" in event):
        return ""
    if fold(operation).endswith(REFUSED_BACKUP) and fold(status) not in NOT_REFUSED:
        return ""
    return f"it tells of a request to ARM ({_describe(operation, status)}), not of a failed backup"


def _why_activity_log(event_type: str, event: Wire) -> str:  # noqa: ARG001
    """In the common schema, and in its own.
    https://learn.microsoft.com/azure/azure-monitor/alerts/activity-log-alerts-webhook
    """
    entry = inner(wire.context(event), "activityLog")
    common = fold(wire.service(event)).startswith(ACTIVITY_LOG_SERVICES)
    if not common and not entry:
        return ""
    entry = entry or wire.context(event)
    described = _describe(text(entry, "operationName"), text(entry, "status"))
    return (
        f"an activity log alert ({described}): it names no backup job. A backup that failed is"
        " told by alerts of Azure Backup, or found by the sweep"
    )


def _why_site_recovery(event_type: str, event: Wire) -> str:  # noqa: ARG001
    known = "/replicationjobs/" in fold(text(event, "id")) or "/replicationfabrics/" in fold(
        text(event, "id")
    )
    return "it is of Azure Site Recovery, not of Azure Backup" if known else ""


def _why_other_metric(event_type: str, event: Wire) -> str:  # noqa: ARG001
    names = read_metric_names(event)
    if not names:
        return ""
    service = wire.service(event) or "a metric"
    return (
        f"an alert of {service} on {', '.join(names)[:200]}, not of Azure Backup and not on"
        " BackupHealthEvent"
    )


def _why_row_of_a_log(event_type: str, event: Wire) -> str:  # noqa: ARG001
    """AzureDiagnostics and diagnostic records.
    https://learn.microsoft.com/azure/azure-monitor/reference/tables/azurediagnostics"""
    texts = {wire.plain(name): value for name, value in event.items() if isinstance(value, str)}
    category = texts.get("category", "")
    known = category and (
        "operationname" in texts
        or "resourceid" in texts
        or fold(texts.get("type", "")) == "azurediagnostics"
    )
    return (
        f"a row of a log, of category {category[:100]}, which holds no failed backup job"
        if known
        else ""
    )


def _describe(operation: str, status: str) -> str:
    return f"{operation[:200] or 'no operation named'}: {status[:100] or 'no status'}"


RULES: tuple[Callable[[str, Wire], str], ...] = (
    _why_resource_state,
    _why_request_to_arm,
    _why_activity_log,
    _why_site_recovery,
    _why_other_metric,
    _why_row_of_a_log,
)
"""The first rule that recognises the event gives the reason."""
