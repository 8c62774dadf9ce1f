"""Looks for failed backups that no event reported: some never raise an alert, and
alerts get lost.

1. Ask the Log Analytics workspace where one is set; where none is, or where its answer
   is incomplete, ask the vaults' own job lists.
2. Open incidents for the failures that are not known, the newest first.
3. Move the watermark: everything before it was seen. It never moves past what was not
   seen, nor past what was left for the next run.

Which failures raise no alert:
https://learn.microsoft.com/azure/backup/backup-azure-monitoring-built-in-monitor
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from shared import clock
from shared.arm_ids import fold, parse
from shared.azure.log_rows import LogAnswer, LoggedJob, ReadOutcome
from shared.azure.logs import FailedBackupLog
from shared.azure.reader import ArmReader
from shared.codec import dumps
from shared.counts import count_of
from shared.errors import NotUsable
from shared.events import error_codes
from shared.events.failure import failure_of_item
from shared.events.model import CodeHint, FailureEvent
from shared.events.vm_items import Item, item_of_names
from shared.facts import Absent, Job, Unreadable
from shared.intake.take import Intake
from shared.intake.watermark import Watermark

FIRST_LOOK = timedelta(hours=24)
"""How far back the first sweep looks."""
LATE_ROWS = timedelta(hours=2)
"""Rows reach the log late (20 to 30 minutes, by the documents): that much is read again
each time."""
LONGEST_JOB = timedelta(hours=24)
"""The job list is filtered by the time at which jobs began; a job that failed now may
have begun that long ago."""
FROM_LOG, FROM_VAULT = "sweep of the log", "sweep of the vault's jobs"

type Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found. `complete_until`: everything before it was seen; `since` when
    nothing is certain."""

    since: str
    until: str
    complete_until: str
    found: int = 0
    known: int = 0
    opened: tuple[str, ...] = ()
    """Ids of incidents that have to be worked on."""
    set_aside: int = 0
    """Failures after which the VM was backed up, and earlier ones of a VM that has an
    incident at work."""
    waiting: int = 0
    """Left for the next run, so that a long absence makes no storm."""
    problems: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line, for the app's log."""
        counts = (
            f"{count_of(self.found, 'failed backup')} since {self.since[:19]}Z: {self.known} known,"
            f" {len(self.opened)} opened, {self.set_aside} set aside"
        )
        waiting = f", {self.waiting} left for the next run" if self.waiting else ""
        problems = f"; NOT SEEN WHOLE: {'; '.join(self.problems)}" if self.problems else ""
        return counts + waiting + problems


@dataclass(slots=True)
class _Seen:
    """What the sources have reported so far."""

    complete_until: datetime
    events: dict[tuple[str, str], FailureEvent] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, event: FailureEvent) -> None:
        self.events.setdefault((fold(event.vault_id), fold(event.job_id)), event)


