"""Timer `sweep`: twice an hour, looks for failed backups that no event reported, and
starts the incidents that it opened."""

from __future__ import annotations

import logging

import azure.durable_functions as df
import azure.functions as func

from functions.composition import the_app
from functions.starting import ensure_running

blueprint = df.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 10,40 * * * *")
@blueprint.durable_client_input(client_name="client")
async def sweep(timer: func.TimerRequest, client: str) -> None:  # noqa: ARG001
    swept = await (await the_app().sweep()).run(say=logging.debug)
    logging.log(logging.WARNING if swept.problems else logging.INFO, "sweep: %s", swept.summary)
    for incident_id in swept.opened:
        await ensure_running(client, incident_id)
