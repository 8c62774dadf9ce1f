"""Does a job of the VM run? While one does, nothing is diagnosed or changed."""

from __future__ import annotations

import asyncio

from shared.arm_ids import fold, parse
from shared.azure.reader import ArmReader
from shared.facts import Absent, Job, Unreadable
from shared.incident.model import Incident


async def job_running(reader: ArmReader, incident: Incident) -> Job | Unreadable | None:
    """A job of this VM that runs in any vault of the subscription, of whatever kind;
    None when none runs.

    A VM can be restored from a vault that does not protect it. A job that names no VM
    counts as a job of this one.
    """
    vaults = await reader.vaults()
    if isinstance(vaults, Absent | Unreadable):
        return Unreadable("whether a job of the VM runs", vaults.why)
    ids = {fold(vault.id): vault.id for vault in vaults} | {
        fold(incident.vault_id): incident.vault_id
    }
    listed = await asyncio.gather(*(reader.running_jobs(vault_id) for vault_id in ids.values()))
    vm = parse(incident.vm_id)
    found: Job | Unreadable | None = None
    for jobs in listed:
        if isinstance(jobs, Absent | Unreadable):
            found = found or Unreadable("whether a job of the VM runs", jobs.why)
            continue
        for job in jobs:
            if job.is_of(vm.name, vm.resource_group) is not False:
                return job
    return found


def why_later(job: Job | Unreadable) -> str:
    """Why a change has to wait, from what `job_running` found."""
    if isinstance(job, Unreadable):
        return f"{job.what} is not known: {job.reason}"
    vault = job.id.rsplit("/", 3)[-3] if job.id.count("/") > 2 else "a vault"
    return f"the job {job.name} ({job.operation}) of the VM in {vault} is {job.status}"
