"""Microsoft.RecoveryServices: the on-demand backup.

POST …/backup answers 202. operationsStatus is Succeeded and names the job as soon as
the job has *started*; the job has the result of the backup.
https://learn.microsoft.com/rest/api/backup/backups/trigger
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from local.simulator import clock, errors, jobs, machines, messages, physics
from local.simulator.handlers.resources import get_existing
from local.simulator.handlers.vaults import backup_retry_after, item_id, vault_id
from local.simulator.headers import signed_query
from local.simulator.ids import fold
from local.simulator.operations import Failure, Finish, Operation
from local.simulator.recovery_points import machine_of
from local.simulator.state import Resource, properties, text
from local.simulator.world import Answer, Call, World

HEALTHY = {
    "code": 400239,
    "title": "IaasVmHealthGreenDefault",
    "message": "Backup pre-check status of this virtual machine is OK.",
    "recommendations": [],
}
"""healthDetails of an item without trouble; code and message are from memory."""


def trigger(call: Call) -> Answer:
    """Start a job: 202; 404 for an unknown item, UserErrorBackupOperationInProgress
    while the VM has a running job."""
    item = get_existing(call, item_id(call))
    machine_id = machine_of(item)
    if not machine_id:
        raise errors.not_supported("POST", call.path)
    if jobs.in_progress(call.state, machine_id):
        raise errors.backup_in_progress()
    world, job_id, started = call.world, call.world.new_id(), clock.now()
    vault = get_existing(call, vault_id(call))
    job = jobs.new_job(vault["id"], job_id, machine_id, started)
    call.state.put(job)
    seconds = world.settings.lro_s["backup"]
    ended = started + timedelta(seconds=seconds)
    finish = _finish_backup(world, job["id"], item["id"], machine_id, ended)
    world.operations.start("backup", job["id"], seconds, finish, call.fault)
    start_seconds = world.settings.lro_s["backup_start"]
    start = world.operations.start(
        "backup_start", item["id"], start_seconds, _succeed, job_id=job_id
    )
    return _accept(call, item, start)


def get_operation_status(call: Call) -> Answer:
    return Answer(200, render_status(_find_operation(call)))


def render_status(operation: Operation) -> dict[str, Any]:
    """OperationStatus; it names the job once that has started."""
    body: dict[str, Any] = {
        "id": operation.id,
        "name": operation.id,
        "status": operation.status,
        "startTime": clock.backup_time(operation.started),
    }
    if operation.ended:
        body["endTime"] = clock.backup_time(operation.ended)
        body["properties"] = {
            "objectType": "OperationStatusJobExtendedInfo",
            "jobId": operation.job_id,
        }
    return body


def get_operation_result(call: Call) -> Answer:
    """202 with a fresh Location until the job has started, then 204."""
    operation = _find_operation(call)
    if operation.running:
        return _accept(call, get_existing(call, item_id(call)), operation)
    return Answer(204)


def _find_operation(call: Call) -> Operation:
    operation = call.world.operations.find(call.names["operation"])
    if operation is None or operation.kind != "backup_start":
        raise errors.resource_not_found(call.path)
    return operation


def _accept(call: Call, item: Resource, operation: Operation) -> Answer:
    url = f"{call.base_url}{item['id']}"
    query = signed_query(call.world, call.api_version)
    headers = {
        "Azure-AsyncOperation": f"{url}/operationsStatus/{operation.id}?{query}",
        "Location": f"{url}/operationResults/{operation.id}?{query}",
    }
    return Answer(202, headers=headers | backup_retry_after(call))


def _succeed(injected: Failure | None) -> Failure | None:
    return injected


def _finish_backup(
    world: World, job_id: str, item_id: str, machine_id: str, ended: datetime
) -> Finish:
    """The state at the end decides the outcome, not the state at the start."""

    def finish(injected: Failure | None) -> Failure | None:
        code = injected.code if injected else physics.backup_failure(world, machine_id, item_id)
        job, item = world.state.get(job_id), world.state.get(item_id)
        if job and code:
            jobs.fail(job, code, injected.message if injected else messages.message(code), ended)
        elif job:
            physics.complete_backup(world, machine_id, item_id, ended)
            jobs.complete(job, ended)
        if item:
            _record_result(item, ended, completed=not code)
        if machine := world.state.get(machine_id):
            machines.report_agent(machine, ended)
        return injected

    return finish


def _record_result(item: Resource, ended: datetime, *, completed: bool) -> None:
    """Make every field of the item that describes its last backup agree with the job.

    https://learn.microsoft.com/rest/api/backup/protected-items/get#azureiaasvmprotecteditem
    """
    values, moment = properties(item), clock.backup_time(ended)
    values["lastBackupStatus"] = "Completed" if completed else "Failed"
    values["lastBackupTime"] = moment
    values["healthStatus"] = "Passed" if completed else "ActionRequired"
    values["protectionStatus"] = "Healthy" if completed else "Unhealthy"
    if not completed:
        return
    values["lastRecoveryPoint"] = moment
    if fold(text(item, "protectionState")) in ("irpending", "protectionerror"):
        values["protectionState"] = "Protected"
    if values.get("healthDetails"):
        values["healthDetails"] = [dict(HEALTHY)]
    for health in (values.get("kpisHealths") or {}).values():
        health.update(resourceHealthStatus="Healthy", resourceHealthDetails=[])
