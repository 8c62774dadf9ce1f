"""The other roads on which a failed backup can be told: each a shape with what tells it
and what reads it.

What was seen and what is only documented is in docs/limits.md. None carries more trust
than another: the job in the vault is asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.arm_ids import fold, parse, same
from shared.errors import NotUsable
from shared.events import error_codes, wire
from shared.events.failure import failure
from shared.events.model import FailureEvent, Ignored
from shared.events.vm_items import Item, item_of_id, item_of_names, item_of_vm, job_of_id
from shared.events.wire import Wire, plain, text

METRIC = "backuphealthevent"
BACKUP_ACTION = "/backup"
REFUSED_BACKUP = f"/protecteditems{BACKUP_ACTION}/action"


def is_health_metric(alert: Wire) -> bool:
    return any(METRIC in plain(name) for name in metrics(alert))


def metrics(alert: Wire) -> list[str]:
    """Names of the metrics of a metric alert's conditions."""
    conditions = wire.objects(wire.inner(wire.context(alert), "condition"), "allOf")
    return [name for each in conditions if (name := text(each, "metricName"))]


def read_health_metric(alert: Wire, shape: str, event_id: str) -> FailureEvent | Ignored:
    """A metric alert on Backup Health Events: names the item and whether it is healthy,
    neither job nor code.

    Dimensions come under the names that the portal shows, or under those of the API.
    https://learn.microsoft.com/azure/backup/metrics-overview and
    https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-recoveryservices-vaults-metrics
    """
    if reason := wire.not_fired(alert):
        return Ignored(reason, shape)
    told = wire.dimensions(alert)
    if fold(told.get("healthstatus", "")) == "healthy":
        return Ignored("the backup item is Healthy", shape)
    fired = text(wire.context(alert), "timestamp")
    return failure(alert, _item_of_metric(alert, told), "", (), shape, event_id, fired)


def _item_of_metric(alert: Wire, told: Mapping[str, str]) -> Item:
    """From the item's id; from the VM and the vault that the alert is about where the
    rule does not split by it."""
    instance = told.get("backupinstanceid") or told.get("backupinstanceurl") or ""
    source = told.get("datasourceid") or told.get("datasourceurl") or ""
    if source and not instance:
        return item_of_vm(
            wire.target(alert), source, "the dimension Datasource ID", "alertTargetIDs"
        )
    item = item_of_id(instance, "the dimension Backup Instance ID")
    if (
        source
        and item.vm_id
        and not same(str(parse(source, "the dimension Datasource ID")), item.vm_id)
    ):
        raise NotUsable(
            f"the alert names two resources: the item is of {item.vm_id}, Datasource ID is"
            f" {source[:300]!r}"
        )
    return item


def is_refused_backup(event: Wire) -> bool:
    operation = fold(text(event, "operationName"))
    return operation.endswith(REFUSED_BACKUP) and fold(text(event, "status")) == "failed"


def read_refused_backup(event: Wire, shape: str, event_id: str) -> FailureEvent | Ignored:
    """A subscription event: ARM refused an on-demand backup, so there is no job. It
    names no code either.

    https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions
    (ResourceActionFailure)
    """
    resource = text(event, "resourceUri")
    if fold(resource).endswith(BACKUP_ACTION):
        resource = resource[: -len(BACKUP_ACTION)]
    item = item_of_id(resource, "resourceUri")
    return failure(event, item, "", (), shape, event_id, text(event, "eventTime"))


def is_job_record(record: Wire) -> bool:
    return "/backupjobs/" in fold(text(record, "id")) and isinstance(
        record.get("properties"), Mapping
    )


def read_job_record(record: Wire, shape: str, event_id: str) -> FailureEvent | Ignored:
    """A backup job as Azure Backup returns it, or as a row of Resource Graph.

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
    item = _item_of_job(vault_id, properties)
    return failure(
        properties,
        item,
        job_id,
        (hint,) if hint else (),
        shape,
        event_id,
        text(properties, "endTime"),
    )


def _item_of_job(vault_id: str, properties: Wire) -> Item:
    """From containerName, as the REST API gives it, or from dataSourceId, as Resource
    Graph does; where both are there they agree."""
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
