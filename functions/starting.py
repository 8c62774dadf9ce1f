"""Starts an incident's orchestration once: the instance id is the incident's id."""

from __future__ import annotations

import logging
from typing import Any

from azure.durable_functions import OrchestrationRuntimeStatus

from functions.composition import the_app
from shared.errors import RemediatorError

ORCHESTRATOR = "remediate"
AT_WORK = (
    OrchestrationRuntimeStatus.Pending,
    OrchestrationRuntimeStatus.Running,
    OrchestrationRuntimeStatus.ContinuedAsNew,
    OrchestrationRuntimeStatus.Suspended,
)


class EngineSilent(RemediatorError):
    """The durable engine answered with an error: whether an orchestration runs is not known."""


async def take_and_start(event: str, client: Any) -> None:
    """Take one event and start its incidents. Returns for whatever can never be used (it is on record then); raises when it must come
    again."""
    app = the_app()
    taken = await app.intake.take(event, app.own_subscription)
    logging.info("event %s: incident %s", taken.what, taken.incident_id or "none")
    for incident_id in taken.starts:
        await ensure_running(client, incident_id)


async def is_running(client: Any, incident_id: str) -> bool:
    """Raises EngineSilent where the engine does not say: unknown is not "not running".

    For an id that it does not have Durable answers 404 without a body, which its client gives as an empty message. For a fault of its
    storage it answers 500 with an error object, which the client takes for a status without a state.
    """
    status = await client.get_status(incident_id)
    if status is None or getattr(status, "message", None) is not None:
        return False
    if status.runtime_status is None:
        raise EngineSilent(f"the durable engine does not say whether {incident_id} runs")
    return status.runtime_status in AT_WORK


async def ensure_running(client: Any, incident_id: str) -> None:
    """Start it unless it runs. Two callers at once may both try: the host refuses the second, which then finds it running."""
    if await is_running(client, incident_id):
        return
    try:
        given = {"incident_id": incident_id, "pause_seconds": the_app().settings.busy_poll_seconds}
        await client.start_new(ORCHESTRATOR, instance_id=incident_id, client_input=given)
    except Exception as error:  # durable 1.7 raises nothing narrower for a refused start
        if not await is_running(client, incident_id):
            raise
        logging.info("incident %s runs already; this start was refused: %s", incident_id, error)
