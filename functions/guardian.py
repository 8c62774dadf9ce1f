"""Timer `guardian`: each minute, and when the app starts, puts back locks whose time is
over and begins lost incidents again."""

from __future__ import annotations

import logging

import azure.durable_functions as df
import azure.functions as func

from functions.composition import the_app
from functions.starting import ensure_running, is_running
from shared.execution.executor import Execution
from shared.execution.tools import Tools
from shared.incident import restarts

blueprint = df.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 * * * * *", run_on_startup=True)
@blueprint.durable_client_input(client_name="client")
async def guardian(timer: func.TimerRequest, client: str) -> None:  # noqa: ARG001
    """Does all that can be done, then raises the first of what could not."""
    tools = await the_app().tools()
    problems = await _put_back(await the_app().execution()) + await _resume(tools, client)
    if problems:
        raise problems[0]


async def _put_back(execution: Execution) -> list[Exception]:
    try:
        for outcome in await execution.put_back_due():
            logging.warning("guardian: %s", outcome.detail)
    except Exception as error:  # the other half of the guardian's work does not wait for this one
        logging.exception("guardian: locks could not be put back")
        return [error]
    return []


async def _resume(tools: Tools, client: str) -> list[Exception]:
    """One incident that cannot be looked at keeps no other from being begun again."""
    problems: list[Exception] = []
    for incident in await restarts.unfinished(tools):
        try:
            if await is_running(client, incident.id) or not await restarts.may_restart(
                tools, incident.id
            ):
                continue
            if await ensure_running(client, incident.id, restarted=True):
                await restarts.count_restart(tools, incident.id)
        except Exception as error:
            logging.exception("guardian: incident %s", incident.id)
            problems.append(error)
    return problems
