"""A plan waits for its turn: is the failure still there, may its groups be unlocked,
does a job of the VM run, is a backup left today that can verify it, is there a place
within the limit of changes an hour?

1. A later backup of the VM completed: the incident is ignored. One failed: it is this
   incident's newest failure, and the causes are diagnosed anew.
2. A plan that needs more places than the limit has goes to a person.
3. While a resource group is held whose locks the plan lifts, while a job of the VM runs
   in any vault, while the VM has no on-demand backup left on this UTC day, or while no
   place is free, the plan waits. A second try waits for its pause first.
4. A plan that did not have to wait takes its places and may act. After a wait the
   causes are diagnosed anew first, since the findings may be hours old; the incident
   keeps its place in line meanwhile.
5. To act is to order the backup, for a second try.

An incident waits for 24 hours at most, for a group as long as its patience lasts, then
a person is asked. What cannot be read is waited for as well, `MOST_UNREAD` times in a
row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared import clock
from shared.diagnosis import later
from shared.diagnosis.before import back_to_diagnosis, diagnose_newest
from shared.diagnosis.gathered import is_just_diagnosed
from shared.diagnosis.running_job import job_running, why_later
from shared.facts import Job, Unreadable, why_unread
from shared.incident.model import Awaited, Incident
from shared.incident.next_step import STOP, Next, NextStep
from shared.incident.outcome import GroupHeld
from shared.incident.status import Status
from shared.incident.waiting import Wait
from shared.plan.limits import Ticket
from shared.plan.planner import Plan
from shared.plan.stage import Planning
from shared.plan.told import left_to_person
from shared.sentences import Sentence

MOST_UNREAD = 5


async def take_turn(
    planning: Planning, incident_id: str, plan: Plan, failed_at: str, unread: int
) -> NextStep:
    """ACT: the places of this plan are taken, BACK_UP: those of a second try; else
    DIAGNOSE, WAIT or STOP.

    `failed_at`: the failure that the plan was made for; `unread`: that of the last
    answer. Idempotent. Raises StoreUnavailable.
    """
    incident = await planning.book.get(incident_id)
    if incident is None or not incident.at_work:
        return STOP
    return await _Turn(planning, incident, plan, failed_at, unread).answer()


@dataclass(frozen=True, slots=True)
class _Turn:
    planning: Planning
    incident: Incident
    plan: Plan
    failed_at: str
    unread: int

    async def answer(self) -> NextStep:
        if self.incident.status is Status.VERIFYING and self.plan.is_second_try:
            return NextStep(Next.BACK_UP)  # its answer was lost
        newest = self.incident.newest_failure
        if newest is not None and newest.began_at > clock.normal(self.failed_at):
            return await self._diagnose("a later backup of the VM failed as well")
        # Before Azure is asked: two rows of the store.
        if self._waits_for_group and (held := await self._held_group()):
            return await self._wait_for_group(held)
        if at := await self._pause_ends():
            return await self._wait_for_pause(at)
        found = None
        if not self._just_looked:
            found = await later.look(self.planning.reader, self.incident, self.failed_at)
        if isinstance(found, Unreadable):
            return await self._wait_for_answer(why_unread("a later backup completed", found))
        if isinstance(found, later.Healed):
            return await self._end(Status.IGNORED, found.reason)
        if found is not None and await later.take_up(self.planning.book, self.incident, found):
            code = found.error_code or "no code"
            return await self._diagnose(
                f"the later backup {found.job_id} of the VM failed as well, with {code}"
            )
        if not self.planning.limiter.could_ever_take(self._ticket):
            return await self._hand_over_too_many()
        return await (self._act() if self.incident.status is Status.FIXING else self._ask_again())

    async def _act(self) -> NextStep:
        if held := await self._held_group():
            return await self._wait_for_group(held)
        if not self._just_looked and (
            job := await job_running(self.planning.reader, self.incident)
        ):
            return await self._wait_for_job(job)
        if at := await self._next_backup():
            return await self._wait_for_backup(at)
        if at := await self.planning.limiter.take(self._ticket):
            return await self._wait_for_place(at)
        if self.plan.is_second_try:
            return await self._begin_second_try()
        await self.planning.cooling.begin(
            self.incident.vm_id, self.plan.cause, self.incident.attempt_key
        )
        return NextStep(Next.ACT)

    async def _ask_again(self) -> NextStep:
        """After a wait. The store is asked first: rows; the jobs are many calls."""
        if at := await self._next_backup():
            return await self._wait_for_backup(at)
        if at := await self.planning.limiter.line_up(self._ticket):
            return await self._wait_for_place(at)
        if job := await job_running(self.planning.reader, self.incident):
            # an incident that waits for a job holds up nobody else
            await self.planning.limiter.leave(self.incident.attempt_key)
            return await self._wait_for_job(job)
        return await self._diagnose(
            "the wait is over; the causes are examined anew before anything is changed"
        )

    async def _begin_second_try(self) -> NextStep:
        reason = "no cause is found, and the backup is run again"

        def change(each: Incident) -> Incident:
            if not each.at_work:
                return each
            moved = each.moved(Status.VERIFYING, reason, now=clock.now())
            return replace(moved, waiting=None, retry_at=each.retry_at or clock.now())

        incident = await self.planning.book.change(self.incident.id, change)
        await self.planning.journal.note(incident, "status", f"{incident.status}: {reason}")
        return NextStep(Next.BACK_UP)

    async def _pause_ends(self) -> str:
        """When the pause before the second try is over; "" once it is, and for a
        fix."""
        if not self.plan.is_second_try or not self.planning.limiter.could_ever_take(self._ticket):
            return ""
        at = self.incident.retry_at or clock.after(clock.now(), self.planning.retry_after_seconds)
        return at if at > clock.now() else ""

    async def _next_backup(self) -> str:
        """When a backup may be ordered that the plan ends with; "" for now."""
        leaves_one = self.plan.is_second_try
        return await self.planning.backups.find_turn(self.incident.vm_id, leaves_one=leaves_one)

    @property
    def _just_looked(self) -> bool:
        """Whether the diagnosis of the fix has only just looked at the VM's jobs: who
        carries it out looks again, right before the change."""
        fixes = self.incident.status is Status.FIXING and not self.plan.is_second_try
        return fixes and is_just_diagnosed(self.incident, self.failed_at)

    @property
    def _ticket(self) -> Ticket:
        since = self.incident.waiting.since if self.incident.waiting else clock.now()
        return Ticket(self.incident.attempt_key, self.plan.cause, count_changes(self.plan), since)

    @property
    def _waits_for_group(self) -> bool:
        waiting = self.incident.waiting
        return (
            self.incident.status is Status.WAITING
            and waiting is not None
            and waiting.awaited is Awaited.GROUP
        )

    async def _held_group(self) -> GroupHeld | None:
        """The first group whose locks the plan lifts and that is held; while the
        incident waits for one, that one only. None: it may go on."""
        waiting = self.incident.waiting
        groups = (
            [waiting.group_id]
            if waiting is not None and self._waits_for_group
            else list(dict.fromkeys(step.unit for step in self.plan.steps if step.locks))
        )
        for group_id in groups:
            if held := await self.planning.held(group_id, self.incident.id):
                return held
        return None

    async def _wait_for_group(self, held: GroupHeld) -> NextStep:
        if not self._waits_for_group:
            # an incident that waits for a group holds up nobody else
            await self.planning.limiter.leave(self.incident.attempt_key)
        reason = Wait.for_group(self.plan.cause, held, self._by_hand)
        return await self.planning.waits.wait(self.incident, reason)

    async def _wait_for_pause(self, at: str) -> NextStep:
        """The pause goes on record when it begins, so that it ends at the same time
        whatever dies meanwhile."""
        await self.planning.book.change(
            self.incident.id, lambda each: replace(each, retry_at=each.retry_at or at)
        )
        why = f"no cause is found; the causes are examined anew and the backup is run again at {at}"
        return await self._wait(Awaited.PAUSE, why, at)

    async def _wait_for_backup(self, at: str) -> NextStep:
        # an incident that waits for the next day holds up nobody else
        await self.planning.limiter.leave(self.incident.attempt_key)
        kept = ", but for one that is kept to verify a fix" if self.plan.is_second_try else ""
        why = (
            f"held back until 00:00 UTC ({at}): the VM has had its"
            f" {self.planning.backups.per_day} on-demand backups of this UTC day{kept}"
        )
        return await self._wait(Awaited.BACKUP, why, at)

    async def _wait_for_job(self, job: Job | Unreadable) -> NextStep:
        if isinstance(job, Unreadable):
            return await self._wait_for_answer(why_later(job))
        return await self._wait(Awaited.JOB, why_later(job))

    async def _wait_for_place(self, at: str) -> NextStep:
        why = (
            f"held back: the limit of {self.planning.limiter.limit} changes an hour is reached;"
            f" its turn is expected at {at}"
        )
        return await self._wait(Awaited.PLACE, why, at)

    async def _wait_for_answer(self, why: str) -> NextStep:
        if self.unread + 1 >= MOST_UNREAD:
            return await self._end(Status.NEEDS_PERSON, f"held back: {why}", self._by_hand)
        return replace(await self._wait(Awaited.ANSWER, why), unread=self.unread + 1)

    async def _wait(self, awaited: Awaited, why: str, until: str = "") -> NextStep:
        reason = Wait(awaited, self.plan.cause, why, self._by_hand, until)
        return await self.planning.waits.wait(self.incident, reason)

    async def _hand_over_too_many(self) -> NextStep:
        reason = (
            f"held back: the limit of {self.planning.limiter.limit} changes an hour is reached by"
            f" this fix alone, which makes {count_changes(self.plan)} at once"
        )
        return await self._end(Status.NEEDS_PERSON, reason, self._by_hand)

    async def _end(self, status: Status, reason: str, steps: tuple[Sentence, ...] = ()) -> NextStep:
        await self.planning.closing.close(self.incident.id, status, reason, steps)
        return STOP

    async def _diagnose(self, reason: str) -> NextStep:
        book, journal = self.planning.book, self.planning.journal
        incident = await back_to_diagnosis(book, journal, self.incident.id, reason)
        return diagnose_newest(incident, self.failed_at)

    @property
    def _by_hand(self) -> tuple[Sentence, ...]:
        return left_to_person(self.incident, self.plan.cause, self.plan.steps)


def count_changes(plan: Plan) -> int:
    """How many places of the limit the plan needs."""
    return sum(step.counts for step in plan.steps)
