"""The fence of a single change: of all executions that may want to send a request, one
sends it.

1. The request is on the incident's row before it is sent (write-ahead), by
   compare-and-swap: only if nothing was sent since the row was read on which the
   decision rests. Whoever is second finds it there, and sends nothing.
2. Whoever wrote it sends it within SEND_WITHIN_SECONDS by its own clock, or not at
   all.
3. Whoever sent it writes the answer.
4. While there is none, the request may still be sent or take effect, for
   SEND_WITHIN_SECONDS and REMEDIATOR_LATE_SECONDS from when it was written. Everybody
   else comes again until that is over. Then its effect is not known: what Azure shows
   decides.

docs/safety.md, "The same failure reported twice is fixed once".
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace

from shared import clock
from shared.arm_ids import fold
from shared.audit.journal import PROCESS_ENDED, Journal
from shared.incident.book import IncidentBook
from shared.incident.model import Answer, Incident, Sent

SEND_WITHIN_SECONDS = 10.0
"""For the intent and the last look, by the clock of whoever sends it."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave to send one request, once."""

    sent: Sent
    began: float

    @classmethod
    def of(cls, kind: str, target: str) -> Pass:
        return cls(Sent(kind, target, secrets.token_hex(8), clock.now()), time.monotonic())

    @property
    def in_time(self) -> bool:
        """By the larger of both clocks: a suspended machine stops the monotonic one."""
        wall = clock.as_time(clock.now()) - clock.as_time(self.sent.at)
        elapsed = max(time.monotonic() - self.began, wall.total_seconds())
        return elapsed <= SEND_WITHIN_SECONDS


@dataclass(frozen=True, slots=True)
class Fence:
    """Every method raises StoreUnavailable."""

    book: IncidentBook
    journal: Journal
    late_seconds: float
    """How long after it was sent a request may still take effect."""

    def is_fresh(self, sent: Sent) -> bool:
        """Whether it may still be sent, or take effect."""
        over = clock.after(sent.at, SEND_WITHIN_SECONDS + self.late_seconds)
        return clock.now() < over

    async def settle(self, incident: Incident) -> Incident | str:
        """The incident with no request whose answer is open; or why to come again. Ask
        it before anything is decided: an execution that died may have left one."""
        for sent in incident.sent:
            if sent.answer is not Answer.NONE:
                continue
            if self.is_fresh(sent):
                return (
                    f"{sent.kind} of {sent.target} was begun at {sent.at} by an execution that may"
                    " be at work"
                )
            incident = await self.answer(incident.id, sent, Answer.UNKNOWN)
            await self._close_intent(incident, sent)
        return incident

    async def enter(self, incident: Incident, kind: str, target: str) -> Pass | None:
        """Leave to send this request, decided on what `incident` says. None: something
        was sent since it was read, or it has ended."""
        leave = Pass.of(kind, target)

        def write(now: Incident) -> Incident:
            mine = leave.sent in now.sent  # its answer was lost
            if mine or now.ended or _basis(now) != _basis(incident):
                return now
            return replace(now, sent=(*now.sent, leave.sent))

        written = await self.book.change(incident.id, write)
        return leave if leave.sent in written.sent else None

    async def leave_unsent(self, incident_id: str, leave: Pass) -> None:
        """Nothing was sent: it is off the row again."""
        await self.book.change(
            incident_id,
            lambda now: replace(now, sent=tuple(each for each in now.sent if each != leave.sent)),
        )

    async def answer(
        self, incident_id: str, sent: Sent, answer: Answer, result: str = ""
    ) -> Incident:
        """What became of it. Nothing where the row has it no more."""

        def write(now: Incident) -> Incident:
            sends = (
                replace(each, answer=answer, result=result) if each.token == sent.token else each
                for each in now.sent
            )
            return replace(now, sent=tuple(sends))

        return await self.book.change(incident_id, write)

    async def _close_intent(self, incident: Incident, sent: Sent) -> None:
        key = (sent.kind, fold(sent.target))
        await self.journal.close_intents(
            incident, PROCESS_ENDED, lambda kind, target: (kind, target) == key
        )


def _basis(incident: Incident) -> object:
    """What a decision to send rests on. A verification that begins takes the orders
    that led to it off the row, and a new attempt all that was sent."""
    return incident.attempt, incident.sent, incident.verification
