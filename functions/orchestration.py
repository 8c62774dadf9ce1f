"""The algorithm of one incident, as a generator of durable tasks.

Deterministic, and in the subset that Durable 1.x and 2.x share: plain JSON, no clock
but the orchestration's own. The host fails an activity whose worker died, and hands it
out no more: it is called again here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

RETRY_PAUSES = (0.1, 0.5, 1.5, 4.5, 6.0, 6.0, 6.0, 6.0, 6.0)
"""Pauses before a stage that failed is called again, in units of `pause_seconds`: 1, 5,
15, 45 and then 60 seconds where nothing is set. So a stage has ten attempts."""
LONGEST_UNIT_SECONDS = 10.0
"""Whatever is set, a stage is given up within seven minutes of its first failure."""
LONGEST_BUSY_PAUSES = 8
"""The longest pause between two questions for a busy resource group, in pauses of the
setting."""
MOST_PAUSES = 100
"""Timers of one history. The whole history is read and replayed in each episode, so a
long wait goes on in a new one (`continue_as_new`)."""
type Steps = Generator[Any, Any, Any]
type Answer = dict[str, Any]


class Stuck(Exception):
    """A stage failed at every attempt."""

    def __init__(self, stage: str, error: Exception) -> None:
        super().__init__(f"{stage}: {error}")
        self.stage = stage
        self.error = error


class LongHistory(Exception):
    """The work goes on in a new history, with this input."""

    def __init__(self, given: Answer) -> None:
        super().__init__("the history is long")
        self.given = given


class Remediation:
    """One execution of an orchestration. `given` is its input: "incident_id";
    "pause_seconds", the unit of RETRY_PAUSES; "restarted", where the work was lost
    before; "goes_on", the wait or the backup with which a new history begins, and its
    pace.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self._given: Answer = context.get_input()
        self._unit = min(
            LONGEST_UNIT_SECONDS, self._given.get("pause_seconds", LONGEST_UNIT_SECONDS)
        )
        self._incident = {"incident_id": self._given["incident_id"]}
        self._pace: Answer = {}
        self._pauses = 0
        self._noted = ""

    def run(self) -> Steps:
        """The algorithm, in the steps of `functions.remediation.remediate`. Raises
        LongHistory."""
        try:
            yield from self._remediate()
        except Stuck as stuck:
            told = self._incident | {"stage": stuck.stage, "error": str(stuck.error)}
            yield from self._call("hand_over_incident", told)

    def _remediate(self) -> Steps:
        state = yield from self._begun()
        while state["next"] != "stop":
            if state["next"] == "diagnose":
                state = yield from self._diagnose_and_fix(state)
                if state["next"] in ("diagnose", "stop"):
                    continue
            if state["next"] != "verify":
                backup = yield from self._start_backup()
                if not backup["job_id"]:
                    break
            yield from self._follow_backup()
            state = yield from self._call("conclude_backup", self._incident)

    def _begun(self) -> Steps:
        """Where the work goes on: by the record, or where the history before this one
        ended."""
        goes_on = self._given.get("goes_on")
        if goes_on is None:
            self._pace = yield from self._call("begin_incident", self._incident)
            return self._pace
        self._pace = goes_on["pace"]
        if "wait" in goes_on:
            return (yield from self._wait_for(**goes_on["wait"]))
        return {"next": "verify"}

    def _diagnose_and_fix(self, state: Answer) -> Steps:
        """{"next": "back_up"} when a fix is in place that a backup can verify,
        "diagnose" anew after a wait, or "stop"."""
        about = self._incident | {"failed_at": state["failed_at"]}
        state = yield from self._wait_for("before_diagnosis", about)
        if state["next"] == "stop":
            return state
        about = about | {"failed_at": state["failed_at"]}
        findings = yield from self._check(about, state["causes"])
        decided = yield from self._call("decide_plan", self._incident | {"findings": findings})
        plan = decided["plan"]
        if plan is None:
            return {"next": "back_up" if decided["verify"] else "stop"}
        turn = yield from self._wait_for("take_turn", about | {"plan": plan})
        if turn["next"] != "act":
            return turn
        outcomes = yield from self._carry_out_all(plan["cause"], decided["units"])
        if outcomes[-1]["result"] == "waiting":
            return (yield from self._wait_for("take_turn", about | {"plan": plan}))
        settled = yield from self._call("settle_fix", about | {"plan": plan, "outcomes": outcomes})
        return {"next": "back_up" if settled["verify"] else "stop"}

    def _check(self, about: Answer, causes: list[str]) -> Steps:
        def checks() -> Any:
            return self._context.task_all(
                [
                    self._context.call_activity("check_cause", about | {"cause": cause})
                    for cause in causes
                ]
            )

        return (yield from self._tried("check_cause", checks))

    def _carry_out_all(self, cause: str, units: list[Any]) -> Steps:
        """The outcome of each unit, up to the first that is not done."""
        outcomes: list[Any] = []
        for unit in units:
            if all(outcome["result"] == "done" for outcome in outcomes):
                outcomes.append((yield from self._carry_out(cause, unit)))
        return outcomes

    def _carry_out(self, cause: str, unit: Any) -> Steps:
        """One unit; asks again, with backoff, while another incident has the resource
        group's locks off."""
        give_up = self._context.current_utc_datetime + timedelta(
            seconds=self._pace["busy_wait_seconds"]
        )
        pause = self._pace["busy_poll_seconds"]
        while True:
            outcome = yield from self._call(
                "carry_out_unit", self._incident | {"cause": cause, "unit": unit}
            )
            if outcome["result"] != "busy" or self._context.current_utc_datetime >= give_up:
                return outcome
            yield self._pause(pause)
            pause = min(pause * 1.5, self._pace["busy_poll_seconds"] * LONGEST_BUSY_PAUSES)

    def _start_backup(self) -> Steps:
        """Order the verifying backup; again after the pause that it asks for, while
        Azure refuses it in passing."""
        while True:
            backup = yield from self._call("start_backup", self._incident)
            if not backup.get("again_in_seconds"):
                return backup
            yield self._pause(backup["again_in_seconds"])

    def _follow_backup(self) -> Steps:
        """Look at the verifying job until it ends or its time is over; less often as it
        grows older."""
        while True:
            seen = yield from self._call("look_at_backup", self._incident)
            if seen["ended"]:
                return
            yield self._pause(seen["seconds"])
            self._renew({})

    def _wait_for(
        self, activity: str, work: Answer, pause: float | None = None, unread: int = 0
    ) -> Steps:
        """Ask, with backoff, until the answer is another than "wait"."""
        pause = pause or self._pace["job_poll_seconds"]
        while True:
            answer = yield from self._call(activity, work | {"unread": unread})
            if answer["next"] != "wait":
                return answer
            unread = answer["unread"]
            yield self._pause(min(pause, answer["seconds"]))
            pause = min(pause * 1.5, self._pace["longest_pause_seconds"])
            self._renew(
                {"wait": {"activity": activity, "work": work, "pause": pause, "unread": unread}}
            )

    def _pause(self, seconds: float) -> Any:
        self._pauses += 1
        return self._context.create_timer(
            self._context.current_utc_datetime + timedelta(seconds=seconds)
        )

    def _renew(self, goes_on: Answer) -> None:
        """Raises LongHistory once this history has its pauses."""
        if self._pauses >= MOST_PAUSES:
            raise LongHistory(self._given | {"goes_on": goes_on | {"pace": self._pace}})

    def _call(self, activity: str, work: Answer) -> Steps:
        """The activity's result. Raises Stuck once it has failed at every attempt."""
        return (
            yield from self._tried(activity, lambda: self._context.call_activity(activity, work))
        )

    def _tried(self, stage: str, task: Callable[[], Any]) -> Steps:
        """The stage's result. In work that was lost before, a stage that came through
        goes on record, once for calls in a row."""
        answer = yield from self._attempted(stage, task)
        if self._given.get("restarted") and self._noted != stage:
            self._noted = stage
            passed = self._incident | {"stage": stage}
            yield from self._attempted(
                stage, lambda: self._context.call_activity("note_progress", passed)
            )
        return answer

    def _attempted(self, stage: str, task: Callable[[], Any]) -> Steps:
        """An activity tells what it finds as its result. What is raised is the engine's
        word that it did not come through: its worker died, or it met an error of its
        own."""
        for pause in (*RETRY_PAUSES, None):
            try:
                return (yield task())
            except (
                Exception
            ) as error:  # durable raises nothing narrower; the activity's own log has more
                if pause is None:
                    raise Stuck(stage, error) from error
            yield self._pause(pause * self._unit)
