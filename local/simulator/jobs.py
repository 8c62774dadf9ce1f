"""Backup jobs as resources: how they start, end, and belong to a VM.

https://learn.microsoft.com/rest/api/backup/job-details/get (JobResource,
AzureIaaSVMJob)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from local.simulator import clock, ids, messages
from local.simulator.ids import fold
from local.simulator.state import Resource, State, properties, text

VM_JOB = {
    "jobType": "AzureIaaSVMJob",
    "virtualMachineVersion": "Compute",
    "backupManagementType": "AzureIaasVM",
    "operation": "Backup",
}
SNAPSHOT, TRANSFER = "Take Snapshot", "Transfer data to vault"


def new_job(
    vault_id: str, job_id: str, machine_id: str, moment: datetime, user_triggered: bool = True
) -> Resource:
    """A backup job that is in progress since `moment`."""
    machine = ids.parse(machine_id)
    return {
        "id": f"{vault_id}/backupJobs/{job_id}",
        "name": job_id,
        "type": ids.BACKUP_JOB,
        "properties": {
            **VM_JOB,
            "entityFriendlyName": machine.name,
            "containerName": f"iaasvmcontainerv2;{machine.group};{machine.name}",
            "status": "InProgress",
            "startTime": clock.backup_time(moment),
            "duration": "PT0S",
            "actionsInfo": ["Cancellable"],
            "isUserTriggered": user_triggered,
            "activityId": job_id,
            "extendedInfo": {
                "tasksList": _tasks("InProgress", "NotStarted"),
                "propertyBag": {"VM Name": machine.name},
            },
        },
    }


def complete(job: Resource, moment: datetime) -> None:
    _end(job, "Completed", moment)
    properties(job)["extendedInfo"]["tasksList"] = _tasks("Completed", "Completed")


def cancel(job: Resource, moment: datetime) -> None:
    _end(job, "Cancelled", moment)


def fail(job: Resource, code: str, reason: str, moment: datetime) -> None:
    """End the job with an error. Its errorCode is 0 where Azure's number is not
    publicly known (see messages.py)."""
    _end(job, "Failed", moment)
    values = properties(job)
    values["extendedInfo"]["tasksList"] = _tasks("Failed", "NotStarted")
    values["extendedInfo"]["dynamicErrorMessage"] = f"{code}: {reason}"
    values["errorDetails"] = [
        {
            "errorCode": messages.NUMBERS.get(code, 0),
            "errorTitle": reason,
            "errorString": reason,
            "recommendations": [messages.recommendation(code)],
        }
    ]


def in_progress(state: State, machine_id: str) -> bool:
    """Whether any vault has a running job of this VM."""
    machine = ids.parse(machine_id)
    return any(
        fold(text(job, "status")) in ("inprogress", "cancelling") and _is_job_of(job, machine)
        for job in state.of_type(ids.BACKUP_JOB, f"/subscriptions/{machine.subscription}")
    )


def _is_job_of(job: Resource, machine: ids.ResourceId) -> bool:
    """By the job's container, or by the VM's name when the job has no container."""
    if container := text(job, "containerName"):
        return fold(container).endswith(fold(f";{machine.group};{machine.name}"))
    return fold(text(job, "entityFriendlyName")) == fold(machine.name)


def _end(job: Resource, status: str, moment: datetime) -> None:
    values = properties(job)
    values.setdefault("extendedInfo", {})
    started = clock.parse(text(job, "startTime")) or moment
    values["status"] = status
    values["endTime"] = clock.backup_time(moment)
    values["duration"] = clock.duration(moment - started)
    values["actionsInfo"] = []


def _tasks(snapshot: str, transfer: str) -> list[dict[str, Any]]:
    return [
        {"taskId": SNAPSHOT, "duration": "PT0S", "status": snapshot},
        {"taskId": TRANSFER, "duration": "PT0S", "status": transfer},
    ]
