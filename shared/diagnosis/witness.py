"""Did the backup fail as the event says? The job in the vault is the witness; the event
alone never leads to a change."""

from __future__ import annotations

from dataclasses import dataclass

from shared.arm_ids import fold, parse
from shared.events.error_codes import from_job, resolve
from shared.facts import Absent, Job, Unreadable
from shared.incident.model import Incident
from shared.incident.status import Status

MOST_TOLD = 2000
"""Characters of a job's message that are kept."""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The job confirms a failed backup of this VM."""

    error_code: str
    """"" when neither the job nor the event names one."""
    source: str
    conflicts: tuple[str, ...]
    failed_at: str
    message: str
    """What the job says of its failure, in the language that Azure chose; "" where it
    says nothing."""


@dataclass(frozen=True, slots=True)
class NotWitnessed:
    """Why nothing is diagnosed or changed for this incident, and where it goes."""

    status: Status
    reason: str


def witness(incident: Incident, job: Job | Absent | Unreadable) -> Witnessed | NotWitnessed:
    """What the job, as it was read from the vault, says of the incident's failure."""
    if isinstance(job, Absent):
        return NotWitnessed(
            Status.NEEDS_PERSON,
            f"{job.why} in the vault: nobody can say what failed",
        )
    if isinstance(job, Unreadable):
        return NotWitnessed(Status.NEEDS_PERSON, job.why)
    if fold(job.operation) != "backup":
        return NotWitnessed(
            Status.IGNORED, f"the job is a {job.operation or 'nameless operation'}, not a backup"
        )
    if problem := _of_another_vm(incident, job):
        return NotWitnessed(Status.NEEDS_PERSON, problem)
    if fold(job.status) != "failed":
        return NotWitnessed(
            Status.IGNORED, f"the job is {job.status or 'in no state'} in the vault, not Failed"
        )
    found = resolve(
        from_job(job.error_details, job.dynamic_error_message), incident.error_code_hints
    )
    return Witnessed(found.code, found.source, found.conflicts, job.start_time, _message_of(job))


def code_of(job: Job) -> str:
    """The error code that a failed job names by itself, or ""."""
    return resolve(from_job(job.error_details, job.dynamic_error_message), ()).code


def _message_of(job: Job) -> str:
    texts = (job.dynamic_error_message, *(each.get("errorString") for each in job.error_details))
    return next((text[:MOST_TOLD] for text in texts if isinstance(text, str) and text), "")


def _of_another_vm(incident: Incident, job: Job) -> str:
    vm = parse(incident.vm_id)
    ours = job.is_of(vm.name, vm.resource_group)
    if ours or (
        ours is None and job.entity_name
    ):  # the event names this very job; of the name alone nobody says another VM
        return ""
    named = job.container_name or job.entity_name or "nothing"
    return (
        f"the job names {named} and the event names {vm.name}: whose failure it is cannot be told"
    )
