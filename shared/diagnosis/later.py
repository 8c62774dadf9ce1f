"""The VM's backups after the one that failed: did it heal by itself, or fail again?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared import clock
from shared.arm_ids import fold, parse
from shared.azure.reader import ArmReader
from shared.diagnosis.witness import code_of
from shared.facts import Absent, Job, Unreadable
from shared.incident.book import IncidentBook
from shared.incident.model import Incident, LaterFailure

BEFORE = timedelta(days=1)
"""How long before the failed job a job may have begun that is being cancelled now: a
restore may take hours."""
CANCELLED = ("cancelled", "cancelling")


@dataclass(frozen=True, slots=True)
class Healed:
    """A later backup of the VM completed, without a change of ours."""

    job: Job

    @property
    def reason(self) -> str:
        return (
            f"it healed by itself: the later backup {self.job.name} of the VM, begun at"
            f" {self.job.start_time}, is {self.job.status}"
        )


async def look(
    reader: ArmReader, incident: Incident, failed_at: str
) -> Healed | LaterFailure | Unreadable | None:
    """The newest backup of the VM, in its vault, that began after `failed_at` and
    completed or failed; None when there is none.

    Only the newest counts: a backup that failed after one that completed is a failure.
    """
    later = await _list_later(reader, incident, failed_at)
    if isinstance(later, Unreadable):
        return later
    vm = parse(incident.vm_id)
    ours = (job for job in later if job.is_of(vm.name, vm.resource_group))
    newest = _newest(job for job in ours if job.completed or fold(job.status) == "failed")
    if newest is None:
        return None
    return Healed(newest) if newest.completed else await _failure(reader, incident, newest)


async def find_cancelled(
    reader: ArmReader, incident: Incident, failed_at: str
) -> Job | Unreadable | None:
    """The newest backup of the VM that began after `failed_at` and that a person
    cancelled, or is cancelling; None when there is none."""
    later = await _list_later(reader, incident, failed_at)
    if isinstance(later, Unreadable):
        return later
    return _newest(job for job in later if fold(job.status) in CANCELLED)


def begun_since(failed_at: str) -> datetime:
    """Since when the list of jobs is read for a failure that began then: one time, so
    that one list tells whoever asks."""
    return clock.as_time(failed_at) - BEFORE


async def _list_later(
    reader: ArmReader, incident: Incident, failed_at: str
) -> list[Job] | Unreadable:
    """The backups of the VM that began after `failed_at`, but for those that the
    incident knows. One of which it is not certain that it is of this VM is among them.
    """
    if not clock.normal(failed_at):
        return Unreadable(
            "later backups of the VM", f"the failed job began at {failed_at!r}, which is no time"
        )
    jobs = await reader.jobs_begun(incident.vault_id, begun_since(failed_at))
    if isinstance(jobs, Absent):
        return Unreadable(jobs.what, "the vault does not exist")
    if isinstance(jobs, Unreadable):
        return jobs
    vm = parse(incident.vm_id)
    known = {fold(incident.job_id), *(fold(each.job_id) for each in incident.later_failures)}
    known |= {fold(incident.verification.job_id)} if incident.verification else set()
    return [
        job
        for job in jobs
        if clock.normal(job.start_time) > clock.normal(failed_at)
        and fold(job.operation) == "backup"
        and fold(job.name) not in known
        and job.is_of(vm.name, vm.resource_group) is not False
    ]


def _newest(jobs: Iterable[Job]) -> Job | None:
    return max(jobs, key=lambda job: clock.normal(job.start_time), default=None)


async def _failure(reader: ArmReader, incident: Incident, listed: Job) -> LaterFailure | Unreadable:
    """The list has no extendedInfo, so the job itself is read for its code."""
    job = await reader.job(incident.vault_id, listed.name)
    if isinstance(job, Absent):
        return Unreadable(job.what, "it is in the list of jobs and does not exist")
    if isinstance(job, Unreadable):
        return job
    return LaterFailure(job.name, code_of(job), clock.normal(job.start_time))


async def take_up(book: IncidentBook, incident: Incident, failure: LaterFailure) -> Incident | None:
    """The incident with this failure as its newest, claimed for it, so that the
    failure's own event opens no other incident. None: another incident works on it.
    Raises StoreUnavailable."""
    claim = await book.claim_job(incident.vault_id, failure.job_id, incident.id)
    if claim.incident_id != incident.id:
        other = await book.get(claim.incident_id)
        if other is None or other.part_of != incident.id:
            return None
    return await book.change(incident.id, lambda each: _add(each, failure))


def _add(incident: Incident, failure: LaterFailure) -> Incident:
    if any(fold(each.job_id) == fold(failure.job_id) for each in incident.later_failures):
        return incident
    return replace(incident, later_failures=(*incident.later_failures, failure), retry_at="")
