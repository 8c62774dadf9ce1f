"""The orchestration of one incident, and its activities: a shell each around a stage.

An activity gives errors as data where the steps that must follow have to follow. One
that raises all the same, or whose worker died, is called again by the orchestrator, so
each checks the current state first. After the last attempt the incident goes to a
person; where not even that can be written the orchestration fails, and the guardian
begins it again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import azure.durable_functions as df

from functions import activities as given
from functions.activities import Activity, Done
from functions.composition import the_app
from functions.orchestration import LongHistory, Remediation, Steps
from shared.codec import to_json
from shared.diagnosis import before, begin, check
from shared.diagnosis.checkers.contract import unknown
from shared.incident.model import Finding
from shared.incident.next_step import Next, NextStep
from shared.incident.outcome import Outcome, StepOutcome
from shared.plan import decide, turn
from shared.plan.decide import Decision
from shared.sentences import phrase
from shared.verification import conclude, follow, start
from shared.verification.follow import Look

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context")
def remediate(context: df.DurableOrchestrationContext) -> Steps[None]:
    """The algorithm, an activity a step:

    1. begin_incident: the job confirms the failure, and its code names the causes. Work
       that was begun before goes through recover_incident first.
    2. before_diagnosis: wait while a job of the VM runs; a later backup may show that
       the failure has healed.
    3. check_cause: every cause, side by side.
    4. decide_plan: a plan, a second try where no cause is found, or a person.
    5. take_turn: wait for a place within the limit of changes, and for the pause before
       a second try; after a wait, on with 2. A second try goes on with 8.
    6. carry_out_unit: unit by unit, until one is not done. Where a job of the VM runs
       by now, on with 5.
    7. settle_fix: every unit is done, or a person takes over.
    8. start_backup: order a new backup; again where Azure refuses it for now.
    9. look_at_backup: follow the backup to its end, with durable timers.
    10. conclude_backup: fixed, or on with 2.

    A stage that fails at every attempt ends with a person (hand_over_incident). A wait
    that makes the history long goes on in a new history.
    """
    try:
        yield from Remediation(context).run()
    except LongHistory as long:
        context.continue_as_new(to_json(long.given))


def activity[W, R](row: Activity[W, R]) -> Callable[[Callable[[W], Awaitable[R]]], Any]:
    """The shell of an activity: its work and its result are plain JSON outside."""

    def shell_of(work_on: Callable[[W], Awaitable[R]]) -> Any:
        # bare types: the worker of Azure Functions looks at them
        async def shell(work: dict) -> dict:  # type: ignore[type-arg]
            return dict(to_json(await work_on(row.read_work(work))))

        shell.__name__, shell.__doc__ = row.name, work_on.__doc__
        return blueprint.activity_trigger(input_name="work")(shell)

    return shell_of


@activity(given.BEGIN)
async def begin_incident(work: given.Begin) -> NextStep:
    diagnosis = await the_app().diagnosis()
    return await begin.begin(diagnosis, work.incident_id, recovered=work.recovered)


@activity(given.RECOVER)
async def recover_incident(work: given.OfIncident) -> Done:
    await (await the_app().execution()).recover(work.incident_id)
    return Done()


@activity(given.BEFORE_DIAGNOSIS)
async def before_diagnosis(work: given.OfFailure) -> NextStep:
    diagnosis = await the_app().diagnosis()
    return await before.before_diagnosis(diagnosis, work.incident_id, work.failed_at)


@activity(given.CHECK)
async def check_cause(work: given.Check) -> Finding:
    """A checker that fails is UNKNOWN, with the reason; it never stops the others."""
    try:
        diagnosis = await the_app().diagnosis()
        return await check.check_cause(diagnosis, work.incident_id, work.failed_at, work.cause)
    except Exception as error:
        logging.exception("the checker of %s failed", work.cause)
        return unknown(
            work.cause, phrase("checker_failed", error=f"{type(error).__name__}: {error}")
        )


@activity(given.DECIDE)
async def decide_plan(work: given.Decide) -> Decision:
    planning = await the_app().planning()
    return await decide.decide(planning, work.incident_id, work.findings, work.failed_at)


@activity(given.TAKE_TURN)
async def take_turn(work: given.TakeTurn) -> NextStep:
    planning = await the_app().planning()
    return await turn.take_turn(planning, work.incident_id, work.plan, work.failed_at, work.unread)


@activity(given.CARRY_OUT)
async def carry_out_unit(work: given.CarryOut) -> StepOutcome:
    """An error becomes a failed outcome: the incident goes to a person with what is
    known, instead of being lost."""
    try:
        execution = await the_app().execution()
        return await execution.carry_out(work.incident_id, work.cause, work.unit)
    except Exception as error:
        logging.exception("the fix of %s for %s failed", work.cause, work.incident_id)
        return StepOutcome(Outcome.FAILED, f"{type(error).__name__}: {error}")


@activity(given.SETTLE)
async def settle_fix(work: given.Settle) -> NextStep:
    execution = await the_app().execution()
    in_place = await execution.settle(work.incident_id, work.plan, work.outcomes)
    return NextStep(Next.BACK_UP if in_place else Next.STOP)


@activity(given.START_BACKUP)
async def start_backup(work: given.OfIncident) -> NextStep:
    return await start.start(await the_app().verifying(), work.incident_id)


@activity(given.LOOK_AT_BACKUP)
async def look_at_backup(work: given.OfIncident) -> Look:
    return await follow.look(await the_app().verifying(), work.incident_id)


@activity(given.CONCLUDE_BACKUP)
async def conclude_backup(work: given.OfIncident) -> NextStep:
    return await conclude.conclude(await the_app().verifying(), work.incident_id)


@activity(given.HAND_OVER)
async def hand_over_incident(work: given.HandOver) -> Done:
    await (await the_app().execution()).hand_over(work.incident_id, work.stage, work.error)
    return Done()


@activity(given.NOTE_PROGRESS)
async def note_progress(work: given.Progress) -> Done:
    """Called in work that was lost before: a stage came through."""
    await the_app().restarts.note_progress(work.incident_id, work.stage)
    return Done()
