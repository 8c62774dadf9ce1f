"""The orchestration of one incident, and its activities.

Activities give errors as data. One that raises all the same, or whose worker died, is
called again by the orchestrator, so each first looks at what is already so; then the
incident goes to a person, and where not even that can be written the orchestration
fails: the guardian begins it again.
"""

from __future__ import annotations

import logging
from typing import Any

import azure.durable_functions as df

from functions.composition import the_app
from functions.orchestration import LongHistory, Remediation, Steps
from shared.codec import from_json, to_json
from shared.diagnosis import begin, check
from shared.diagnosis.checkers.contract import unknown
from shared.errors import RemediatorError
from shared.incident import restarts
from shared.incident.outcome import StepOutcome
from shared.plan import decide, turn
from shared.plan.planner import Plan
from shared.plan.steps import Step
from shared.sentences import phrase
from shared.verification import verify

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context")
def remediate(context: df.DurableOrchestrationContext) -> Steps:
    """1. begin: the job confirms the failure; its code names the causes. 2.
    before_diagnosis: wait while a job of the VM runs; it may heal the failure. 3.
    check: all causes side by side. 4. decide: a plan, or a person. 5. take_turn: wait
    for a place within the limit; after a wait on with 2. 6. carry_out: unit by unit,
    until one is not done; where a job of the VM runs by now, on with 5.
    7. settle: the checker again. 8. verify: a new backup, ordered again where Azure
       refuses it for now, followed with durable timers.
    9. conclude: fixed, or on with 2. A stage that cannot be carried out ends with a
       person. A wait that makes the history long goes
    on in a new one.
    """
    try:
        yield from Remediation(context).run()
    except LongHistory as long:
        context.continue_as_new(long.given)


@blueprint.activity_trigger(input_name="work")
async def begin_incident(work: dict) -> dict:  # type: ignore[type-arg]
    app = the_app()
    await (await app.execution()).recover(work["incident_id"])
    return await begin.begin(await app.tools(), work["incident_id"])


@blueprint.activity_trigger(input_name="work")
async def check_cause(work: dict) -> dict:  # type: ignore[type-arg]
    """A checker that cannot say is UNKNOWN, with the reason; it never stops the others."""
    try:
        tools = await the_app().tools()
        incident = await tools.book.get(work["incident_id"])
        if incident is None:
            raise RemediatorError(f"incident {work['incident_id']} is not in the store")
        found: dict[str, Any] = to_json(
            await check.check(tools, incident, work["failed_at"], work["cause"])
        )
        return found
    except Exception as error:
        logging.exception("the checker of %s failed", work["cause"])
        failed: dict[str, Any] = to_json(
            unknown(
                work["cause"], phrase("checker_failed", error=f"{type(error).__name__}: {error}")
            )
        )
        return failed


@blueprint.activity_trigger(input_name="work")
async def decide_plan(work: dict) -> dict:  # type: ignore[type-arg]
    return await decide.decide(await the_app().tools(), work["incident_id"], work["findings"])


@blueprint.activity_trigger(input_name="work")
async def before_diagnosis(work: dict) -> dict:  # type: ignore[type-arg]
    return await turn.before_diagnosis(
        await the_app().tools(), work["incident_id"], work["failed_at"]
    )


@blueprint.activity_trigger(input_name="work")
async def take_turn(work: dict) -> dict:  # type: ignore[type-arg]
    return await turn.take_turn(
        await the_app().tools(),
        work["incident_id"],
        work["plan"],
        work["failed_at"],
        work["unread"],
    )


@blueprint.activity_trigger(input_name="work")
async def carry_out_unit(work: dict) -> dict:  # type: ignore[type-arg]
    """Errors become data: the incident goes to a person with what is known, instead of
    being lost."""
    try:
        unit = tuple(from_json(Step, each) for each in work["unit"])
        execution = await the_app().execution()
        done: dict[str, Any] = to_json(
            await execution.carry_out(work["incident_id"], work["cause"], unit)
        )
        return done
    except Exception as error:
        logging.exception(
            "the fix of %s for incident %s failed", work["cause"], work["incident_id"]
        )
        return {
            "result": "failed",
            "detail": f"{type(error).__name__}: {error}",
            "manual_steps": [],
        }


@blueprint.activity_trigger(input_name="work")
async def settle_fix(work: dict) -> dict:  # type: ignore[type-arg]
    execution = await the_app().execution()
    outcomes = tuple(from_json(StepOutcome, each) for each in work["outcomes"])
    plan = from_json(Plan, work["plan"])
    return {
        "verify": await execution.settle(work["incident_id"], plan, outcomes, work["failed_at"])
    }


@blueprint.activity_trigger(input_name="work")
async def start_backup(work: dict) -> dict:  # type: ignore[type-arg]
    app = the_app()
    return await verify.start_backup(await app.tools(), await app.execution(), work["incident_id"])


@blueprint.activity_trigger(input_name="work")
async def look_at_backup(work: dict) -> dict:  # type: ignore[type-arg]
    return await verify.look(await the_app().tools(), work["incident_id"])


@blueprint.activity_trigger(input_name="work")
async def conclude_backup(work: dict) -> dict:  # type: ignore[type-arg]
    return await verify.conclude(await the_app().tools(), work["incident_id"])


@blueprint.activity_trigger(input_name="work")
async def hand_over_incident(work: dict) -> dict:  # type: ignore[type-arg]
    execution = await the_app().execution()
    return {"closed": await execution.hand_over(work["incident_id"], work["stage"], work["error"])}


@blueprint.activity_trigger(input_name="work")
async def note_progress(work: dict) -> dict:  # type: ignore[type-arg]
    """Called in work that was lost before: a stage came through."""
    await restarts.note_progress(the_app().book, work["incident_id"], work["stage"])
    return {}
