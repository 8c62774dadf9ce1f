"""Reads an Azure Monitor alert of Azure Backup, in the common alert schema.

All fields read here were seen in a real alert, of a database. The alert of a VM was not
seen; as far as documented it has the same fields (docs/limits.md). Whether the item is
a VM follows from protectedItemId alone.
https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-common-schema
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shared.arm_ids import fold, parse, same
from shared.errors import NotUsable
from shared.events import error_codes, wire
from shared.events.failure import JOB_ID, build_failure
from shared.events.model import CodeHint, FailureEvent, Ignored
from shared.events.vm_items import item_of_id, why_another
from shared.events.wire import Wire, inner, text

SERVICE = "Azure Backup"


def read_alert(alert: Wire, shape: str, event_id: str) -> FailureEvent | Ignored:
    """Raises NotUsable where it is not in this schema, or does not say what failed."""
    essentials, context = _split(alert)
    if reason := _why_not_a_failed_backup(essentials, context):
        return Ignored(reason, shape)
    item = item_of_id(text(context, "protectedItemId"), "alertContext.protectedItemId")
    job_id = _read_job_id(context)
    if not item.vm_id:
        return Ignored(
            reason=(
                f"not an Azure VM: the item is {item.name}"
                f" ({text(context, 'sourceType') or 'no type told'})"
            ),
            shape=shape,
            subscription_id=item.subscription_id,
            job_id=job_id,
            vault_id=item.vault_id,
            key=f"{item.vault_id}/{job_id}",
        )
    found = build_failure(alert, item, job_id, _collect_hints(essentials, context), shape, event_id)
    return replace(
        found,
        vm_id=_spell_vm_id(context, item.vm_id),
        contradictions=_find_contradictions(context, item.vm_id),
    )


def _split(alert: Wire) -> tuple[Wire, Wire]:
    """essentials and alertContext, under `data` or at the top."""
    if not isinstance(wire.data(alert).get("essentials"), Mapping):
        raise NotUsable(
            "not an alert in the common alert schema: data.essentials is missing. Turn on the"
            " common alert schema in the action group"
        )
    return wire.essentials(alert), inner(wire.data(alert), "alertContext")


def _why_not_a_failed_backup(essentials: Wire, context: Wire) -> str:
    """Why this alert is not about a failed backup; "" where it is."""
    service, condition = text(essentials, "monitoringService"), text(essentials, "monitorCondition")
    rule, category = text(essentials, "alertRule"), text(context, "category")
    if fold(service) != fold(SERVICE):
        return f"an alert of {service or 'no service'}, not of {SERVICE}"
    if fold(condition) != "fired":
        return f"the alert is {condition or 'in no condition'}, not Fired"
    if category and fold(category) != "jobs":
        return f"an alert of category {category}, not Jobs"
    if "restore" in fold(rule):
        return f"an alert of the rule {rule}, not of a backup"
    return ""


def _read_job_id(context: Wire) -> str:
    job_id = text(inner(context, "extendedInfo"), "jobId")
    if not JOB_ID.fullmatch(job_id):
        raise NotUsable(
            f"the alert names no job: alertContext.extendedInfo.jobId is {job_id[:120]!r}"
        )
    return job_id


ALSO_NAMED = ("linkedResourceId", "sourceId")
"""Fields that name the VM, or something below it, beside the item."""


def _spell_vm_id(context: Wire, named: str) -> str:
    """The id of the item's VM, as the alert spells it where it names the VM itself: the
    item's name may have lost its case."""
    spelled = (text(context, field) for field in ALSO_NAMED)
    return next((str(parse(each)) for each in spelled if same(each, named)), named)


def _find_contradictions(context: Wire, vm_id: str) -> tuple[str, ...]:
    found = (
        why_another(text(context, field), vm_id, f"alertContext.{field}") for field in ALSO_NAMED
    )
    return tuple(each for each in found if each)


def _collect_hints(essentials: Wire, context: Wire) -> tuple[CodeHint, ...]:
    """The code from each place of the alert that names one, the most trusted first."""
    advice = text(inner(context, "extendedInfo"), "recommendedActions")
    found = (
        error_codes.from_link(advice),
        error_codes.from_origin(text(essentials, "originAlertId")),
        error_codes.from_message(text(essentials, "description")),
    )
    return tuple(hint for hint in found if hint is not None)
