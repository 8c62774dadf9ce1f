"""Orders the verifying backup, once, however often Azure refuses it for now or loses
the answer.

1. Look for a backup of the VM that runs, or has begun since the first attempt: it is
   the one to follow. Unreadable is no "none".
2. Write the intent, count the attempt with the incident, then send it: what dies in
   between has been counted.
3. A passing refusal, or no answer: come again after a growing pause, or what
   Retry-After says, and begin with 1. 30 minutes and 3 attempts at most, then a person;
   a lasting refusal goes to a person at once.
https://learn.microsoft.com/rest/api/backup/backups/trigger
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from shared import clock
from shared.arm_ids import fold, parse
from shared.azure.calls import PASSING_CONFLICTS
from shared.errors import AzureCallFailed, OperationFailed, Throttled, Unavailable
from shared.execution.change import change
from shared.execution.tools import Tools
from shared.facts import Absent, Job, Unreadable, why_unread
from shared.incident.model import Incident
from shared.plan.mode import ModeNotKnown, mode_now

KIND = "backup"
MOST_ATTEMPTS = 3
CLOCKS_DIFFER = timedelta(seconds=60)
"""A job's start is told by Azure's clock, an attempt's by ours."""
LOOKS = 20
"""How often the operation is asked for its job before the vault is."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no backup to follow now."""

    reason: str
    passing: bool
    unanswered: bool = False
    """It may have begun all the same: look once more before giving up."""
    retry_after_seconds: float = 0.0


async def ordered(tools: Tools, incident: Incident) -> str | Refusal:
    """Id of the job to follow."""
    begun = await _begun(tools, incident)
    if begun:
        return begun
    if incident.backup_attempts >= MOST_ATTEMPTS:
        return Refusal("no backup was seen to begin", passing=False)
    mode = await mode_now(tools.settings.mode, tools.reader, incident)
    if isinstance(mode, ModeNotKnown):
        return Refusal(mode.reason, passing=not mode.vm_gone)
    if mode.name != "auto":
        return Refusal(mode.because, passing=False)
    return await _sent(tools, incident)


async def _sent(tools: Tools, incident: Incident) -> str | Refusal:
    """One attempt. Where nobody knows whether it began, the vault is asked."""
    try:
        job_id = await _started(tools, incident)
        refusal = Refusal(
            "it was accepted, and its job is not to be seen yet", passing=True, unanswered=True
        )
    except AzureCallFailed as error:
        job_id, refusal = "", _refusal(error)
    if job_id or not refusal.passing:
        return job_id or refusal
    begun = await _begun(tools, _counted(incident))
    return begun if isinstance(begun, str) and begun else refusal


def _refusal(error: AzureCallFailed) -> Refusal:
    unanswered = error.may_have_happened
    passing = (
        unanswered or isinstance(error, Throttled | Unavailable) or error.code in PASSING_CONFLICTS
    )
    return Refusal(str(error), passing, unanswered, error.retry_after_seconds or 0.0)


async def _started(tools: Tools, incident: Incident) -> str:
    """The job's id, or "" when Azure Backup does not name one yet. Raises
    AzureCallFailed."""
    vault_id, container, item = incident.vault_id, incident.container_name, incident.item_name
    begun = []

    async def call() -> str:
        await tools.book.change(incident.id, _counted)
        answer = await tools.writer.start_backup(vault_id, container, item)
        begun.append(answer.value)
        return answer.correlation_id

    await change(tools.journal, incident, KIND, incident.item_id, call)
    try:
        for _ in range(LOOKS):
            if job_id := await tools.writer.find_started_job(vault_id, container, item, begun[0]):
                return job_id
            await asyncio.sleep(min(tools.settings.poll_seconds, tools.settings.job_poll_seconds))
    except OperationFailed:
        raise
    except AzureCallFailed:
        return ""  # it was accepted: the vault is asked for the job
    return ""


def _counted(incident: Incident) -> Incident:
    return replace(incident, backup_attempts=incident.backup_attempts + 1)


async def _begun(tools: Tools, incident: Incident) -> str | Refusal:
    """Id of a backup of this VM that runs, or that began since the first attempt; ""
    when there is none."""
    reads = [tools.reader.running_jobs(incident.vault_id)]
    if incident.backup_attempts:
        since = clock.as_time(incident.backup_since) - CLOCKS_DIFFER
        until = clock.as_time(clock.now()) + CLOCKS_DIFFER
        reads += [
            tools.reader.completed_backups(incident.vault_id, since, until),
            tools.reader.failed_backups(incident.vault_id, since, until),
        ]
    found: list[Job] = []
    for jobs in await asyncio.gather(*reads):
        if isinstance(jobs, Absent | Unreadable):
            return Refusal(
                why_unread("a backup of the VM runs already", jobs),
                passing=isinstance(jobs, Unreadable),
            )
        found += jobs
    return next((job.name for job in _ours(incident, found)), "")


def _ours(incident: Incident, jobs: Iterable[Job]) -> Iterable[Job]:
    """Backups of the VM, but for those that the incident has seen fail already."""
    vm = parse(incident.vm_id)
    seen = {
        fold(incident.job_id),
        fold(incident.verification.job_id) if incident.verification else "",
    }
    for job in jobs:
        if (
            fold(job.operation) == "backup"
            and job.is_of(vm.name, vm.resource_group)
            and fold(job.name) not in seen
        ):
            yield job
