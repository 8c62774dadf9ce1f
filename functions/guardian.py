"""Timer `guardian`: each minute, and when the app starts, puts back locks whose time is over and begins lost incidents again."""

from __future__ import annotations

import logging

import azure.durable_functions as df
import azure.functions as func

from functions.composition import the_app
from functions.starting import ensure_running, is_running
from shared.workflow import guardian as work

blueprint = df.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 * * * * *", run_on_startup=True)
@blueprint.durable_client_input(client_name="client")
async def guardian(timer: func.TimerRequest, client: str) -> None:  # noqa: ARG001
    tools = await the_app().tools()
    for outcome in await work.put_back(tools):
        logging.warning("guardian: %s", outcome.detail)
    for incident in await work.unfinished(tools):
        if not await is_running(client, incident.id) and await work.resume(tools, incident.id):
            await ensure_running(client, incident.id)
