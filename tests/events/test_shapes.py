"""A fixture for each shape in which a failed backup is told, made from documented fields."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from shared.events.model import FailureEvent, Ignored, Unusable
from shared.events.parse import SHAPES, parse

SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
VAULT = f"{SUBSCRIPTION}/resourceGroups/rg-backup/providers/Microsoft.RecoveryServices/vaults/vault-backup"
VM = f"{SUBSCRIPTION}/resourceGroups/rg-app/providers/Microsoft.Compute/virtualMachines/vm-app-01"
ITEM = f"{VAULT}/backupFabrics/Azure/protectionContainers/IaasVMContainer;iaasvmcontainerv2;rg-app;vm-app-01/protectedItems/VM;iaasvmcontainerv2;rg-app;vm-app-01"
JOB = "11111111-2222-4333-8444-555555555555"
ESSENTIALS = {"monitorCondition": "Fired", "firedDateTime": "2026-11-20T22:35:07Z", "alertId": "a", "alertTargetIDs": [VAULT]}


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
    {"metricName": "BackupHealthEvent", "dimensions": dimensions(Backup__Instance__ID=ITEM, Health__Status="Persistent Unhealthy")},
)
REFUSED = {
    "id": "e",
    "eventType": "Microsoft.Resources.ResourceActionFailure",
    "eventTime": "2026-11-20T22:35:07Z",
    "subject": ITEM,
    "data": {
        "operationName": "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/backup/action",
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
FIXTURES = [
    ("log search alert", LOG, JOB, "ExtentionOperationFailed"),
    ("backup health metric", METRIC, "", ""),
    ("refused on-demand backup", REFUSED, "", ""),
    ("job record", RECORD, JOB, "ExtentionOperationFailed"),
]


@pytest.mark.parametrize(("shape", "wire", "job", "code"), FIXTURES, ids=[each[0] for each in FIXTURES])
def test_a_shape_gives_vault_vm_job_and_code(shape: str, wire: dict[str, Any], job: str, code: str) -> None:
    for text in (
        json.dumps(wire),
        json.dumps(
            {"specversion": "1.0", "id": "e", "source": "s", "type": "t", "data": wire.get("data") if "eventType" in wire else wire}
        ),
    ):
        found = parse(text)
        assert isinstance(found, FailureEvent), found
        assert found.shape.endswith(shape)
        assert (found.vault_id, found.vm_id.casefold(), found.job_id) == (VAULT, VM.casefold(), job)
        assert [hint.code for hint in found.error_code_hints] == ([code] if code else [])
        assert found.item_name == "VM;iaasvmcontainerv2;rg-app;vm-app-01"


def test_every_shape_has_a_fixture() -> None:
    assert {shape for shape, *_ in FIXTURES} | {"alert of Azure Backup"} == {shape.name for shape in SHAPES}


def changed(wire: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    copied = copy.deepcopy(wire)
    inner: Any = copied
    *above, last = path.split(".")
    for key in above:
        inner = inner[int(key)] if isinstance(inner, list) else inner[key]
    inner[last] = value
    return copied


@pytest.mark.parametrize(
    ("wire", "kind", "told"),
    [
        (changed(LOG, "data.essentials.monitorCondition", "Resolved"), Ignored, "Resolved"),
        (
            changed(METRIC, "data.alertContext.condition.allOf.0.dimensions", dimensions(Health__Status="Healthy")),
            Ignored,
            "Healthy",
        ),
        (changed(RECORD, "properties.status", "Completed"), Ignored, "Completed"),
        (changed(RECORD, "properties.operation", "Restore"), Ignored, "Restore"),
        (changed(RECORD, "properties.backupManagementType", "AzureStorage"), Ignored, "AzureStorage"),
        (changed(LOG, "data.alertContext.condition.allOf.0.dimensions", []), Unusable, "BackupItemUniqueId"),
        (
            changed(METRIC, "data.alertContext.condition.allOf.0.dimensions", dimensions(Health__Status="x")),
            Unusable,
            "Backup Instance ID",
        ),
        (changed(REFUSED, "data.resourceUri", VM), Unusable, "resourceUri"),
        (changed(RECORD, "id", f"{VM}/backupJobs/{JOB}"), Unusable, "not a Recovery Services vault"),
        (changed(RECORD, "id", f"{VAULT}/backupJobs/../x"), Unusable, ""),
    ],
)
def test_what_a_shape_leaves_alone(wire: dict[str, Any], kind: type, told: str) -> None:
    found = parse(json.dumps(wire))
    assert isinstance(found, kind), found
    assert told in found.reason
