"""Does a job of the VM run? While one does, nothing is diagnosed or changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

from shared import clock
from shared.arm_ids import fold, parse, same
from shared.azure.reader import ArmReader
from shared.diagnosis.gathered import is_just_diagnosed
from shared.facts import Absent, Job, Unreadable
from shared.incident.model import Incident
from shared.incident.status import Status

CLOCKS_DIFFER = timedelta(seconds=60)
"""A job's start is by Azure's clock, a diagnosis or an order by ours."""


async def job_running(reader: ArmReader, incident: Incident) -> Job | Unreadable | None:
    """A job of this VM that runs in any vault of the subscription, of whatever kind;
    None when none runs.

    A VM can be restored from a vault that does not protect it. A job that names no VM
    counts as a job of this one. Where the diagnosis has only just seen that none runs,
    the jobs that began since tell it, and one that has ended by now counts as well: the
    failure may have healed.
    """
    seen = incident.facts
    fixing = incident.status is Status.FIXING  # after a wait the diagnosis is no longer news
    if seen is not None and fixing and is_just_diagnosed(incident):
        since = clock.as_time(seen.jobs_at) - CLOCKS_DIFFER
        listed = await asyncio.gather(*(reader.jobs_begun(each, since) for each in seen.vaults))
        return _find(listed, incident, seen.jobs_at)
    vaults = await find_vaults(reader, incident)
    if isinstance(vaults, Unreadable):
        return vaults
    return _find(await asyncio.gather(*map(reader.running_jobs, vaults)), incident)


async def job_running_since(
    reader: ArmReader, incident: Incident, since: datetime
) -> Job | Unreadable | None:
    """As `job_running`; of the incident's own vault, one that is being cancelled only
    where it began since then."""
    vaults = await find_vaults(reader, incident)
    if isinstance(vaults, Unreadable):
        return vaults
    listed = await asyncio.gather(
        reader.jobs_begun(incident.vault_id, since),
        *(
            reader.running_jobs(each, cancelling=not same(each, incident.vault_id))
            for each in vaults
        ),
    )
    return _find(listed, incident)


async def find_vaults(reader: ArmReader, incident: Incident) -> tuple[str, ...] | Unreadable:
    """The ids of all vaults, the incident's own among them."""
    vaults = await reader.vaults()
    if isinstance(vaults, Absent | Unreadable):
        return Unreadable("whether a job of the VM runs", vaults.why)
    known = {fold(vault.id): vault.id for vault in vaults}
    return tuple((known | {fold(incident.vault_id): incident.vault_id}).values())


def _find(
    listed: Iterable[tuple[Job, ...] | Absent | Unreadable], incident: Incident, new_since: str = ""
) -> Job | Unreadable | None:
    """The first job of the VM that runs; with `new_since` also one that has ended and
    began after that moment."""
    vm = parse(incident.vm_id)
    found: Job | Unreadable | None = None
    for jobs in listed:
        if isinstance(jobs, Absent | Unreadable):
            found = found or Unreadable("whether a job of the VM runs", jobs.why)
            continue
        for job in jobs:
            new = new_since and clock.normal(job.start_time) > new_since
            if (new or not job.ended) and job.is_of(vm.name, vm.resource_group) is not False:
                return job
    return found


def why_later(job: Job | Unreadable) -> str:
    """Why a change has to wait, from what `job_running` found."""
    if isinstance(job, Unreadable):
        return f"{job.what} is not known: {job.reason}"
    vault = job.id.rsplit("/", 3)[-3] if job.id.count("/") > 2 else "a vault"
    return f"the job {job.name} ({job.operation}) of the VM in {vault} is {job.status}"
