"""The orchestration of one incident, and its activities.

The orchestrator is deterministic and in the subset that Durable 1.x and 2.x share: one argument, plain JSON, no clock but its own.
Activities give errors as data. One that raises all the same, or whose process died, is called again a few times, so each first looks at what
is already so; then the incident goes to a person, and where not even that can be written the orchestration fails: the guardian begins it again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from functions.composition import the_app
from shared.checkers.contract import unknown
from shared.codec import to_json
from shared.errors import RemediatorError
from shared.workflow import begin, carry_out, check, decide, hand_over, turn, verify

blueprint = df.Blueprint()
LONGEST_BUSY_PAUSES = 8
"""The longest pause between two questions for a busy resource group, in pauses of the setting."""
RETRY_PAUSES = (0.5, 1.5, 4.5, 9.0)
"""Pauses before a stage that raised is called again, in pauses of the setting: 5, 15, 45 and 90 seconds where nothing is set."""
LONGEST_UNIT_SECONDS = 10.0
"""Whatever is set, a stage is given up within three minutes of its first failure."""
type Steps = Generator[Any, Any, Any]


class Stuck(Exception):
    """A stage raised at every attempt."""

    def __init__(self, stage: str, error: Exception) -> None:
        super().__init__(f"{stage}: {error}")
        self.stage = stage
        self.error = error


@blueprint.orchestration_trigger(context_name="context")
def remediate(context: df.DurableOrchestrationContext) -> Steps:
    """1. begin: the job confirms the failure; its code names the causes. 2. before_diagnosis: wait while a job of the VM runs; it may
    heal the failure. 3. check: all causes side by side. 4. decide: a plan, or a person. 5. take_turn: wait for a place within the
    limit; after a wait on with 2. 6. carry_out: unit by unit, until one is not done; where a job of the VM runs by now, on with 5.
    7. settle: the checker again. 8. verify: a new backup, ordered again where Azure refuses it for now, followed with durable timers.
    9. conclude: fixed, or on with 2. A stage that cannot be carried out ends with a person.
    """
    incident_id = context.get_input()["incident_id"]
    try:
        yield from _remediate(context, incident_id)
    except Stuck as stuck:
        told = {"incident_id": incident_id, "stage": stuck.stage, "error": str(stuck.error)}
        yield context.call_activity("hand_over_incident", told)
    return incident_id


def _remediate(context: df.DurableOrchestrationContext, incident_id: str) -> Steps:
    state = yield from _call(context, "begin_incident", {"incident_id": incident_id})
    pace = state
    while state["next"] != "stop":
        if state["next"] == "diagnose":
            state = yield from _diagnose_and_fix(context, incident_id, state, pace)
            if state["next"] in ("diagnose", "stop"):
                continue
        if state["next"] != "verify":
            backup = yield from _start_backup(context, incident_id)
            if not backup["job_id"]:
                break
        yield from _follow_backup(context, incident_id, pace)
        state = yield from _call(context, "conclude_backup", {"incident_id": incident_id})


def _call(context: df.DurableOrchestrationContext, activity: str, work: Any) -> Steps:
    """The activity's result. Raises Stuck once it has raised at every attempt."""
    return (yield from _tried(context, activity, lambda: context.call_activity(activity, work)))


def _tried(context: df.DurableOrchestrationContext, stage: str, task: Callable[[], Any]) -> Steps:
    unit = min(LONGEST_UNIT_SECONDS, context.get_input().get("pause_seconds", LONGEST_UNIT_SECONDS))
    for pause in (*RETRY_PAUSES, None):
        try:
            return (yield task())
        except Exception as error:  # durable raises nothing narrower; the activity's own log has more
            if pause is None:
                raise Stuck(stage, error) from error
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=pause * unit))


def _diagnose_and_fix(context: df.DurableOrchestrationContext, incident_id: str, state: Any, pace: Any) -> Steps:
    """{"next": "back_up"} when a fix is in place that a backup can verify, "diagnose" anew after a wait, or "stop"."""
    about = {"incident_id": incident_id, "failed_at": state["failed_at"]}
    state = yield from _wait_for(context, "before_diagnosis", about, pace)
    if state["next"] == "stop":
        return state
    about = about | {"failed_at": state["failed_at"]}

    def checks() -> Any:
        return context.task_all([context.call_activity("check_cause", about | {"cause": cause}) for cause in state["causes"]])

    findings = yield from _tried(context, "check_cause", checks)
    decided = yield from _call(context, "decide_plan", {"incident_id": incident_id, "findings": findings})
    plan = decided["plan"]
    if plan is None:
        return {"next": "back_up" if decided["verify"] else "stop"}
    turn = yield from _wait_for(context, "take_turn", about | {"plan": plan}, pace)
    if turn["next"] != "act":
        return turn
    outcomes: list[Any] = []
    for unit in decided["units"]:
        if all(outcome["result"] == "done" for outcome in outcomes):
            outcome = yield from _carry_out(context, incident_id, plan["cause"], unit, pace)
            outcomes.append(outcome)
    if outcomes[-1]["result"] == "waiting":
        return (yield from _wait_for(context, "take_turn", about | {"plan": plan}, pace))
    settled = yield from _call(context, "settle_fix", about | {"plan": plan, "outcomes": outcomes})
    return {"next": "back_up" if settled["verify"] else "stop"}


