"""Microsoft.RecoveryServices: the on-demand backup.

POST …/backup answers 202; operationsStatus says Succeeded and names the job as soon as
the job has *started*; what became of the backup is told by the job.
https://learn.microsoft.com/rest/api/backup/backups/trigger
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from local.simulator import clock, errors, jobs, messages, physics
from local.simulator.handlers.resources import found
from local.simulator.handlers.vaults import item_id, vault_id
from local.simulator.headers import signed_query
from local.simulator.ids import fold
from local.simulator.operations import Failure, Finish, Operation
from local.simulator.recovery_points import machine_of
from local.simulator.state import Resource, properties, text
from local.simulator.world import Answer, Call, World

NO_TROUBLE = {
    "code": 400239,
    "title": "IaasVmHealthGreenDefault",
    "message": "Backup pre-check status of this virtual machine is OK.",
    "recommendations": [],
}
"""What healthDetails says of an item without trouble; code and words from memory."""


def trigger(call: Call) -> Answer:
    """Begin a job. 404 for an unknown item, UserErrorBackupOperationInProgress while
    the VM has a job under way."""
    item = found(call, item_id(call))
    machine_id = machine_of(item)
    if not machine_id:
        raise errors.not_played("POST", call.path)
    if jobs.in_progress(call.state, machine_id):
        raise errors.backup_in_progress()
    world, job_id, started = call.world, call.world.new_id(), clock.now()
    vault = found(call, vault_id(call))
    job = jobs.begun(vault["id"], job_id, machine_id, started)
    call.state.put(job)
    seconds = world.settings.lro_s["backup"]
    ended = started + timedelta(seconds=seconds)
    finish = _end_of(world, job["id"], item["id"], machine_id, ended)
    world.operations.start("backup", job["id"], seconds, finish, call.fault)
    start = world.operations.start(
        "backup_start", item["id"], world.settings.lro_s["backup_start"], _nothing, job_id=job_id
    )
    return _accepted(call, item, start)


def get_operation_status(call: Call) -> Answer:
    return Answer(200, status_of(_operation(call)))


def status_of(operation: Operation) -> dict[str, Any]:
    """OperationStatus, which names the job once it has started."""
    body: dict[str, Any] = {"id": operation.id, "name": operation.id, "status": operation.status}
    body["startTime"] = clock.backup_time(operation.started)
    if operation.ended:
        body["endTime"] = clock.backup_time(operation.ended)
        body["properties"] = {
            "objectType": "OperationStatusJobExtendedInfo",
            "jobId": operation.job_id,
        }
    return body


def get_operation_result(call: Call) -> Answer:
    """202 with a fresh Location until the job has started, then 204."""
    operation = _operation(call)
    if operation.running:
        return _accepted(call, found(call, item_id(call)), operation)
    return Answer(204)


def _operation(call: Call) -> Operation:
    operation = call.world.operations.find(call.names["operation"])
    if operation is None or operation.kind != "backup_start":
        raise errors.resource_not_found(call.path)
    return operation


def _accepted(call: Call, item: Resource, operation: Operation) -> Answer:
    address = f"{call.base_url}{item['id']}"
    query = signed_query(call.world, call.api_version)
    headers = {
        "Azure-AsyncOperation": f"{address}/operationsStatus/{operation.id}?{query}",
        "Location": f"{address}/operationResults/{operation.id}?{query}",
    }
    if (retry := call.world.settings.backup_retry_after_s) is not None:
        headers["Retry-After"] = str(retry)
    return Answer(202, headers=headers)


def _nothing(forced: Failure | None) -> Failure | None:
    return forced


def _end_of(world: World, job_id: str, item_id: str, machine_id: str, ended: datetime) -> Finish:
    """The outcome is decided by the state at the end, not by the state at the start."""

    def finish(forced: Failure | None) -> Failure | None:
        code = forced.code if forced else physics.backup_failure(world, machine_id, item_id)
        job, item = world.state.get(job_id), world.state.get(item_id)
        if job and code:
            jobs.fail(job, code, forced.message if forced else messages.message(code), ended)
        elif job:
            physics.complete_backup(world, machine_id, item_id, ended)
            jobs.complete(job, ended)
        if item:
            _note(item, "Failed" if code else "Completed", ended)
        return forced

    return finish


def _note(item: Resource, status: str, ended: datetime) -> None:
    """Every field of the item that says how its last backup went agrees with the job.

    https://learn.microsoft.com/rest/api/backup/protected-items/get#azureiaasvmprotecteditem
    """
    held, completed = properties(item), status == "Completed"
    held.update(lastBackupStatus=status, lastBackupTime=clock.backup_time(ended))
    held["healthStatus"] = "Passed" if completed else "ActionRequired"
    held["protectionStatus"] = "Healthy" if completed else "Unhealthy"
    if not completed:
        return
    held["lastRecoveryPoint"] = clock.backup_time(ended)
    if fold(text(item, "protectionState")) in ("irpending", "protectionerror"):
        held["protectionState"] = "Protected"
    if held.get("healthDetails"):
        held["healthDetails"] = [dict(NO_TROUBLE)]
    for each in (held.get("kpisHealths") or {}).values():
        each.update(resourceHealthStatus="Healthy", resourceHealthDetails=[])
