"""Orders the verifying backup, once, however often Azure refuses it for now or loses
the answer.

1. Look for a backup of the VM that runs, or that began since the first attempt: it is
   the one to follow. What cannot be read is not "none".
2. Write the intent, count the attempt with the incident, then send it: an attempt whose
   process dies has been counted.
3. A passing refusal, or no answer: come again with backoff, or after what Retry-After
   says, and begin with 1. 30 minutes and 3 attempts at most, then a person; a lasting
   refusal goes to a person at once.
https://learn.microsoft.com/rest/api/backup/backups/trigger
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from shared import clock
from shared.arm_ids import fold, parse
from shared.audit.journal import Journal
from shared.azure.calls import PASSING_CONFLICTS
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter
from shared.errors import AzureCallFailed, OperationFailed, Throttled, Unavailable
from shared.execution.change import change
from shared.facts import Absent, Job, Unreadable, why_unread
from shared.incident.book import IncidentBook
from shared.incident.model import Incident
from shared.plan.mode import ModeNotKnown, mode_now
from shared.settings import Settings

KIND = "backup"
LONGEST_WAIT_SECONDS = 1800.0
MOST_ATTEMPTS = 3
LONGEST_FIRST_PAUSE_SECONDS, GROWTH, MOST_GROWTH = 60.0, 5.0, 5.0
CLOCKS_DIFFER = timedelta(seconds=60)
"""A job's start is by Azure's clock, an attempt's by ours."""
LOOKS = 20
"""Polls of the operation for its job, before the vault is searched for it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no backup to follow now."""

    reason: str
    passing: bool
    unanswered: bool = False
    """It may have begun all the same: look once more before giving up."""
    retry_after_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Backups:
    book: IncidentBook
    journal: Journal
    reader: ArmReader
    writer: ArmWriter
    settings: Settings

    async def order(self, incident: Incident) -> str | Refusal:
        """Id of the job to follow. Raises StoreUnavailable."""
        running = await self._find_begun(incident)
        if running:
            return running
        if incident.backup_attempts >= MOST_ATTEMPTS:
            return Refusal("no backup was seen to begin", passing=False)
        mode = await mode_now(self.settings.mode, self.reader, incident)
        if isinstance(mode, ModeNotKnown):
            return Refusal(mode.reason, passing=not mode.vm_gone)
        if mode.name != "auto":
            return Refusal(mode.because, passing=False)
        return await self._attempt(incident)

    async def _attempt(self, incident: Incident) -> str | Refusal:
        """One attempt. Where nobody knows whether it began, look in the vault."""
        try:
            job_id = await self._send(incident)
            refusal = Refusal(
                "it was accepted, and its job is not to be seen yet", passing=True, unanswered=True
            )
        except AzureCallFailed as error:
            job_id, refusal = "", _refusal(error)
        if job_id or not refusal.passing:
            return job_id or refusal
        begun = await self._find_begun(_count_attempt(incident))
        return begun if isinstance(begun, str) and begun else refusal

    async def _send(self, incident: Incident) -> str:
        """The job's id, or "" when Azure Backup does not name one yet. Raises
        AzureCallFailed."""
        where = (incident.vault_id, incident.container_name, incident.item_name)
        begun = []

        async def call() -> str:
            # Counted before it is sent: an attempt is never made a fourth time unseen.
            await self.book.change(incident.id, _count_attempt)
            answer = await self.writer.start_backup(*where)
            begun.append(answer.value)
            return answer.correlation_id

        await change(self.journal, incident, KIND, incident.item_id, call)
        pause = min(self.settings.poll_seconds, self.settings.job_poll_seconds)
        try:
            for _ in range(LOOKS):
                if job_id := await self.writer.find_started_job(*where, begun[0]):
                    return job_id
                await asyncio.sleep(pause)
        except OperationFailed:
            raise
        except AzureCallFailed:
            return ""  # it was accepted: its job is looked for in the vault
        return ""

    async def _find_begun(self, incident: Incident) -> str | Refusal:
        """Id of a backup of this VM that runs, or that began since the first attempt;
        "" when there is none."""
        vault_id = incident.vault_id
        reads = [self.reader.running_jobs(vault_id)]
        if incident.backup_attempts:
            since = clock.as_time(incident.backup_since) - CLOCKS_DIFFER
            until = clock.as_time(clock.now()) + CLOCKS_DIFFER
            reads += [
                self.reader.completed_backups(vault_id, since, until),
                self.reader.failed_backups(vault_id, since, until),
            ]
        found: list[Job] = []
        for jobs in await asyncio.gather(*reads):
            if isinstance(jobs, Absent | Unreadable):
                reason = why_unread("a backup of the VM runs already", jobs)
                return Refusal(reason, passing=isinstance(jobs, Unreadable))
            found += jobs
        return next((job.name for job in _ours(incident, found)), "")


def _refusal(error: AzureCallFailed) -> Refusal:
    unanswered = error.may_have_happened
    passing = (
        unanswered or isinstance(error, Throttled | Unavailable) or error.code in PASSING_CONFLICTS
    )
    return Refusal(str(error), passing, unanswered, error.retry_after_seconds or 0.0)


def _count_attempt(incident: Incident) -> Incident:
    return replace(incident, backup_attempts=incident.backup_attempts + 1)


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


def pause_seconds(incident: Incident, refusal: Refusal, job_poll_seconds: float) -> float | str:
    """Seconds until the next attempt, or why there is none. The first pause is
    `job_poll_seconds`, a minute at most."""
    attempts = incident.backup_attempts
    if not refusal.passing:
        return refusal.reason
    if attempts >= MOST_ATTEMPTS and not refusal.unanswered:
        return f"refused at each of {attempts} attempts: {refusal.reason}"
    first = min(LONGEST_FIRST_PAUSE_SECONDS, job_poll_seconds)
    pause = max(
        refusal.retry_after_seconds, first * min(MOST_GROWTH, GROWTH ** max(0, attempts - 1))
    )
    if clock.after(clock.now(), pause) > clock.after(incident.backup_since, LONGEST_WAIT_SECONDS):
        return (
            f"not to be had within {LONGEST_WAIT_SECONDS / 60:g} minutes, at {attempts} attempts:"
            f" {refusal.reason}"
        )
    return pause