def _wait_for(context: df.DurableOrchestrationContext, activity: str, work: dict[str, Any], pace: Any) -> Steps:
    """Ask, less and less often, until the answer is another than "wait"."""
    pause, unread = pace["job_poll_seconds"], 0
    while True:
        answer = yield from _call(context, activity, work | {"unread": unread})
        if answer["next"] != "wait":
            return answer
        unread = answer["unread"]
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=min(pause, answer["seconds"])))
        pause = min(pause * 1.5, pace["longest_pause_seconds"])


def _carry_out(context: df.DurableOrchestrationContext, incident_id: str, cause: str, unit: Any, pace: Any) -> Steps:
    """One unit; asks again, more and more rarely, while another incident has the resource group's locks off."""
    give_up = context.current_utc_datetime + timedelta(seconds=pace["busy_wait_seconds"])
    pause = pace["busy_poll_seconds"]
    while True:
        outcome = yield from _call(context, "carry_out_unit", {"incident_id": incident_id, "cause": cause, "unit": unit})
        if outcome["result"] != "busy" or context.current_utc_datetime >= give_up:
            return outcome
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=pause))
        pause = min(pause * 1.5, pace["busy_poll_seconds"] * LONGEST_BUSY_PAUSES)


def _start_backup(context: df.DurableOrchestrationContext, incident_id: str) -> Steps:
    """Order the verifying backup; again after the pause that it asks for, while Azure refuses it in passing."""
    while True:
        backup = yield from _call(context, "start_backup", {"incident_id": incident_id})
        if not backup.get("again_in_seconds"):
            return backup
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=backup["again_in_seconds"]))


def _follow_backup(context: df.DurableOrchestrationContext, incident_id: str, pace: Any) -> Steps:
    """Look at the verifying job until it ends or its time is over."""
    give_up = context.current_utc_datetime + timedelta(seconds=pace["job_wait_seconds"])
    while context.current_utc_datetime < give_up:
        seen = yield from _call(context, "look_at_backup", {"incident_id": incident_id})
        if seen["ended"]:
            return
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=pace["job_poll_seconds"]))


@blueprint.activity_trigger(input_name="work")
async def begin_incident(work: dict) -> dict:  # type: ignore[type-arg]
    return await begin.begin(await the_app().tools(), work["incident_id"])


@blueprint.activity_trigger(input_name="work")
async def check_cause(work: dict) -> dict:  # type: ignore[type-arg]
    """A checker that cannot say is UNKNOWN, with the reason; it never stops the others."""
    try:
        tools = await the_app().tools()
        incident = await tools.book.get(work["incident_id"])
        if incident is None:
            raise RemediatorError(f"incident {work['incident_id']} is not in the store")
        return await check.check(tools, incident, work["failed_at"], work["cause"])
    except Exception as error:
        logging.exception("the checker of %s failed", work["cause"])
        failed: dict[str, Any] = to_json(unknown(work["cause"], f"the checker failed: {type(error).__name__}: {error}"))
        return failed


@blueprint.activity_trigger(input_name="work")
async def decide_plan(work: dict) -> dict:  # type: ignore[type-arg]
    return await decide.decide(await the_app().tools(), work["incident_id"], work["findings"])


@blueprint.activity_trigger(input_name="work")
async def before_diagnosis(work: dict) -> dict:  # type: ignore[type-arg]
    return await turn.before_diagnosis(await the_app().tools(), work["incident_id"], work["failed_at"])


@blueprint.activity_trigger(input_name="work")
async def take_turn(work: dict) -> dict:  # type: ignore[type-arg]
    return await turn.take_turn(await the_app().tools(), work["incident_id"], work["plan"], work["failed_at"], work["unread"])


@blueprint.activity_trigger(input_name="work")
async def carry_out_unit(work: dict) -> dict:  # type: ignore[type-arg]
    """Errors become data: the incident goes to a person with what is known, instead of being lost."""
    try:
        return await carry_out.carry_out(await the_app().tools(), work["incident_id"], work["cause"], work["unit"])
    except Exception as error:
        logging.exception("the fix of %s for incident %s failed", work["cause"], work["incident_id"])
        return {"result": "failed", "detail": f"{type(error).__name__}: {error}", "manual_steps": []}


@blueprint.activity_trigger(input_name="work")
async def settle_fix(work: dict) -> dict:  # type: ignore[type-arg]
    tools = await the_app().tools()
    return await carry_out.settle(tools, work["incident_id"], work["plan"], work["outcomes"], work["failed_at"])


@blueprint.activity_trigger(input_name="work")
async def start_backup(work: dict) -> dict:  # type: ignore[type-arg]
    return await verify.start_backup(await the_app().tools(), work["incident_id"])


@blueprint.activity_trigger(input_name="work")
async def look_at_backup(work: dict) -> dict:  # type: ignore[type-arg]
    return await verify.look(await the_app().tools(), work["incident_id"])


@blueprint.activity_trigger(input_name="work")
async def conclude_backup(work: dict) -> dict:  # type: ignore[type-arg]
    return await verify.conclude(await the_app().tools(), work["incident_id"])


@blueprint.activity_trigger(input_name="work")
async def hand_over_incident(work: dict) -> dict:  # type: ignore[type-arg]
    return await hand_over.hand_over(await the_app().tools(), work["incident_id"], work["stage"], work["error"])
