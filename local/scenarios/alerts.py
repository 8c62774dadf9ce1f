"""The action group's call for a failed backup, in the common alert schema.

The alert of a database has the form of a real one. No real alert of a VM item has been
published: the one here has the same fields, with the values that are documented for a
VM. https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-common-schema
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from local.scenarios import parts
from local.simulator import clock, ids, messages
from local.simulator.ids import fold

LAST_TICK = 3_155_378_975_999_999_999


def vm_alert(vm_id: str, code: str, job_id: str) -> dict[str, Any]:
    """The action group's call for a VM item: fields and values as documented, none of
    them captured."""
    name, tail = ids.parse(vm_id).name, parts.item_tail(vm_id)
    context = {
        "sourceId": vm_id,
        "sourceType": "VM",
        "extendedInfo": _extended_info(code, job_id),
        "affectedItems": vm_id,
        "sourceVersion": "Compute",
        "protectedItemId": parts.item_id(vm_id),
        "linkedResourceId": vm_id,
        "linkedResourceName": name,
        "formattedSourceType": "AzureVm",
        "firstLevelContainerId": tail,
    }
    return _alert(code, job_id, f"azureiaasvm{fold(code)}full", context)


def sql_alert(vm_id: str, code: str, job_id: str) -> dict[str, Any]:
    """The action group's call for a database in the VM, in the form of a real alert."""
    parsed = ids.parse(vm_id)
    database = "SQLDataBase;MSSQLSERVER;db_one"
    container = f"Compute;{parsed.group};{parsed.name}"
    source = f"{vm_id}/providers/Microsoft.RecoveryServices/backupProtectedItem/{database}"
    fabric = (
        f"{parts.vault_id()}/backupFabrics/Azure/protectionContainers/VMAppContainer;{container}"
    )
    context = {
        "sourceId": source,
        "sourceType": "SQLDataBase",
        "extendedInfo": _extended_info(code, job_id),
        "affectedItems": source,
        "sourceVersion": "VMAppContainer",
        "protectedItemId": f"{fabric}/protectedItems/{database}",
        "linkedResourceId": vm_id,
        "linkedResourceName": parsed.name,
        "formattedSourceType": "AzureVmSQL",
        "firstLevelContainerId": container,
    }
    return _alert(code, job_id, f"azureworkload{fold(code)}log", context)


def _extended_info(code: str, job_id: str) -> dict[str, Any]:
    advice = messages.recommendation(code)
    return {
        "jobId": job_id,
        "possibleCauses": None,
        "occurrenceCount": 1,
        "recommendedActions": advice,
    }


def _alert(code: str, job_id: str, tail: str, context: dict[str, Any]) -> dict[str, Any]:
    subscription = f"/subscriptions/{parts.SUBSCRIPTION}"
    alert = (
        f"{subscription}/providers/Microsoft.AlertsManagement/alerts/{parts.guid('alert', job_id)}"
    )
    digits = f"{uuid.UUID(job_id).int:039d}"
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {
                "region": parts.REGION,
                "alertId": alert,
                "severity": "Sev1",
                "alertRule": "Backup Failure",
                "signalType": "Log",
                "description": messages.message(code),
                "firedDateTime": clock.backup_time(parts.FAILED_AT + timedelta(minutes=4)),
                "originAlertId": f"{_reversed_ticks(parts.FAILED_AT)}_0_{digits}{tail}",
                "alertTargetIDs": [fold(parts.vault_id())],
                "monitorCondition": "Fired",
                "essentialsVersion": "1.0",
                "monitoringService": "Azure Backup",
                "configurationItems": [parts.VAULT],
                "targetResourceType": "microsoft.recoveryservices/vaults",
                "alertContextVersion": "1.0",
                "targetResourceGroup": parts.VAULT_GROUP,
            },
            "alertContext": {
                "category": "Jobs",
                **context,
                "alertVersionNumber": "V2020_10",
                "secondLevelContainerId": None,
            },
            "customProperties": None,
        },
    }


def _reversed_ticks(moment: datetime) -> int:
    """Azure's sort key: the ticks from the moment (whole milliseconds) to the end of
    .NET's time."""
    return LAST_TICK - clock.ticks(moment) // 10_000 * 10_000
