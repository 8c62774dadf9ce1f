"""Reads an Azure Monitor alert of Azure Backup, in the common alert schema.

Seen in a real alert: all fields read here, with a database as the item. Not seen: the alert of a VM item; its fields are the same
as far as is documented (docs/limits.md). Whether the item is a VM is told by protectedItemId alone.
https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-common-schema
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.arm_ids import parse, same
from shared.errors import NotUsable
from shared.events import error_codes
from shared.events.model import CodeHint, FailureEvent, Ignored

SERVICE = "Azure Backup"
VAULT_TYPE, VM_TYPE = "microsoft.recoveryservices/vaults", "microsoft.compute/virtualmachines"
_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_ITEM = re.compile(
    r"(?P<vault>.+)/backupFabrics/[^/]+/protectionContainers/(?P<container>[^/]+)/protectedItems/(?P<item>[^/]+)", re.IGNORECASE
)
_VM_ITEM = re.compile(r"VM;iaasvmcontainerv2;(?P<group>[^;/]+);(?P<vm>[^;/]+)", re.IGNORECASE)

type Wire = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """A protected item, in the parts of its id."""

    vault_id: str
    container: str
    name: str


def read_alert(wire: Wire, shape: str, event_id: str) -> FailureEvent | Ignored:
    """Raises NotUsable for what is no alert in this schema, or an alert that does not say what failed."""
    essentials, context = _parts(wire)
    if reason := _not_a_failed_backup(essentials, context):
        return Ignored(reason, shape)
    item = _item(_text(context, "protectedItemId"))
    job_id = _job_id(context)
    subscription_id = parse(item.vault_id).subscription
    found = _VM_ITEM.fullmatch(item.name)
    if found is None:
        return Ignored(
            reason=f"not an Azure VM: the item is {item.name} ({_text(context, 'sourceType') or 'no type told'})",
            shape=shape,
            subscription_id=subscription_id,
            job_id=job_id,
            vault_id=item.vault_id,
            key=f"{item.vault_id}/{job_id}",
        )
    return FailureEvent(
        subscription_id=subscription_id,
        vault_id=item.vault_id,
        vm_id=_vm_id(context, subscription_id, found["group"], found["vm"]),
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
    if service.casefold() != SERVICE.casefold():
        return f"an alert of {service or 'no service'}, not of {SERVICE}"
    if condition.casefold() != "fired":
        return f"the alert is {condition or 'in no condition'}, not Fired"
    if category and category.casefold() != "jobs":
        return f"an alert of category {category}, not Jobs"
    if "restore" in rule.casefold():
        return f"an alert of the rule {rule}, not of a backup"
    return ""


def _item(protected_item_id: str) -> Item:
    if not protected_item_id:
        raise NotUsable("the alert names no protected item: alertContext.protectedItemId is missing")
    found = _ITEM.fullmatch(str(parse(protected_item_id)))
    if found is None or parse(found["vault"]).type != VAULT_TYPE:
        raise NotUsable(f"alertContext.protectedItemId is no item of a Recovery Services vault: {protected_item_id[:300]!r}")
    return Item(found["vault"], found["container"], found["item"])


def _job_id(context: Wire) -> str:
    info = context.get("extendedInfo")
    job_id = _text(info, "jobId") if isinstance(info, Mapping) else ""
    if not _JOB_ID.fullmatch(job_id):
        raise NotUsable(f"the alert names no job: alertContext.extendedInfo.jobId is {job_id[:120]!r}")
    return job_id


def _vm_id(context: Wire, subscription_id: str, group: str, name: str) -> str:
    """The VM that the item names. What the alert says beside it must be the same VM: an event that names two is not used."""
    named = f"/subscriptions/{subscription_id}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{name}"
    for field in ("linkedResourceId", "sourceId"):
        text = _text(context, field)
        if text and not same(str(parse(text)), named):
            raise NotUsable(f"the alert names two resources: the item is of {named}, {field} is {text[:300]!r}")
        if text:
            return str(parse(text))
    return str(parse(named))


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
