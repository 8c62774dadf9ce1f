"""Microsoft.RecoveryServices: backup jobs.
https://learn.microsoft.com/rest/api/backup/backup-jobs"""

from __future__ import annotations

from local.simulator import clock, errors, filters, ids, jobs
from local.simulator.errors import ArmError
from local.simulator.handlers.resources import get_existing, page
from local.simulator.handlers.vaults import backup_retry_after, vault_id
from local.simulator.ids import fold
from local.simulator.operations import Failure
from local.simulator.state import Resource, properties, text, wire
from local.simulator.world import Answer, Call

FIELDS = ("status", "operation", "backupManagementType", "jobId")
TIMES = ("startTime", "endTime")


def list_jobs(call: Call) -> Answer:
    """Newest first, without extendedInfo. The filter's startTime and endTime bound the
    start of the job."""
    get_existing(call, vault_id(call))
    terms = filters.parse(call.query.get("$filter", ""), (*FIELDS, *TIMES))
    matching = [
        job for job in call.state.of_type(ids.BACKUP_JOB, vault_id(call)) if _matches(job, terms)
    ]
    matching.sort(key=lambda job: text(job, "startTime"), reverse=True)
    return page(call, (_without_extended_info(job) for job in matching))


def get_job(call: Call) -> Answer:
    return Answer(200, wire(get_existing(call, call.path)))


def cancel_job(call: Call) -> Answer:
    """202; the job is Cancelling, then Cancelled. Code and status for a job that has
    ended are assumed."""
    job = get_existing(call, _job_id(call))
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

    def finish(injected: Failure | None) -> Failure | None:
        if injected is None and (remaining := world.state.get(job["id"])):
            jobs.cancel(remaining, clock.now())
        return injected

    operation = world.operations.start(
        "job_cancel", job["id"], world.settings.lro_s["job_cancel"], finish, call.fault
    )
    return _accept(call, job, operation.id)


def get_cancel_result(call: Call) -> Answer:
    """202 while the cancellation runs, then 204."""
    operation = call.world.operations.find(call.names["operation"])
    if operation is None:
        raise errors.resource_not_found(call.path)
    if operation.running:
        return _accept(call, get_existing(call, _job_id(call)), operation.id)
    return Answer(204)


def _accept(call: Call, job: Resource, operation_id: str) -> Answer:
    url = f"{call.base_url}{job['id']}/operationResults/{operation_id}"
    headers = {"Location": f"{url}?api-version={call.api_version}"}
    return Answer(202, headers=headers | backup_retry_after(call))


def _job_id(call: Call) -> str:
    return f"{vault_id(call)}/backupJobs/{call.names['job']}"


def _matches(job: Resource, terms: dict[str, str]) -> bool:
    for name in FIELDS:
        value = ids.parse(job["id"]).name if name == "jobId" else text(job, name)
        if name in terms and fold(terms[name]) != fold(value):
            return False
    started = clock.parse(text(job, "startTime"))
    if "startTime" in terms and (
        started is None or started < filters.parse_time(terms["startTime"])
    ):
        return False
    return "endTime" not in terms or (
        started is not None and started <= filters.parse_time(terms["endTime"])
    )


def _without_extended_info(job: Resource) -> Resource:
    rendered = wire(job)
    rendered["properties"].pop("extendedInfo", None)
    return rendered