@dataclass(frozen=True, slots=True)
class Sweep:
    reader: ArmReader
    log: FailedBackupLog
    intake: Intake
    watermark: Watermark
    own_subscription: Callable[[], Awaitable[str]]
    has_log: bool
    most: int
    """Incidents that one run opens at most."""

    async def run(
        self, since: datetime | None = None, *, dry: bool = False, say: Say = lambda _: None
    ) -> Swept:
        """Sweep from the watermark, or from `since`. `dry`: nothing is opened and the
        watermark stays.

        What Azure does not answer is a problem in the result. Raises StoreUnavailable,
        or whatever ARM raises where the subscription is not known.
        """
        now = datetime.now(UTC)
        mark = await self.watermark.read()
        begin = since or mark or now - FIRST_LOOK
        seen = await self._ask(begin, now, say)
        swept = Swept(
            clock.as_text(begin),
            clock.as_text(now),
            clock.as_text(seen.complete_until),
            problems=tuple(seen.problems),
        )
        swept = await self._open(seen, swept, dry=dry, say=say)
        if not dry:
            reached = begin if swept.waiting else seen.complete_until
            contiguous = mark is None or begin <= mark
            await self.watermark.move(
                reached if contiguous else None, swept.summary, len(swept.problems)
            )
        return swept

    async def _ask(self, begin: datetime, now: datetime, say: Say) -> _Seen:
        seen = _Seen(begin)
        if self.has_log:
            say("asking the Log Analytics workspace …")
            answer = await self.log.failures(begin - LATE_ROWS, now)
            await self._read_log(answer, seen)
            seen.complete_until = max(begin, answer.complete_until)
            if answer.outcome is ReadOutcome.COMPLETE:
                return seen
        if await self._read_vaults(begin - LONGEST_JOB, now, seen, say):
            seen.complete_until = now
        return seen

    async def _read_log(self, answer: LogAnswer, seen: _Seen) -> None:
        if answer.outcome is not ReadOutcome.COMPLETE:
            seen.problems.append(f"the log is {answer.outcome}: {answer.reason}")
        own = fold(await self.own_subscription())
        for failure in answer.failures:
            if f"/subscriptions/{own}/" in fold(failure.vault_id):
                seen.add(_event_of_row(failure))
        for skipped in answer.skipped:
            await self.intake.quarantine(
                dumps(skipped), f"a row of {skipped.table} of a failed backup: {skipped.reason}"
            )

    async def _read_vaults(self, since: datetime, until: datetime, seen: _Seen, say: Say) -> bool:
        """Whether every vault answered."""
        vaults = await self.reader.vaults()
        if isinstance(vaults, Absent | Unreadable):
            seen.problems.append(vaults.why)
            return False
        whole = True
        for number, vault in enumerate(vaults, 1):
            say(f"asking vault {number} of {len(vaults)}: {vault.name} …")
            jobs = await self.reader.failed_backups(vault.id, since, until)
            if isinstance(jobs, Absent | Unreadable):
                seen.problems.append(jobs.why)
                whole = False
                continue
            for job in jobs:
                await self._add_job(vault.id, job, seen)
        return whole

    async def _add_job(self, vault_id: str, job: Job, seen: _Seen) -> None:
        try:
            seen.add(_event_of_job(vault_id, job))
        except NotUsable as error:
            await self.intake.quarantine(
                dumps(job), f"the failed job {job.name} of {vault_id}: {error.reason}"
            )

    async def _open(self, seen: _Seen, swept: Swept, *, dry: bool, say: Say) -> Swept:
        """The newest failures first: of one VM the newest is worked on, and those
        before it are its history."""
        unknown = [each for each in seen.events.values() if not await self.intake.knows(each)]
        swept = replace(swept, found=len(seen.events), known=len(seen.events) - len(unknown))
        for event in sorted(unknown, key=lambda each: each.fired_at, reverse=True):
            if dry or len(swept.opened) >= self.most:
                swept = replace(swept, waiting=swept.waiting + 1)
                say(f"not opened: job {event.job_id} of {event.vm_id}")
                continue
            swept = await self._open_one(event, swept, say)
        return swept

    async def _open_one(self, event: FailureEvent, swept: Swept, say: Say) -> Swept:
        later = await self._backed_up_since(event)
        if isinstance(later, Unreadable | Absent):
            return replace(swept, waiting=swept.waiting + 1, problems=(*swept.problems, later.why))
        if later:
            await self.intake.pass_over(event, f"the VM was backed up since, by the job {later}")
            return replace(swept, set_aside=swept.set_aside + 1)
        taken = await self.intake.claim(event)
        say(f"{taken.what}: job {event.job_id} of {event.vm_id}")
        if taken.start:
            return replace(swept, opened=(*swept.opened, taken.start))
        return replace(swept, set_aside=swept.set_aside + 1)

    async def _backed_up_since(self, event: FailureEvent) -> str | Absent | Unreadable:
        """The job of a later backup of that VM that completed, or ""."""
        jobs = await self.reader.completed_backups(
            event.vault_id, clock.as_time(event.fired_at), datetime.now(UTC)
        )
        if isinstance(jobs, Absent | Unreadable):
            return jobs
        vm = parse(event.vm_id, "the VM's id")
        ours = (job for job in jobs if job.is_of(vm.name, vm.resource_group))
        return next((job.name for job in ours if clock.normal(job.start_time) > event.fired_at), "")


def _event_of_row(row: LoggedJob) -> FailureEvent:
    hints = (
        CodeHint(
            "JobFailureCode",
            error_codes.spell(row.error_code),
            row.error_code,
        ),
    )
    item = Item(row.vault_id, row.container_name, row.item_name)
    return _event(
        item, row.job_id, hints if row.error_code else (), clock.as_text(row.started_at), FROM_LOG
    )


def _event_of_job(vault_id: str, job: Job) -> FailureEvent:
    """Raises NotUsable for a job that names no VM."""
    item = item_of_names(vault_id, job.container_name, "containerName", "the vault's id")
    hint = error_codes.from_job(job.error_details, job.dynamic_error_message)
    try:
        began = clock.as_text(clock.as_time(job.start_time))
    except ValueError as error:
        raise NotUsable(f"startTime is {job.start_time!r}") from error
    return _event(item, job.name, (hint,) if hint else (), began, FROM_VAULT)


def _event(
    item: Item, job_id: str, hints: tuple[CodeHint, ...], began: str, shape: str
) -> FailureEvent:
    description = "found by a sweep: no event told of it"
    return failure_of_item(item, job_id, hints, shape, description=description, fired_at=began)
