"""Starts an incident's orchestration once: the instance id is the incident's id."""

from __future__ import annotations

import logging
from typing import Any

from azure.durable_functions import OrchestrationRuntimeStatus

from functions.composition import the_app

ORCHESTRATOR = "remediate"
AT_WORK = (
    OrchestrationRuntimeStatus.Pending,
    OrchestrationRuntimeStatus.Running,
    OrchestrationRuntimeStatus.ContinuedAsNew,
    OrchestrationRuntimeStatus.Suspended,
)


async def take_and_start(event: str, client: Any) -> None:
    """Take one event and start its incidents. Returns for whatever can never be used (it is on record then); raises when it must come
    again."""
    app = the_app()
    taken = await app.intake.take(event, app.own_subscription)
    logging.info("event %s: incident %s", taken.what, taken.incident_id or "none")
    for incident_id in taken.starts:
        await ensure_running(client, incident_id)


async def is_running(client: Any, incident_id: str) -> bool:
    status = await client.get_status(incident_id)
    return status is not None and status.runtime_status in AT_WORK


async def ensure_running(client: Any, incident_id: str) -> None:
    """Start it unless it runs. Two callers at once may both try: the host refuses the second, which then finds it running."""
    if await is_running(client, incident_id):
        return
    try:
        await client.start_new(ORCHESTRATOR, instance_id=incident_id, client_input={"incident_id": incident_id})
    except Exception as error:  # durable 1.7 raises nothing narrower for a refused start
        if not await is_running(client, incident_id):
            raise
        logging.info("incident %s runs already; this start was refused: %s", incident_id, error)
