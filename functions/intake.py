"""Event Grid trigger `intake`: claims the failure and starts its orchestration. Short,
since Event Grid waits 30 s."""

from __future__ import annotations

import azure.durable_functions as df

from functions.starting import take_and_start

blueprint = df.Blueprint()


@blueprint.event_grid_trigger(arg_name="event")
@blueprint.durable_client_input(client_name="client")
async def intake(event: str, client: str) -> None:
    """Returns normally for an event that can never be used (it is on record then);
    raises when Event Grid has to send it again."""
    await take_and_start(event, client)
