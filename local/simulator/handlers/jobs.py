"""Microsoft.RecoveryServices: backup jobs.
https://learn.microsoft.com/rest/api/backup/backup-jobs"""

from __future__ import annotations

from local.simulator import clock, errors, filters, ids, jobs
from local.simulator.errors import ArmError
from local.simulator.handlers.resources import found, page
from local.simulator.handlers.vaults import vault_id
from local.simulator.ids import fold
from local.simulator.operations import Failure
from local.simulator.state import Resource, properties, text, wire
from local.simulator.world import Answer, Call

EQUAL = {
    "status": "status",
    "operation": "operation",
    "backupManagementType": "backupManagementType",
    "jobId": "",
}
"""Filter names that compare with a property; jobId with the name."""
TIMES = ("startTime", "endTime")


def list_jobs(call: Call) -> Answer:
    """Newest first, without extendedInfo; startTime and endTime of the filter bound the
    start of the job."""
    found(call, vault_id(call))
    terms = filters.parse(call.query.get("$filter", ""), (*EQUAL, *TIMES))
    listed = [
        job for job in call.state.of_type(ids.BACKUP_JOB, vault_id(call)) if _matches(job, terms)
    ]
    listed.sort(key=lambda job: text(job, "startTime"), reverse=True)
    return page(call, (_short(job) for job in listed))


def get_job(call: Call) -> Answer:
    return Answer(200, wire(found(call, call.path)))


def cancel_job(call: Call) -> Answer:
    """202; the job is Cancelling, then Cancelled. Code and status for a job that has
    ended are assumed."""
    job = found(call, _job_id(call))
    if fold(text(job, "status")) != "inprogress":
        raise ArmError(
            400,
            "UserErrorJobNotCancellable",
            f"The job is {text(job, 'status')} and cannot be cancelled.",
        )
    properties(job)["status"] = "Cancelling"
    world = call.world
    if running := world.operations.running("backup", job["id"]):
        world.operations.cancel(running)

    def finish(forced: Failure | None) -> Failure | None:
        if forced is None and (left := world.state.get(job["id"])):
            jobs.cancelled(left, clock.now())
        return forced

    operation = world.operations.start(
        "job_cancel", job["id"], world.settings.lro_s["job_cancel"], finish, call.fault
    )
    return _accepted(call, job, operation.id)


def get_cancel_result(call: Call) -> Answer:
    """202 until it is over, then 204."""
    operation = call.world.operations.find(call.names["operation"])
    if operation is None:
        raise errors.resource_not_found(call.path)
    return (
        _accepted(call, found(call, _job_id(call)), operation.id)
        if operation.running
        else Answer(204)
    )


def _accepted(call: Call, job: Resource, operation_id: str) -> Answer:
    address = (
        f"{call.base_url}{job['id']}/operationResults/{operation_id}?api-version={call.api_version}"
    )
    retry = call.world.settings.backup_retry_after_s
    return Answer(
        202, headers={"Location": address, **({} if retry is None else {"Retry-After": str(retry)})}
    )


def _job_id(call: Call) -> str:
    return f"{vault_id(call)}/backupJobs/{call.names['job']}"


def _matches(job: Resource, terms: dict[str, str]) -> bool:
    for name, field in EQUAL.items():
        value = text(job, field) if field else ids.parse(job["id"]).name
        if name in terms and fold(terms[name]) != fold(value):
            return False
    started = clock.parse(text(job, "startTime"))
    if "startTime" in terms and (started is None or started < filters.time(terms["startTime"])):
        return False
    return "endTime" not in terms or (
        started is not None and started <= filters.time(terms["endTime"])
    )


def _short(job: Resource) -> Resource:
    served = wire(job)
    served["properties"].pop("extendedInfo", None)
    return served
