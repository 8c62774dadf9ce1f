"""The other shapes of events about a failed backup, each with a function that
recognises it and one that reads it.

docs/limits.md says which were seen and which are only documented. None is trusted more
than another: the job in the vault decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shared.arm_ids import fold, same
from shared.errors import NotUsable
from shared.events import error_codes, wire
from shared.events.failure import build_failure
from shared.events.model import FailureEvent, Ignored
from shared.events.vm_items import (
    Item,
    item_of_id,
    item_of_names,
    item_of_vm,
    job_of_id,
    why_another,
)
from shared.events.wire import Wire, plain, text

METRIC = "backuphealthevent"
SOURCE = "the dimension Datasource ID"
BACKUP_ACTION = "/backup"
REFUSED_BACKUP = f"/protecteditems{BACKUP_ACTION}/action"


def is_health_metric(alert: Wire) -> bool:
    return any(METRIC in plain(name) for name in read_metric_names(alert))


def read_metric_names(alert: Wire) -> list[str]:
    """Names of the metrics of a metric alert's conditions."""
    conditions = wire.objects(wire.inner(wire.context(alert), "condition"), "allOf")
    return [name for each in conditions if (name := text(each, "metricName"))]


def read_health_metric(alert: Wire, shape: str, event_id: str) -> FailureEvent | Ignored:
    """A metric alert on Backup Health Events. It names the item and its health, but
    neither job nor code.

    Its dimensions have the names of the portal or those of the API.
    https://learn.microsoft.com/azure/backup/metrics-overview and
    https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-recoveryservices-vaults-metrics
    """
    if reason := wire.not_fired(alert):
        return Ignored(reason, shape)
    dimensions = wire.dimensions(alert)
    if fold(dimensions.get("healthstatus", "")) == "healthy":
        return Ignored("the backup item is Healthy", shape)
    fired = text(wire.context(alert), "timestamp")
    item, source = _read_metric_item(alert, dimensions), _read_source(dimensions)
    found = build_failure(alert, item, "", (), shape, event_id, fired)
    contradiction = why_another(source, found.vm_id, SOURCE)
    return replace(found, contradictions=(contradiction,) if contradiction else ())


def _read_metric_item(alert: Wire, dimensions: Mapping[str, str]) -> Item:
    """From the item's id; where the rule does not split by that, from the VM and the
    vault of the alert."""
    instance = dimensions.get("backupinstanceid") or dimensions.get("backupinstanceurl") or ""
    source = _read_source(dimensions)
    if source and not instance:
        return item_of_vm(wire.target(alert), source, SOURCE, "alertTargetIDs")
    return item_of_id(instance, "the dimension Backup Instance ID")


def _read_source(dimensions: Mapping[str, str]) -> str:
    return dimensions.get("datasourceid") or dimensions.get("datasourceurl") or ""


def is_refused_backup(event: Wire) -> bool:
    operation = fold(text(event, "operationName"))
    return operation.endswith(REFUSED_BACKUP) and fold(text(event, "status")) == "failed"


def read_refused_backup(event: Wire, shape: str, event_id: str) -> FailureEvent | Ignored:
    """A subscription event: ARM refused an on-demand backup, so it names neither job
    nor code.

    https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions
    (ResourceActionFailure)
    """
    resource = text(event, "resourceUri")
    if fold(resource).endswith(BACKUP_ACTION):
        resource = resource[: -len(BACKUP_ACTION)]
    item = item_of_id(resource, "resourceUri")
    return build_failure(event, item, "", (), shape, event_id, text(event, "eventTime"))


def is_job_record(record: Wire) -> bool:
    return "/backupjobs/" in fold(text(record, "id")) and isinstance(
        record.get("properties"), Mapping
    )


def read_job_record(record: Wire, shape: str, event_id: str) -> FailureEvent | Ignored:
    """A backup job as Azure Backup returns it, or a row of Resource Graph.

    https://learn.microsoft.com/rest/api/backup/job-details/get and
    https://learn.microsoft.com/azure/backup/query-backups-using-azure-resource-graph
    """
    properties = record["properties"]
    vault_id, job_id = job_of_id(text(record, "id"), "id")
    status, operation = text(properties, "status"), text(properties, "operation")
    if (fold(status), fold(operation)) != ("failed", "backup"):
        return Ignored(
            f"the job is a {operation or 'nameless operation'} and {status or 'in no state'}", shape
        )
    managed = text(properties, "backupManagementType")
    if fold(managed) != "azureiaasvm":
        return Ignored(f"the job is of {managed or 'no type told'}, not of an Azure VM", shape)
    details = tuple(wire.objects(properties, "errorDetails"))
    hint = error_codes.from_job(
        details, text(wire.inner(properties, "extendedInfo"), "dynamicErrorMessage")
    )
    item = _read_job_item(vault_id, properties)
    return build_failure(
        properties,
        item,
        job_id,
        (hint,) if hint else (),
        shape,
        event_id,
        text(properties, "endTime"),
    )


def _read_job_item(vault_id: str, properties: Wire) -> Item:
    """From containerName (REST API) or dataSourceId (Resource Graph); where the job has
    both, they must agree."""
    names, source = text(properties, "containerName"), text(properties, "dataSourceId")
    if not source:
        return item_of_names(vault_id, names, "containerName", "id")
    item = item_of_vm(vault_id, source, "dataSourceId", "id")
    if names and not same(item_of_names(vault_id, names, "containerName", "id").vm_id, item.vm_id):
        raise NotUsable(
            f"the job names two resources: containerName is {names[:300]!r}, dataSourceId is"
            f" {source[:300]!r}"
        )
    return item
