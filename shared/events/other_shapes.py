"""The other roads on which a failed backup can be told: each a shape with what tells it and what reads it.

What was seen and what is only documented is in docs/limits.md. None carries more trust than another: the job in the vault is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared.arm_ids import fold
from shared.errors import NotUsable
from shared.events import error_codes
from shared.events.alert import JOB_ID
from shared.events.model import CodeHint, FailureEvent, Ignored
from shared.events.vm_items import Item, item_of_id, item_of_names

type Wire = Mapping[str, Any]
REFUSED_BACKUP = "/protecteditems/backup/action"


def is_log_alert(wire: Wire) -> bool:
    return fold(_service(wire)).startswith("log alerts")


def read_log_alert(wire: Wire, shape: str, event_id: str) -> FailureEvent | Ignored:
    """A log search alert over AddonAzureBackupJobs, with vault, item, job and code as dimensions: results are not embedded.

    https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-common-schema (Log Alerts V2)
    """
    if reason := _not_fired(wire):
        return Ignored(reason, shape)
    told = _dimensions(wire)
    vault_id = told.get("_resourceid") or told.get("resourceid") or _first(_essentials(wire).get("alertTargetIDs"))
    names = told.get("backupitemuniqueid", "")
    item = item_of_names(vault_id, names, "the dimension BackupItemUniqueId")
    code = told.get("jobfailurecode", "")
    hints = (CodeHint("JobFailureCode", error_codes.canonical(code) or code, code),) if code else ()
    return _failure(wire, item, told.get("jobuniqueid", ""), hints, shape, event_id)


def is_health_metric(wire: Wire) -> bool:
    return any("backuphealthevent" in _plain(_text(each, "metricName")) for each in _conditions(wire))


def read_health_metric(wire: Wire, shape: str, event_id: str) -> FailureEvent | Ignored:
    """A metric alert on Backup Health Events: names the item and whether it is healthy, neither job nor code.

    https://learn.microsoft.com/azure/backup/metrics-overview
    """
    if reason := _not_fired(wire):
        return Ignored(reason, shape)
    told = _dimensions(wire)
    health = told.get("healthstatus", "")
    if fold(health) == "healthy":
        return Ignored("the backup item is Healthy", shape)
    item = item_of_id(told.get("backupinstanceid", ""), "the dimension Backup Instance ID")
    return _failure(wire, item, "", (), shape, event_id)


def is_refused_backup(wire: Wire) -> bool:
    operation = fold(_text(wire, "operationName"))
    return operation.endswith(REFUSED_BACKUP) and fold(_text(wire, "status")) == "failed"


def read_refused_backup(wire: Wire, shape: str, event_id: str) -> FailureEvent | Ignored:
    """A subscription event: ARM refused an on-demand backup, so there is no job. It names no code either.

    https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions (ResourceActionFailure)
    """
    resource = _text(wire, "resourceUri")
    item = item_of_id(resource.removesuffix("/backup"), "resourceUri")
    return _failure(wire, item, "", (), shape, event_id)


def is_job_record(wire: Wire) -> bool:
    return "/backupjobs/" in fold(_text(wire, "id")) and isinstance(wire.get("properties"), Mapping)


def read_job_record(wire: Wire, shape: str, event_id: str) -> FailureEvent | Ignored:
    """A backup job as Azure Backup returns it. https://learn.microsoft.com/rest/api/backup/job-details/get"""
    properties = wire["properties"]
    status, operation = _text(properties, "status"), _text(properties, "operation")
    if (fold(status), fold(operation)) != ("failed", "backup"):
        return Ignored(f"the job is a {operation or 'nameless operation'} and {status or 'in no state'}", shape)
    if fold(_text(properties, "backupManagementType")) != "azureiaasvm":
        return Ignored(f"the job is of {_text(properties, 'backupManagementType') or 'no type told'}, not of an Azure VM", shape)
    vault_id, _, job_id = _text(wire, "id").rpartition("/backupJobs/")
    item = item_of_names(vault_id, _text(properties, "containerName"), "containerName")
    told = properties.get("errorDetails")
    details = [each for each in told if isinstance(each, Mapping)] if isinstance(told, list) else []
    extended = properties.get("extendedInfo")
    message = _text(extended, "dynamicErrorMessage") if isinstance(extended, Mapping) else ""
    hint = error_codes.from_job(details, message)
    return _failure(properties, item, job_id, (hint,) if hint else (), shape, event_id)


def _failure(wire: Wire, item: Item, job_id: str, hints: tuple[CodeHint, ...], shape: str, event_id: str) -> FailureEvent | Ignored:
    if job_id and not JOB_ID.fullmatch(job_id):
        raise NotUsable(f"not a job id: {job_id[:120]!r}")
    if not item.vm_id:
        return Ignored(f"not an Azure VM: the item is {item.name}", shape, item.subscription_id)
    essentials = _essentials(wire)
    fired = _text(essentials, "firedDateTime") or _text(wire, "endTime") or _text(wire, "eventTime")
    return FailureEvent(
        subscription_id=item.subscription_id,
        vault_id=item.vault_id,
        vm_id=item.vm_id,
        container_name=item.container,
        item_name=item.name,
        job_id=job_id,
        error_code_hints=hints,
        description=_text(essentials, "description"),
        fired_at=fired,
        alert_id=_text(essentials, "alertId"),
        shape=shape,
        event_id=event_id,
    )


def _essentials(wire: Wire) -> Wire:
    found = _data(wire).get("essentials")
    return found if isinstance(found, Mapping) else {}


def _data(wire: Wire) -> Wire:
    inner = wire.get("data")
    return inner if isinstance(inner, Mapping) else wire


def _service(wire: Wire) -> str:
    return _text(_essentials(wire), "monitoringService")


def _not_fired(wire: Wire) -> str:
    condition = _text(_essentials(wire), "monitorCondition")
    return "" if fold(condition) == "fired" else f"the alert is {condition or 'in no condition'}, not Fired"


def _conditions(wire: Wire) -> Iterable[Wire]:
    context = _data(wire).get("alertContext")
    condition = context.get("condition") if isinstance(context, Mapping) else None
    found = condition.get("allOf") if isinstance(condition, Mapping) else None
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _dimensions(wire: Wire) -> dict[str, str]:
    """Names without spaces and in lower case: Azure writes them in several ways."""
    told = {}
    for condition in _conditions(wire):
        dimensions = condition.get("dimensions")
        for each in dimensions if isinstance(dimensions, list) else ():
            if isinstance(each, Mapping):
                told[_plain(_text(each, "name"))] = _text(each, "value")
    return told


def _plain(name: str) -> str:
    return fold(name.replace(" ", ""))


def _first(value: Any) -> str:
    return value[0] if isinstance(value, list) and value and isinstance(value[0], str) else ""


def _text(wire: Wire, name: str) -> str:
    value = wire.get(name)
    return value if isinstance(value, str) else ""
