"""The algorithm of one incident, as a generator of durable tasks.

Deterministic, and in the subset that Durable 1.x and 2.x share: plain JSON, no clock
but the orchestration's own. Values are made JSON, and JSON values, where an activity is
called. The host fails an activity whose worker died, and does not run it again: it is
called again here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from functions.activities import (
    BEFORE_DIAGNOSIS,
    BEGIN,
    CARRY_OUT,
    CHECK,
    CONCLUDE_BACKUP,
    DECIDE,
    HAND_OVER,
    LOOK_AT_BACKUP,
    NOTE_PROGRESS,
    RECOVER,
    SETTLE,
    START_BACKUP,
    TAKE_TURN,
    Activity,
    Begin,
    CarryOut,
    Check,
    Decide,
    GoesOn,
    HandOver,
    OfFailure,
    OfIncident,
    Progress,
    Remediate,
    Settle,
    TakeTurn,
)
from shared.codec import from_json, to_json
from shared.incident.model import Finding
from shared.incident.next_step import Next, NextStep
from shared.incident.outcome import Outcome, StepOutcome
from shared.plan.planner import Plan, units
from shared.plan.steps import Step

RETRY_PAUSES = (0.1, 0.5, 1.5, 4.5, 6.0, 6.0, 6.0, 6.0, 6.0)
"""Pauses before a stage that failed is called again, in units of
REMEDIATOR_BUSY_POLL_SECONDS: 1, 5, 15, 45 and then 60 seconds where nothing is set. So
a stage has ten attempts."""
LONGEST_UNIT_SECONDS = 10.0
"""Whatever is set, a stage is given up within seven minutes of its first failure."""
GROWTH = 1.5
MOST_PAUSES = 100
"""Timers of one history. The whole history is read and replayed in each episode, so a
long wait goes on in a new one (`continue_as_new`)."""
type Steps[R] = Generator[Any, Any, R]


class Stuck(Exception):
    """A stage failed at every attempt."""

    def __init__(self, stage: str, error: Exception) -> None:
        super().__init__(f"{stage}: {error}")
        self.stage = stage
        self.error = error


class LongHistory(Exception):
    """The work goes on in a new history, with this input."""

    def __init__(self, given: Remediate) -> None:
        super().__init__("the history is long")
        self.given = given


class Remediation:
    """One execution of an orchestration, whose input is a `Remediate`."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._given = from_json(Remediate, context.get_input())
        self._pace = self._given.pace
        self._incident_id = self._given.incident_id
        self._unit_seconds = min(LONGEST_UNIT_SECONDS, self._pace.busy_poll_seconds)
        self._pauses = 0
        self._noted = ""

    def run(self) -> Steps[None]:
        """The algorithm: see `functions.remediation.remediate`. Raises LongHistory."""
        try:
            yield from self._remediate()
        except Stuck as stuck:
            work = HandOver(self._incident_id, stuck.stage, str(stuck.error))
            yield from self._call(HAND_OVER, work)

    def _remediate(self) -> Steps[None]:
        step = yield from self._begin()
        while step.next is not Next.STOP:
            match step.next:
                case Next.DIAGNOSE:
                    step = yield from self._diagnose_and_fix(step.failed_at)
                case Next.BACK_UP:
                    step = yield from self._start_backup()
                case Next.VERIFY:
                    step = yield from self._follow_backup()
                case _:
                    raise ValueError(f"nothing is known to follow on {step.next}")

    def _begin(self) -> Steps[NextStep]:
        """Where the work goes on: by the record, or where the last history ended."""
        goes_on = self._given.goes_on
        if goes_on is not None:
            if goes_on.wait is None:
                return NextStep(Next.VERIFY)
            return (yield from self._wait(goes_on.wait, goes_on.pause_seconds))
        step = yield from self._call(BEGIN, Begin(self._incident_id))
        if step.next is Next.RECOVER:
            yield from self._call(RECOVER, OfIncident(self._incident_id))
            step = yield from self._call(BEGIN, Begin(self._incident_id, recovered=True))
        return step

    def _diagnose_and_fix(self, failed_at: str) -> Steps[NextStep]:
        """BACK_UP when a fix is in place that a backup can verify, or for a second try;
        DIAGNOSE anew after a wait, or STOP."""
        step = yield from self._wait(OfFailure(self._incident_id, failed_at))
        if step.next is Next.STOP:
            return step
        findings = yield from self._check(step)
        work = Decide(self._incident_id, step.failed_at, findings)
        decided = yield from self._call(DECIDE, work)
        if decided.plan is None:
            return NextStep(decided.next)
        turn = TakeTurn(self._incident_id, step.failed_at, decided.plan)
        answer = yield from self._wait(turn)
        if answer.next is not Next.ACT:
            return answer
        outcomes = yield from self._carry_out_all(decided.plan)
        if outcomes[-1].result is Outcome.WAITING:
            return (yield from self._wait(turn))
        end = Settle(self._incident_id, decided.plan, outcomes)
        return (yield from self._call(SETTLE, end))

    def _check(self, step: NextStep) -> Steps[tuple[Finding, ...]]:
        """Every cause, side by side."""

        def checks() -> Any:
            works = [Check(self._incident_id, step.failed_at, cause) for cause in step.causes]
            return self._context.task_all([self._task(CHECK, work) for work in works])

        answers = yield from self._try(CHECK.name, checks)
        return tuple(CHECK.read_result(each) for each in answers)

    def _carry_out_all(self, plan: Plan) -> Steps[tuple[StepOutcome, ...]]:
        """The outcome of each unit, up to the first that is not done."""
        outcomes: list[StepOutcome] = []
        for unit in units(plan):
            if all(outcome.done for outcome in outcomes):
                outcomes.append((yield from self._carry_out(plan.cause, unit)))
        return tuple(outcomes)

    def _carry_out(self, cause: str, unit: tuple[Step, ...]) -> Steps[StepOutcome]:
        """One unit; tried again, with backoff, while the leader of its lock window
        deletes for it."""
        busy_wait = timedelta(seconds=self._pace.busy_wait_seconds)
        give_up = self._context.current_utc_datetime + busy_wait
        pause, work = self._pace.busy_poll_seconds, CarryOut(self._incident_id, cause, unit)
        while True:
            outcome = yield from self._call(CARRY_OUT, work)
            if outcome.result is not Outcome.BUSY or self._context.current_utc_datetime >= give_up:
                return outcome
            yield self._pause(pause)
            pause = min(pause * GROWTH, self._pace.longest_busy_pause_seconds)

    def _start_backup(self) -> Steps[NextStep]:
        """Order the backup; again after the pause that the answer asks for,
        while Azure refuses it for now."""
        while True:
            step = yield from self._call(START_BACKUP, OfIncident(self._incident_id))
            if step.next is not Next.WAIT:
                return step
            yield self._pause(step.seconds)

    def _follow_backup(self) -> Steps[NextStep]:
        """Look at the job until it ends or its time is over, then conclude."""
        while True:
            look = yield from self._call(LOOK_AT_BACKUP, OfIncident(self._incident_id))
            if look.ended:
                return (yield from self._call(CONCLUDE_BACKUP, OfIncident(self._incident_id)))
            yield self._pause(look.seconds)
            self._renew(GoesOn())

    def _wait(self, work: OfFailure | TakeTurn, pause: float = 0.0) -> Steps[NextStep]:
        """Call its activity, with backoff, until the answer is another than WAIT."""
        pause = pause or self._pace.job_poll_seconds
        activity: Activity[Any, NextStep] = (
            TAKE_TURN if isinstance(work, TakeTurn) else BEFORE_DIAGNOSIS
        )
        while True:
            step = yield from self._call(activity, work)
            if step.next is not Next.WAIT:
                return step
            if isinstance(work, TakeTurn):
                work = replace(work, unread=step.unread)
            yield self._pause(min(pause, step.seconds))
            pause = min(pause * GROWTH, self._pace.longest_pause_seconds)
            self._renew(GoesOn(work, pause))

    def _pause(self, seconds: float) -> Any:
        self._pauses += 1
        return self._context.create_timer(
            self._context.current_utc_datetime + timedelta(seconds=seconds)
        )

    def _renew(self, goes_on: GoesOn) -> None:
        """Raises LongHistory once this history has its pauses."""
        if self._pauses >= MOST_PAUSES:
            raise LongHistory(replace(self._given, goes_on=goes_on))

    def _call[W, R](self, activity: Activity[W, R], work: W) -> Steps[R]:
        """The activity's result. Raises Stuck once it has failed at every attempt."""
        answer = yield from self._try(activity.name, lambda: self._task(activity, work))
        return activity.read_result(answer)

    def _task[W, R](self, activity: Activity[W, R], work: W) -> Any:
        return self._context.call_activity(activity.name, to_json(work))

    def _try(self, stage: str, task: Callable[[], Any]) -> Steps[Any]:
        """The stage's result. In work that was lost before, a stage that came through
        goes on record, once for calls in a row."""
        answer = yield from self._attempt(stage, task)
        if self._given.restarted and self._noted != stage:
            self._noted = stage
            passed = Progress(self._incident_id, stage)
            yield from self._attempt(stage, lambda: self._task(NOTE_PROGRESS, passed))
        return answer

    def _attempt(self, stage: str, task: Callable[[], Any]) -> Steps[Any]:
        """The activity's result. An error means that it did not come through: its
        worker died, or it raised. Raises Stuck after the last attempt."""
        for pause in (*RETRY_PAUSES, None):
            try:
                return (yield task())
            except Exception as error:  # durable raises nothing narrower; the log has more
                if pause is None:
                    raise Stuck(stage, error) from error
            yield self._pause(pause * self._unit_seconds)
