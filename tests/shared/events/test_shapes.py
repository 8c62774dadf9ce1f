"""A fixture for each shape in which a failed backup is told, made from documented
fields."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from shared.arm_ids import fold, same
from shared.events.model import FailureEvent, Ignored, Several, Unusable
from shared.events.parse import BUILT_IN, SHAPES, parse, parse_alert

SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
VAULT_GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-backup"
VAULT = f"{VAULT_GROUP}/providers/Microsoft.RecoveryServices/vaults/vault-backup"
VM = f"{SUBSCRIPTION}/resourceGroups/rg-app/providers/Microsoft.Compute/virtualMachines/vm-app-01"
ITEM = (
    f"{VAULT}/backupFabrics/Azure/protectionContainers"
    "/IaasVMContainer;iaasvmcontainerv2;rg-app;vm-app-01"
    "/protectedItems/VM;iaasvmcontainerv2;rg-app;vm-app-01"
)
JOB = "11111111-2222-4333-8444-555555555555"
ESSENTIALS = {
    "monitorCondition": "Fired",
    "firedDateTime": "2026-11-20T22:35:07Z",
    "alertId": "a",
    "alertTargetIDs": [VAULT],
}


def alert(service: str, condition: dict[str, Any]) -> dict[str, Any]:
    essentials = ESSENTIALS | {"monitoringService": service}
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {"essentials": essentials, "alertContext": {"condition": {"allOf": [condition]}}},
    }


def dimensions(**values: str) -> list[dict[str, str]]:
    return [{"name": name.replace("__", " "), "value": value} for name, value in values.items()]


LOG = alert(
    "Log Alerts V2",
    {
        "dimensions": dimensions(
            _ResourceId=VAULT,
            BackupItemUniqueId="westeurope;1;iaasvmcontainerv2;rg-app;vm-app-01",
            JobUniqueId=JOB,
            JobFailureCode="ExtensionOperationFailed",
        )
    },
)
METRIC = alert(
    "Platform",
    {
        "metricName": "BackupHealthEvent",
        "dimensions": dimensions(Backup__Instance__ID=ITEM, Health__Status="Persistent Unhealthy"),
    },
)
REFUSED = {
    "id": "e",
    "eventType": "Microsoft.Resources.ResourceActionFailure",
    "eventTime": "2026-11-20T22:35:07Z",
    "subject": ITEM,
    "data": {
        "operationName": (
            "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/backup/action"
        ),
        "status": "Failed",
        "resourceUri": ITEM,
    },
}
RECORD = {
    "id": f"{VAULT}/backupJobs/{JOB}",
    "name": JOB,
    "properties": {
        "status": "Failed",
        "operation": "Backup",
        "backupManagementType": "AzureIaasVM",
        "containerName": "iaasvmcontainerv2;rg-app;vm-app-01",
        "endTime": "2026-11-20T22:35:07Z",
        "errorDetails": [{"errorString": "VMSnapshot extension operation failed"}],
    },
}
NAMES = "westeurope;1;iaasvmcontainerv2;rg-app;vm-app-01"
ROW = {
    "TimeGenerated": "2026-11-20T22:35:07Z",
    "_ResourceId": VAULT.lower(),
    "OperationName": "Job",
    "JobUniqueId": JOB,
    "JobFailureCode": "ExtensionOperationFailed",
    "BackupItemUniqueId": NAMES,
    "JobStatus": "Failed",
    "JobOperation": "Backup",
    "BackupManagementType": "IaaSVM",
}
"""A row of AddonAzureBackupJobs."""
OLD_ROW = {
    "TimeGenerated": "2026-11-20T22:35:07Z",
    "ResourceId": VAULT.upper(),
    "Category": "AzureBackupReport",
    "OperationName": "Job",
    "JobUniqueId_g": JOB,
    "JobFailureCode_s": "ExtensionOperationFailed",
    "BackupItemUniqueId_s": NAMES,
    "JobStatus_s": "Failed",
    "JobOperation_s": "Backup",
    "BackupManagementType_s": "IaaSVM",
    "Type": "AzureDiagnostics",
}
"""A row of AzureDiagnostics."""


def results(*rows: dict[str, Any]) -> dict[str, Any]:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = {
        "name": "PrimaryResult",
        "columns": [{"name": name, "type": "string"} for name in columns],
    }
    return {"tables": [table | {"rows": [[row.get(name) for name in columns] for row in rows]}]}


def common(*rows: dict[str, Any], service: str = "Log Analytics") -> dict[str, Any]:
    """As the common schema has a log alert of before V2."""
    essentials = ESSENTIALS | {"monitoringService": service, "signalType": "Log"}
    context = {
        "SearchQuery": "AddonAzureBackupJobs",
        "ResultCount": len(rows),
        "SearchResults": results(*rows),
    }
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {"essentials": essentials, "alertContext": context},
    }


def old(*rows: dict[str, Any]) -> dict[str, Any]:
    """In the schema that log alerts had of their own."""
    data = {
        "AlertRuleName": "r",
        "SearchQuery": "AddonAzureBackupJobs",
        "SearchIntervalEndtimeUtc": "2026-11-20T22:35:07Z",
    }
    return {
        "schemaId": "Microsoft.Insights/LogAlert",
        "data": data | {"SearchResult": results(*rows), "ResultCount": len(rows)},
    }


def metric(**values: str) -> dict[str, Any]:
    return alert(
        "Platform", {"metricName": "BackupHealthEvent", "dimensions": dimensions(**values)}
    )


OLD_METRIC = {
    "schemaId": "AzureMonitorMetricAlert",
    "data": {
        "status": "Activated",
        "context": {
            "timestamp": "2026-11-20T22:35:07Z",
            "resourceId": VAULT,
            "condition": {
                "allOf": [
                    {
                        "metricName": "BackupHealthEvent",
                        "dimensions": dimensions(
                            backupInstanceUrl=ITEM, healthStatus="Transient Degraded"
                        ),
                    }
                ]
            },
        },
    },
}
GRAPH_ROW = {
    "id": f"{VAULT}/backupJobs/{JOB}".lower(),
    "name": JOB,
    "type": "microsoft.recoveryservices/vaults/backupjobs",
    "properties": {
        "status": "Failed",
        "operation": "Backup",
        "backupManagementType": "AzureIaasVM",
        "dataSourceId": VM,
        "entityFriendlyName": "vm-app-01",
        "endTime": "2026-11-20T22:35:07Z",
    },
}
"""A row of Resource Graph, which has no containerName."""
DIAGNOSTIC_RECORD = {
    "time": "2026-11-20T22:35:07Z",
    "resourceId": VAULT.upper(),
    "category": "AddonAzureBackupJobs",
    "operationName": "Job",
    "properties": {name: value for name, value in ROW.items() if name != "_ResourceId"},
}
SMALL_RECORD = json.loads(
    json.dumps(RECORD).replace(VAULT, VAULT.lower()).replace("/backupJobs/", "/backupjobs/")
)
FIXTURES = [
    ("log search alert", LOG, JOB, "ExtentionOperationFailed"),
    ("backup health metric", METRIC, "", ""),
    ("refused on-demand backup", REFUSED, "", ""),
    ("job record", RECORD, JOB, "ExtentionOperationFailed"),
    ("row of a log", ROW, JOB, "ExtentionOperationFailed"),
    ("row of a log", OLD_ROW, JOB, "ExtentionOperationFailed"),
    ("row of a log", DIAGNOSTIC_RECORD, JOB, "ExtentionOperationFailed"),
    ("log search alert", common(ROW), JOB, "ExtentionOperationFailed"),
    (
        "log search alert",
        common(OLD_ROW, service="Application Insights"),
        JOB,
        "ExtentionOperationFailed",
    ),
    ("log search alert", old(ROW), JOB, "ExtentionOperationFailed"),
    ("log search alert", old(OLD_ROW)["data"], JOB, "ExtentionOperationFailed"),
    ("log search alert", old(ROW)["data"] | {"status": "Open"}, JOB, "ExtentionOperationFailed"),
    (
        "backup health metric",
        metric(backupInstanceUrl=ITEM, healthStatus="Persistent Degraded", dataSourceURL=VM),
        "",
        "",
    ),
    ("backup health metric", metric(dataSourceURL=VM, healthStatus="Persistent Degraded"), "", ""),
    ("backup health metric", OLD_METRIC, "", ""),
    ("job record", SMALL_RECORD, JOB, "ExtentionOperationFailed"),
    ("job record", GRAPH_ROW, JOB, ""),
    (
        "refused on-demand backup",
        json.loads(json.dumps(REFUSED).replace(ITEM, f"{ITEM}/BACKUP")),
        "",
        "",
    ),
]


@pytest.mark.parametrize(
    ("shape", "wire", "job", "code"),
    FIXTURES,
    ids=[f"{number} {each[0]}" for number, each in enumerate(FIXTURES)],
)
def test_a_shape_gives_vault_vm_job_and_code(
    shape: str, wire: dict[str, Any], job: str, code: str
) -> None:
    for text in (
        json.dumps(wire),
        json.dumps(
            {
                "specversion": "1.0",
                "id": "e",
                "source": "s",
                "type": "t",
                "data": wire.get("data") if "eventType" in wire else wire,
            }
        ),
    ):
        found = parse(text)
        assert isinstance(found, FailureEvent), found
        assert found.shape.endswith(shape)
        assert (fold(found.vault_id), fold(found.vm_id), found.job_id) == (
            fold(VAULT),
            fold(VM),
            job,
        )
        assert found.fired_at.startswith("2026-11-20T22:35:07") or "specversion" in text
        assert [hint.code for hint in found.error_code_hints] == ([code] if code else [])
        assert same(found.item_name, "VM;iaasvmcontainerv2;rg-app;vm-app-01")


def test_every_shape_has_a_fixture() -> None:
    assert {shape for shape, *_ in FIXTURES} == {shape.name for shape in SHAPES}
    assert BUILT_IN not in SHAPES


def changed(wire: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    copied = copy.deepcopy(wire)
    inner: Any = copied
    *above, last = path.split(".")
    for key in above:
        inner = inner[int(key)] if isinstance(inner, list) else inner[key]
    inner[int(last) if isinstance(inner, list) else last] = value
    return copied


@pytest.mark.parametrize(
    ("wire", "kind", "told"),
    [
        (changed(LOG, "data.essentials.monitorCondition", "Resolved"), Ignored, "Resolved"),
        (
            changed(
                METRIC,
                "data.alertContext.condition.allOf.0.dimensions",
                dimensions(Health__Status="Healthy"),
            ),
            Ignored,
            "Healthy",
        ),
        (changed(RECORD, "properties.status", "Completed"), Ignored, "Completed"),
        (changed(RECORD, "properties.operation", "Restore"), Ignored, "Restore"),
        (
            changed(RECORD, "properties.backupManagementType", "AzureStorage"),
            Ignored,
            "AzureStorage",
        ),
        (
            changed(LOG, "data.alertContext.condition.allOf.0.dimensions", []),
            Unusable,
            "BackupItemUniqueId",
        ),
        (
            changed(
                METRIC,
                "data.alertContext.condition.allOf.0.dimensions",
                dimensions(Health__Status="x"),
            ),
            Unusable,
            "Backup Instance ID",
        ),
        (changed(REFUSED, "data.resourceUri", VM), Unusable, "resourceUri"),
        (changed(REFUSED, "data.operationName", ""), Unusable, "common alert schema"),
        (changed(REFUSED, "data.status", "Odd"), Unusable, "common alert schema"),
        (
            changed(RECORD, "id", f"{VM}/backupJobs/{JOB}"),
            Unusable,
            "id is no backup job of a Recovery Services vault",
        ),
        (
            changed(RECORD, "id", f"{VAULT}/backupJobs/../x"),
            Unusable,
            "id: an empty or dotted segment",
        ),
        (
            changed(RECORD, "properties.containerName", "nonsense"),
            Unusable,
            "containerName names no Azure VM",
        ),
        (
            changed(RECORD, "properties.containerName", "iaa\u017fvmcontainerv2;rg-app;vm-app-01"),
            Unusable,
            "containerName",
        ),
        (
            changed(RECORD, "properties.dataSourceId", VM.replace("app-01", "app-02")),
            Unusable,
            "two resources",
        ),
        (
            changed(GRAPH_ROW, "properties.dataSourceId", f"{VM}/../x"),
            Unusable,
            "dataSourceId: an empty or dotted segment",
        ),
        (
            changed(GRAPH_ROW, "properties.dataSourceId", VM.replace("1111-", "2222-")),
            Unusable,
            "another subscription",
        ),
        (changed(GRAPH_ROW, "properties.dataSourceId", VAULT), Ignored, "not an Azure VM"),
        (
            metric(backupInstanceUrl=f"{ITEM}/..", healthStatus="x"),
            Unusable,
            "Backup Instance ID: an empty or dotted segment",
        ),
        (changed(OLD_METRIC, "data.status", "Deactivated"), Ignored, "Deactivated"),
        (changed(common(ROW), "data.essentials.monitorCondition", "Resolved"), Ignored, "Resolved"),
        (common(ROW | {"JobStatus": "Completed"}), Ignored, "the job is Completed"),
        (common(ROW | {"JobOperation": "Restore"}), Ignored, "the job is a Restore"),
        (common(ROW | {"BackupManagementType": "AzureWorkload"}), Ignored, "AzureWorkload"),
        (
            common(OLD_ROW | {"OperationName": "BackupItem"}),
            Ignored,
            "a record of BackupItem, not of a job",
        ),
        (common({"Computer": "web"}), Unusable, "Have the rule's query return"),
        (
            common(ROW | {"BackupItemUniqueId": "x"}),
            Unusable,
            "the column BackupItemUniqueId names no Azure VM",
        ),
        (common(ROW | {"JobUniqueId": "a b"}), Unusable, "not a job id"),
        (
            changed(common(ROW), "data.alertContext.SearchResults.tables.0.rows", []),
            Unusable,
            "no rows in its body",
        ),
        (
            changed(common(ROW), "data.alertContext.SearchResults.tables.0.rows.0", ["one"]),
            Unusable,
            "Have the rule's query return",
        ),
        (
            changed(common(ROW), "data.alertContext.SearchResults", None),
            Unusable,
            "no rows in its body",
        ),
        (
            alert(
                "Log Alerts V2",
                {"searchQuery": "Heartbeat", "dimensions": dimensions(Computer="web")},
            ),
            Unusable,
            "does not belong here",
        ),
    ],
)
def test_what_a_shape_leaves_alone(wire: dict[str, Any], kind: type, told: str) -> None:
    found = parse(json.dumps(wire))
    assert isinstance(found, kind), found
    assert told in found.reason


COMPUTE = VM.rsplit("/", 2)[0]
SPELLED = VM.replace("vm-app-01", "VM-App-01").replace("/rg-app/", "/RG-App/")
"""The VM's id with capitals that the item's name has lost."""


@pytest.mark.parametrize(
    "named",
    [
        SPELLED,
        f"{SPELLED}/",
        SPELLED.lstrip("/"),
        f"{VM}/extensions/VMSnapshot",
        f"{VM}/providers/Microsoft.RecoveryServices/backupProtectedItem/VM;x",
        VM.upper(),
        "",
    ],
)
@pytest.mark.parametrize("field", ["linkedResourceId", "sourceId"])
def test_an_id_at_or_below_the_vm_names_that_vm(field: str, named: str) -> None:
    event = built_in(ITEM)
    event["data"]["alertContext"][field] = named
    found = parse(json.dumps(event))
    assert isinstance(found, FailureEvent), found
    spelled = f"/{named.strip('/')}" if same(named, VM) else VM
    assert (found.vm_id, found.contradictions) == (spelled, ())


@pytest.mark.parametrize(
    "named",
    [
        f"{VM}2",
        f"{VM}2/extensions/VMSnapshot",
        f"{COMPUTE}/disks/vm-app-01_OsDisk_1",
        f"{COMPUTE}/restorePointCollections/AzureBackup_vm-app-01_1/restorePoints/p",
        VAULT,
        SUBSCRIPTION,
        "no id",
    ],
)
@pytest.mark.parametrize("field", ["linkedResourceId", "sourceId"])
def test_a_contradiction_in_an_alert_is_kept_and_the_job_decides(field: str, named: str) -> None:
    event = built_in(ITEM)
    event["data"]["alertContext"][field] = named
    found = parse(json.dumps(event))
    assert isinstance(found, FailureEvent), found
    (told,) = found.contradictions
    assert found.vm_id == VM and told.startswith(f"alertContext.{field}") and named in told


def test_a_metric_s_data_source_is_the_vm_or_below_it_or_a_contradiction() -> None:
    for source, contradictions in (
        (VM, 0),
        (f"{VM}/extensions/VMSnapshot", 0),
        (f"{VM}2", 1),
        (f"{COMPUTE}/disks/d", 1),
    ):
        found = parse(json.dumps(metric(backupInstanceUrl=ITEM, dataSourceURL=source)))
        assert isinstance(found, FailureEvent), found
        assert (found.vm_id, len(found.contradictions)) == (VM, contradictions)
    below = parse(json.dumps(metric(dataSourceURL=f"{VM}/extensions/VMSnapshot")))
    assert isinstance(below, FailureEvent) and below.vm_id == VM


OTHER = "22222222-2222-4333-8444-555555555555"


def test_each_row_of_a_log_alert_is_a_failure_and_the_newest_comes_first() -> None:
    earlier = ROW | {"JobUniqueId": OTHER, "TimeGenerated": "2026-11-20T21:00:00Z"}
    for event in (common(earlier, ROW, ROW), old(earlier, ROW)):
        found = parse(json.dumps(event))
        assert isinstance(found, Several), found
        assert [each.job_id for each in found.found] == [JOB, OTHER]
        assert found.unusable == ""


def test_rows_that_are_no_failure_and_rows_of_no_use_hinder_no_other() -> None:
    completed, spoilt = (
        ROW | {"JobUniqueId": OTHER, "JobStatus": "Completed"},
        ROW | {"BackupItemUniqueId": "x"},
    )
    found = parse_alert(json.dumps(common(spoilt, completed, ROW, completed)))
    assert isinstance(found, Several), found
    failure, aside = found.found
    assert isinstance(failure, FailureEvent) and failure.job_id == JOB
    assert isinstance(aside, Ignored) and aside.reason == "the job is Completed, not Failed"
    assert found.unusable.startswith(
        "1 of 4 rows cannot be used: the column BackupItemUniqueId names no Azure VM"
    )


BACKUP_VAULT = (
    f"{SUBSCRIPTION}/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv"
)
ACTIVITY = {
    "operationName": "Microsoft.Compute/virtualMachines/deallocate/action",
    "status": "Succeeded",
}
HEALTH = {
    "specversion": "1.0",
    "id": "e",
    "source": SUBSCRIPTION,
    "type": "Microsoft.ResourceNotifications.HealthResources.AvailabilityStatusChanged",
    "data": {
        "resourceInfo": {
            "id": f"{VM}/providers/Microsoft.ResourceHealth/availabilityStatuses/current"
        },
        "apiVersion": "2023-12-01",
    },
}


def built_in(item: str) -> dict[str, Any]:
    essentials = ESSENTIALS | {"monitoringService": "Azure Backup"}
    return {
        "data": {
            "essentials": essentials,
            "alertContext": {"protectedItemId": item, "extendedInfo": {"jobId": JOB}},
        }
    }


SET_ASIDE = {
    "health of a resource": (HEALTH, "it tells of the state of"),
    "health of a resource, Event Grid schema": (
        {"eventType": HEALTH["type"], "data": {}},
        "state of a resource",
    ),
    "annotated": (
        HEALTH | {"type": "Microsoft.ResourceNotifications.HealthResources.ResourceAnnotated"},
        "state of",
    ),
    "request to ARM": (
        changed(REFUSED, "data.operationName", "Microsoft.Compute/virtualMachines/write"),
        "a request to ARM (Microsoft.Compute/virtualMachines/write: Failed)",
    ),
    "request that went well": (changed(REFUSED, "data.status", "Succeeded"), "a request to ARM"),
    "activity log, common schema": (
        {
            "data": {
                "essentials": ESSENTIALS | {"monitoringService": "Activity Log - Administrative"},
                "alertContext": ACTIVITY,
            }
        },
        "an activity log alert (Microsoft.Compute/virtualMachines/deallocate/action: Succeeded)",
    ),
    "activity log, its own schema": (
        {
            "schemaId": "Microsoft.Insights/activityLogs",
            "data": {"status": "Activated", "context": {"activityLog": ACTIVITY}},
        },
        "an activity log alert (Microsoft.Compute/virtualMachines/deallocate/action: Succeeded)",
    ),
    "resource health": (
        {"data": {"essentials": ESSENTIALS | {"monitoringService": "Resource Health"}}},
        "an activity log alert",
    ),
    "job of Site Recovery": (
        {"id": f"{VAULT}/replicationJobs/{JOB}", "properties": {"state": "Failed"}},
        "Azure Site Recovery",
    ),
    "alert of Site Recovery": (
        built_in(
            f"{VAULT}/replicationFabrics/f/replicationProtectionContainers/c/replicationProtectedItems/i"
        ),
        "Site Recovery",
    ),
    "alert of a Backup vault": (
        built_in(f"{BACKUP_VAULT}/backupInstances/i"),
        "alertContext.protectedItemId is of a Backup vault",
    ),
    "job of a Backup vault": (
        {"id": f"{BACKUP_VAULT}/backupJobs/{JOB}", "properties": {"status": "Failed"}},
        "of a Backup vault",
    ),
    "metric of a Backup vault": (
        metric(backupInstanceUrl=f"{BACKUP_VAULT}/backupInstances/i", healthStatus="x"),
        "of a Backup vault",
    ),
    "row of a Backup vault": (
        common(ROW | {"_ResourceId": BACKUP_VAULT, "BackupManagementType": ""}),
        "of a Backup vault",
    ),
    "health of restores": (
        changed(METRIC, "data.alertContext.condition.allOf.0.metricName", "RestoreHealthEvent"),
        "RestoreHealthEvent",
    ),
    "row of another category": (
        {
            "Category": "AzureSiteRecoveryJobs",
            "ResourceId": VAULT,
            "OperationName": "x",
            "Type": "AzureDiagnostics",
        },
        "a row of a log, of category AzureSiteRecoveryJobs",
    ),
    "row of an item": (
        {
            "category": "AzureBackupReport",
            "operationName": "BackupItem",
            "resourceId": VAULT,
            "properties": {"SchemaVersion_s": "V1"},
        },
        "a row of a log, of category AzureBackupReport",
    ),
}


@pytest.mark.parametrize("name", SET_ASIDE)
def test_what_is_no_failed_vm_backup_is_set_aside_with_a_reason_that_fits(name: str) -> None:
    event, told = SET_ASIDE[name]
    found = parse(json.dumps(event))
    assert isinstance(found, Ignored), found
    assert told in found.reason
    assert len(found.reason) < 500
