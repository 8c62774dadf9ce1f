"""Orders the verifying backup, or the second try, once, however often Azure refuses it
for now or loses the answer.

1. Look for a backup of the VM that runs, or that began since the first attempt: it is
   the one to follow. What cannot be read is not "none".
2. Count the order among those of the VM on this UTC day.
3. Write the attempt on the incident, then the intent, then send it: an attempt whose
   process dies has been counted, and of two executions one sends it.
4. What was accepted is looked for, not ordered again; so is, for a while, what has no
   answer.
5. A passing refusal, or no answer: come again with backoff, or after what Retry-After
   says, and begin with 1. 30 minutes and 3 attempts at most, then a person; a lasting
   refusal goes to a person at once.
https://learn.microsoft.com/rest/api/backup/backups/trigger
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from shared import clock
from shared.arm_ids import fold, parse
from shared.azure.calls import PASSING_CONFLICTS
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter, Begun
from shared.diagnosis.running_job import CLOCKS_DIFFER
from shared.errors import AzureCallFailed, OperationFailed, Throttled, Unavailable
from shared.execution.change import Accepted, Change, NotSent, change
from shared.execution.fence import Fence
from shared.facts import Absent, Job, Unreadable, why_unread
from shared.incident.model import ORDER, Answer, Incident
from shared.plan.mode import ModeNotKnown, mode_now
from shared.plan.on_demand import OnDemandBackups
from shared.settings import Settings

LONGEST_WAIT_SECONDS = 1800.0
MOST_ATTEMPTS = 3
LONGEST_FIRST_PAUSE_SECONDS, GROWTH, MOST_GROWTH = 60.0, 5.0, 5.0
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


ACCEPTED = Refusal(
    "it was accepted, and its job is not to be seen yet", passing=True, unanswered=True
)


@dataclass(frozen=True, slots=True)
class Backups:
    fence: Fence
    reader: ArmReader
    writer: ArmWriter
    today: OnDemandBackups
    settings: Settings

    async def order(self, incident: Incident) -> str | Refusal:
        """Id of the job to follow. Raises StoreUnavailable."""
        running = await self._find_begun(incident, ordered=bool(incident.orders))
        if running:
            return running
        settled = await self.fence.settle(incident)
        if isinstance(settled, str):
            return Refusal(settled, passing=True, unanswered=True)
        if told := self._read_last(settled):
            return told
        if len(settled.orders) >= MOST_ATTEMPTS:
            return Refusal("no backup was seen to begin", passing=False)
        mode = await mode_now(self.settings.mode, self.reader, settled)
        if isinstance(mode, ModeNotKnown):
            return Refusal(mode.reason, passing=not mode.vm_gone)
        if mode.name != "auto":
            return Refusal(mode.because, passing=False)
        return await self._why_too_many(settled) or await self._attempt(settled)

    async def _why_too_many(self, incident: Incident) -> Refusal | None:
        """Counts the order; every attempt of it has the same name."""
        name = f"{incident.id}/{incident.backup_since}"
        if not (at := await self.today.count(incident.vm_id, name)):
            return None
        reason = f"the VM has had its {self.today.per_day} on-demand backups of this UTC day"
        seconds = clock.as_time(at) - clock.as_time(clock.now())
        return Refusal(reason, passing=True, retry_after_seconds=seconds.total_seconds())

    def _read_last(self, incident: Incident) -> str | Refusal | None:
        """What the last order came to; None where another one may be sent."""
        last = incident.orders[-1] if incident.orders else None
        if last is None or last.answer is Answer.FAILED:
            return None
        if last.answer is Answer.DONE:
            return last.result
        if last.answer is Answer.ACCEPTED:
            return ACCEPTED
        if clock.now() < clock.after(last.at, self._quiet_seconds):
            reason = f"the order of {last.at} has no answer, and may still begin"
            return Refusal(reason, passing=True, unanswered=True)
        return None

    @property
    def _quiet_seconds(self) -> float:
        """How long an order without an answer keeps another one back: as long as it may
        take effect, at least."""
        return max(quiet_seconds(self.settings.job_poll_seconds), self.fence.late_seconds)

    async def _attempt(self, incident: Incident) -> str | Refusal:
        """One attempt. Where nobody knows whether it began, look in the vault."""
        try:
            job_id, refusal = await self._send(incident), ACCEPTED
        except NotSent as unsent:
            return Refusal(unsent.outcome.detail, passing=True, unanswered=True)
        except AzureCallFailed as error:
            job_id, refusal = "", _refusal(error)
            if refusal.unanswered:
                pause = max(refusal.retry_after_seconds, self._quiet_seconds)
                refusal = replace(refusal, retry_after_seconds=pause)
        if job_id or not refusal.passing:
            return job_id or refusal
        begun = await self._find_begun(incident, ordered=True)
        return begun if isinstance(begun, str) and begun else refusal

    async def _send(self, incident: Incident) -> str:
        """The job's id, or "" when Azure Backup does not name one yet. Raises NotSent,
        AzureCallFailed."""
        where = (incident.vault_id, incident.container_name, incident.item_name)
        begun = []

        async def send(_: Accepted) -> str:
            answer = await self.writer.start_backup(*where)
            begun.append(answer.value)
            return answer.correlation_id

        order = Change(
            ORDER, incident.item_id, send, ends=Answer.ACCEPTED, unanswered=Answer.UNKNOWN
        )
        leave = await change(self.fence, incident, order)
        try:
            job_id = await self._find_job(where, begun[0])
        except OperationFailed:
            await self.fence.answer(incident.id, leave.sent, Answer.FAILED)
            raise
        if job_id:
            await self.fence.answer(incident.id, leave.sent, Answer.DONE, job_id)
        return job_id

    async def _find_job(self, where: tuple[str, str, str], begun: Begun) -> str:
        """Raises OperationFailed."""
        pause = min(self.settings.poll_seconds, self.settings.job_poll_seconds)
        try:
            for _ in range(LOOKS):
                if job_id := await self.writer.find_started_job(*where, begun):
                    return job_id
                await asyncio.sleep(pause)
        except OperationFailed:
            raise
        except AzureCallFailed:
            return ""  # it was accepted: its job is looked for in the vault
        return ""

    async def _find_begun(self, incident: Incident, *, ordered: bool) -> str | Refusal:
        """Id of a backup of this VM that runs, or, once one was ordered, that began
        since then; "" when there is none."""
        vault_id = incident.vault_id
        reads = [self.reader.running_jobs(vault_id, cancelling=False)]
        if ordered:
            since = clock.as_time(incident.backup_since) - CLOCKS_DIFFER
            reads.append(self.reader.jobs_begun(vault_id, since))
        found: list[Job] = []
        for jobs in await asyncio.gather(*reads):
            if isinstance(jobs, Absent | Unreadable):
                reason = why_unread("a backup of the VM runs already", jobs)
                return Refusal(reason, passing=isinstance(jobs, Unreadable))
            found += jobs
        return next((job.name for job in _ours(incident, found)), "")


def quiet_seconds(job_poll_seconds: float) -> float:
    """How long the vault is searched, at least, for the job of an order without an
    answer: 120 where nothing is set."""
    return 2 * _first_pause(job_poll_seconds)


def _first_pause(job_poll_seconds: float) -> float:
    return min(LONGEST_FIRST_PAUSE_SECONDS, job_poll_seconds)


def _refusal(error: AzureCallFailed) -> Refusal:
    unanswered = error.may_have_happened
    passing = (
        unanswered or isinstance(error, Throttled | Unavailable) or error.code in PASSING_CONFLICTS
    )
    return Refusal(str(error), passing, unanswered, error.retry_after_seconds or 0.0)


def _ours(incident: Incident, jobs: Iterable[Job]) -> Iterable[Job]:
    """Backups of the VM, but for those that the incident has seen fail already."""
    vm = parse(incident.vm_id)
    seen = {fold(each.job_id) for each in incident.all_later_failures} | {
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
    `job_poll_seconds`, a minute at most; after no answer `quiet_seconds` at least."""
    attempts = len(incident.orders)
    if not refusal.passing:
        return refusal.reason
    if attempts >= MOST_ATTEMPTS and not refusal.unanswered:
        return f"refused at each of {attempts} attempts: {refusal.reason}"
    growth = min(MOST_GROWTH, GROWTH ** max(0, attempts - 1))
    pause = max(refusal.retry_after_seconds, _first_pause(job_poll_seconds) * growth)
    if refusal.unanswered:
        pause = max(pause, quiet_seconds(job_poll_seconds))
    if clock.after(clock.now(), pause) > clock.after(incident.backup_since, LONGEST_WAIT_SECONDS):
        return (
            f"not to be had within {LONGEST_WAIT_SECONDS / 60:g} minutes, at {attempts} attempts:"
            f" {refusal.reason}"
        )
    return pause
