"""Timer `guardian`: each minute, and when the app starts, puts back locks whose time is
over and begins lost incidents again."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

import azure.durable_functions as df
import azure.functions as func

from functions.composition import the_app
from functions.starting import ensure_running, is_running
from shared.incident.outcome import StepOutcome
from shared.incident.restarts import Restarts

blueprint = df.Blueprint()


class Locks(Protocol):
    """What the guardian asks of execution."""

    async def guard(self) -> tuple[list[StepOutcome], list[Exception]]: ...


@blueprint.timer_trigger(arg_name="timer", schedule="0 * * * * *", run_on_startup=True)
@blueprint.durable_client_input(client_name="client")
async def guardian(timer: func.TimerRequest, client: str) -> None:  # noqa: ARG001
    """Does all that can be done, then raises the first of what could not."""
    app = the_app()
    # Side by side: the first stays while a lock is off or watched.
    put_back, resumed = await asyncio.gather(
        _put_back(await app.execution()), _resume(app.restarts, client)
    )
    if problems := put_back + resumed:
        raise problems[0]


async def _put_back(locks: Locks) -> list[Exception]:
    try:
        outcomes, problems = await locks.guard()
        for outcome in outcomes:
            logging.warning("guardian: %s", outcome.detail)
    except Exception as error:  # the other half of the guardian's work does not wait for this one
        logging.exception("guardian: locks could not be put back")
        return [error]
    return problems


async def _resume(restarts: Restarts, client: str) -> list[Exception]:
    """Begin each lost incident again; one that is not known holds up no other."""
    problems: list[Exception] = []
    for incident in await restarts.unfinished():
        try:
            await _resume_one(restarts, client, incident.id)
        except Exception as error:
            logging.exception("guardian: incident %s", incident.id)
            problems.append(error)
    return problems


async def _resume_one(restarts: Restarts, client: str, incident_id: str) -> None:
    if await is_running(client, incident_id) or not await restarts.may_restart(incident_id):
        return
    if await ensure_running(client, incident_id, restarted=True):
        await restarts.count_restart(incident_id)
