"""What stands before a diagnosis and before a change: is the failure still there, does
a job of the VM run, is there a place within the limit of changes an hour?

1. A later backup of the VM completed: the incident is ignored. One failed: it is this
   incident's newest failure, and is diagnosed.
2. While a job of the VM runs in any vault the incident waits: what it does would be
   taken for what is wrong.
3. A plan that needs more places than the limit has goes to a person. While no place is
   free, it waits for its turn.
4. Where it did not have to wait, the plan takes its places and may act. After a wait
   the causes are diagnosed anew first, since they may be hours old; the incident keeps
   its place in line meanwhile.

It waits for 24 hours at most, then a person is asked. Before a change, what cannot be
read is waited for as well, `MOST_UNREAD` times in a row; a diagnosis goes on without
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared import clock
from shared.codec import from_json
from shared.diagnosis import later
from shared.diagnosis.advice import About, look_at_job
from shared.diagnosis.begin import causes
from shared.diagnosis.running_job import job_running, why_later
from shared.execution.tools import Tools
from shared.facts import Job, Unreadable, why_unread
from shared.incident.model import Awaited, Incident, Status
from shared.incident.waiting import STOP, Wait
from shared.plan.limits import Ticket
from shared.plan.planner import Plan, not_done
from shared.sentences import Sentence

ACT, DIAGNOSE = "act", "diagnose"
MOST_UNREAD = 5


async def before_diagnosis(tools: Tools, incident_id: str, failed_at: str) -> dict[str, Any]:
    """What comes next, for the failure of `failed_at`: {"next": "diagnose",
    "failed_at", "causes"}; {"next": "wait", "seconds", "unread"}: ask again after so
    long at the latest; {"next": "stop"}: the incident was closed. Safe to run again.
    """
    incident = await tools.book.get(incident_id)
    if incident is None or incident.ended:
        return {"next": STOP}
    if incident.actions and incident.verification is None:
        return _diagnose(
            incident, failed_at
        )  # the engine lost it after a change of ours: a backup of our own has to show it
    found = await later.look(tools.reader, incident, failed_at)
    if isinstance(found, later.Healed):
        await tools.closing.close(incident_id, Status.IGNORED, found.reason)
        return {"next": STOP}
    if isinstance(found, Unreadable):
        await tools.journal.note(
            incident, "diagnosis", why_unread("a later backup completed", found)
        )
    elif found is not None and (taken := await later.take_up(tools.book, incident, found)):
        incident = taken
    if isinstance(job := await job_running(tools.reader, incident), Job):
        cause = incident.waiting.cause if incident.waiting else ""
        return {"unread": 0} | await tools.waits.wait(
            incident,
            Wait(
                Awaited.JOB,
                cause,
                why_later(job),
                (look_at_job(incident), About.of(incident).backup_now),
            ),
        )
    if incident.status is Status.WAITING:
        incident = await _back_to_diagnosis(
            tools, incident_id, "the wait is over; the causes are examined now"
        )
    return _diagnose(incident, failed_at)


async def _back_to_diagnosis(tools: Tools, incident_id: str, reason: str) -> Incident:
    def change(incident: Incident) -> Incident:
        return (
            incident
            if incident.ended
            else incident.moved(Status.DIAGNOSING, reason, now=clock.now())
        )

    changed = await tools.book.change(incident_id, change)
    await tools.journal.note(changed, "status", f"{changed.status}: {reason}")
    return changed


def _diagnose(incident: Incident, failed_at: str) -> dict[str, Any]:
    newest = incident.newest_failure
    began = max(newest.began_at if newest else "", clock.normal(failed_at)) or failed_at
    return {"next": DIAGNOSE, "failed_at": began, **causes(incident)}


async def take_turn(
    tools: Tools, incident_id: str, plan_json: dict[str, Any], failed_at: str, unread: int
) -> dict[str, Any]:
    """What comes next, for a plan that was made for the failure of `failed_at`:

    {"next": "act"}: its places are taken; else as `before_diagnosis`, to be asked again
    with the `unread` of its answer.
    """
    incident = await tools.book.get(incident_id)
    if incident is None or incident.ended:
        return {"next": STOP}
    turn = _Turn(tools, incident, from_json(Plan, plan_json), failed_at, unread)
    return await turn.answer()


@dataclass(frozen=True, slots=True)
class _Turn:
    tools: Tools
    incident: Incident
    plan: Plan
    failed_at: str
    unread: int

    async def answer(self) -> dict[str, Any]:
        newest = self.incident.newest_failure
        if newest is not None and newest.began_at > clock.normal(self.failed_at):
            return await self._diagnose("a later backup of the VM failed as well")
        found = await later.look(self.tools.reader, self.incident, self.failed_at)
        if isinstance(found, Unreadable):
            return await self._not_known(why_unread("a later backup completed", found))
        if isinstance(found, later.Healed):
            await self.tools.closing.close(self.incident.id, Status.IGNORED, found.reason)
            return {"next": STOP}
        if found is not None and await later.take_up(self.tools.book, self.incident, found):
            code = found.error_code or "no code"
            return await self._diagnose(
                f"the later backup {found.job_id} of the VM failed as well, with {code}"
            )
        if not self.tools.limiter.could_ever_take(self._ticket):
            return await self._too_many()
        return await (self._act() if self.incident.status is Status.FIXING else self._ask_again())

    async def _act(self) -> dict[str, Any]:
        if job := await job_running(self.tools.reader, self.incident):
            return await self._later(job)
        if at := await self.tools.limiter.take(self._ticket):
            return await self._full(at)
        await self.tools.cooling.begin(self.incident.vm_id, self.plan.cause, self.incident.id)
        return {"next": ACT}

    async def _ask_again(self) -> dict[str, Any]:
        """The line is asked first: that is one row, and the jobs are many calls."""
        if at := await self.tools.limiter.line_up(self._ticket):
            return await self._full(at)
        if job := await job_running(self.tools.reader, self.incident):
            await self.tools.limiter.leave(
                self.incident.id
            )  # whoever waits for a job holds nobody else up
            return await self._later(job)
        return await self._diagnose(
            "the wait is over; the causes are examined anew before anything is changed"
        )

    @property
    def _ticket(self) -> Ticket:
        since = self.incident.waiting.since if self.incident.waiting else clock.now()
        return Ticket(self.incident.id, self.plan.cause, changes(self.plan), since)

    async def _later(self, job: Any) -> dict[str, Any]:
        if isinstance(job, Unreadable):
            return await self._not_known(why_later(job))
        return await self._wait(Awaited.JOB, why_later(job))

    async def _full(self, at: str) -> dict[str, Any]:
        why = (
            f"held back: the limit of {self.tools.settings.changes_per_hour} changes an hour is"
            f" reached; its turn is expected at {at}"
        )
        return await self._wait(Awaited.PLACE, why, at)

    async def _not_known(self, why: str) -> dict[str, Any]:
        if self.unread + 1 >= MOST_UNREAD:
            await self.tools.closing.close(
                self.incident.id,
                Status.NEEDS_PERSON,
                f"held back: {why}",
                self._by_hand,
            )
            return {"next": STOP}
        return await self._wait(Awaited.ANSWER, why) | {"unread": self.unread + 1}

    async def _wait(self, awaited: Awaited, why: str, until: str = "") -> dict[str, Any]:
        asked = Wait(awaited, self.plan.cause, why, self._by_hand, until)
        return {"unread": 0} | await self.tools.waits.wait(self.incident, asked)

    async def _too_many(self) -> dict[str, Any]:
        limit = self.tools.settings.changes_per_hour
        reason = (
            f"held back: the limit of {limit} changes an hour is reached by this fix alone, which"
            f" makes {changes(self.plan)} at once"
        )
        await self.tools.closing.close(self.incident.id, Status.NEEDS_PERSON, reason, self._by_hand)
        return {"next": STOP}

    async def _diagnose(self, reason: str) -> dict[str, Any]:
        return _diagnose(
            await _back_to_diagnosis(self.tools, self.incident.id, reason), self.failed_at
        )

    @property
    def _by_hand(self) -> tuple[Sentence, ...]:
        return (*not_done(self.plan.steps), About.of(self.incident).backup_now)


def changes(plan: Plan) -> int:
    return sum(step.counts for step in plan.steps)
