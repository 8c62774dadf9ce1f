"""Reads an Azure Monitor alert of Azure Backup, in the common alert schema.

Seen in a real alert: all fields read here, with a database as the item. Not seen: the alert of a VM item; its fields are the same
as far as is documented (docs/limits.md). Whether the item is a VM is told by protectedItemId alone.
https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-common-schema
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.arm_ids import fold, parse, same
from shared.errors import NotUsable
from shared.events import error_codes
from shared.events.model import CodeHint, FailureEvent, Ignored
from shared.events.vm_items import item_of_id

SERVICE = "Azure Backup"
JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
type Wire = Mapping[str, Any]


def read_alert(wire: Wire, shape: str, event_id: str) -> FailureEvent | Ignored:
    """Raises NotUsable for what is no alert in this schema, or an alert that does not say what failed."""
    essentials, context = _parts(wire)
    if reason := _not_a_failed_backup(essentials, context):
        return Ignored(reason, shape)
    item = item_of_id(_text(context, "protectedItemId"), "alertContext.protectedItemId")
    job_id = _job_id(context)
    if not item.vm_id:
        return Ignored(
            reason=f"not an Azure VM: the item is {item.name} ({_text(context, 'sourceType') or 'no type told'})",
            shape=shape,
            subscription_id=item.subscription_id,
            job_id=job_id,
            vault_id=item.vault_id,
            key=f"{item.vault_id}/{job_id}",
        )
    return FailureEvent(
        subscription_id=item.subscription_id,
        vault_id=item.vault_id,
        vm_id=_vm_id(context, item.vm_id),
        container_name=item.container,
        item_name=item.name,
        job_id=job_id,
        error_code_hints=_hints(essentials, context),
        description=_text(essentials, "description"),
        fired_at=_text(essentials, "firedDateTime"),
        alert_id=_text(essentials, "alertId"),
        shape=shape,
        event_id=event_id,
    )


def _parts(wire: Wire) -> tuple[Wire, Wire]:
    """essentials and alertContext, under `data` or by themselves."""
    inner = wire.get("data") if isinstance(wire.get("data"), Mapping) else wire
    essentials, context = inner.get("essentials"), inner.get("alertContext")  # type: ignore[union-attr]
    if not isinstance(essentials, Mapping):
        raise NotUsable(
            "not an alert in the common alert schema: data.essentials is missing. Turn on the common alert schema in the action group"
        )
    return essentials, context if isinstance(context, Mapping) else {}


def _not_a_failed_backup(essentials: Wire, context: Wire) -> str:
    """Why this alert does not tell of a failed backup, or ""."""
    service, condition = _text(essentials, "monitoringService"), _text(essentials, "monitorCondition")
    rule, category = _text(essentials, "alertRule"), _text(context, "category")
    if fold(service) != fold(SERVICE):
        return f"an alert of {service or 'no service'}, not of {SERVICE}"
    if fold(condition) != "fired":
        return f"the alert is {condition or 'in no condition'}, not Fired"
    if category and fold(category) != "jobs":
        return f"an alert of category {category}, not Jobs"
    if "restore" in fold(rule):
        return f"an alert of the rule {rule}, not of a backup"
    return ""


def _job_id(context: Wire) -> str:
    info = context.get("extendedInfo")
    job_id = _text(info, "jobId") if isinstance(info, Mapping) else ""
    if not JOB_ID.fullmatch(job_id):
        raise NotUsable(f"the alert names no job: alertContext.extendedInfo.jobId is {job_id[:120]!r}")
    return job_id


def _vm_id(context: Wire, named: str) -> str:
    """The VM that the item names. What the alert says beside it must be the same VM: an event that names two is not used."""
    for field in ("linkedResourceId", "sourceId"):
        text = _text(context, field)
        if text and not same(str(parse(text)), named):
            raise NotUsable(f"the alert names two resources: the item is of {named}, {field} is {text[:300]!r}")
        if text:
            return str(parse(text))
    return named


def _hints(essentials: Wire, context: Wire) -> tuple[CodeHint, ...]:
    """Every place of the alert that names a code, most trusted first."""
    info = context.get("extendedInfo")
    advice = _text(info, "recommendedActions") if isinstance(info, Mapping) else ""
    found = (
        error_codes.from_link(advice),
        error_codes.from_origin(_text(essentials, "originAlertId")),
        error_codes.from_message(_text(essentials, "description")),
    )
    return tuple(hint for hint in found if hint is not None)


def _text(wire: Wire, name: str) -> str:
    value = wire.get(name)
    return value if isinstance(value, str) else ""
