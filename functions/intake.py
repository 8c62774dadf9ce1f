"""Event Grid trigger `intake`: claims the failure and starts its orchestration. Short, since Event Grid waits 30 s."""

from __future__ import annotations

import logging

import azure.durable_functions as df

from functions.composition import the_app
from functions.starting import ensure_running

blueprint = df.Blueprint()


@blueprint.event_grid_trigger(arg_name="event")
@blueprint.durable_client_input(client_name="client")
async def intake(event: str, client: str) -> None:
    """Returns normally for whatever can never be used (it is on record then); raises when Event Grid has to send it again."""
    app = the_app()
    taken = await app.intake.take(event, app.own_subscription)
    logging.info("event %s: incident %s", taken.what, taken.incident_id or "none")
    if taken.start:
        await ensure_running(client, taken.start)
