"""Starts an incident's orchestration once: the instance id is the incident's id."""

from __future__ import annotations

import logging
from typing import Any

from azure.durable_functions import OrchestrationRuntimeStatus
from azure.durable_functions.models.RpcManagementOptions import RpcManagementOptions

from functions.activities import ORCHESTRATOR, Pace, Remediate
from functions.composition import the_app
from shared.codec import to_json
from shared.errors import RemediatorError

AT_WORK = (
    OrchestrationRuntimeStatus.Pending,
    OrchestrationRuntimeStatus.Running,
    OrchestrationRuntimeStatus.ContinuedAsNew,
    OrchestrationRuntimeStatus.Suspended,
)
DOCUMENTED = {status.value: status for status in OrchestrationRuntimeStatus}
NOT_FOUND = 404


class EngineSilent(RemediatorError):
    """The durable engine did not say whether an orchestration runs."""


async def take_and_start(event: str, client: Any) -> None:
    """Take one event and start its incidents. Returns for an event that can never be
    used (it is on record then); raises when the event has to come again."""
    app = the_app()
    taken = await app.intake.take(event, app.own_subscription)
    logging.info("event %s: incident %s", taken.what, taken.incident_id or "none")
    for incident_id in taken.starts:
        await ensure_running(client, incident_id)


async def is_running(client: Any, incident_id: str) -> bool:
    """Raises EngineSilent where the engine does not say: unknown is not "not running".

    Two answers are believed: 404, for an id that Durable does not have, and a
    documented runtime status. A fault of its storage is 500 with an error object, one
    of the host 500 with nothing; the library's `get_status` makes both a status without
    a state.
    https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-http-api#get-instance-status
    """
    code, body = await _status(client, incident_id)
    if code == NOT_FOUND:
        return False
    status = body.get("runtimeStatus") if isinstance(body, dict) else None
    if status not in DOCUMENTED:
        raise EngineSilent(
            f"the durable engine does not say whether {incident_id} runs: {code} {str(body)[:200]}"
        )
    return DOCUMENTED[status] in AT_WORK


async def _status(client: Any, incident_id: str) -> tuple[int, Any]:
    """HTTP status and body, which the library's public call does not tell apart."""
    url = RpcManagementOptions(instance_id=incident_id).to_url(
        client._orchestration_bindings.rpc_base_url
    )
    code, body = await client._get_async_request(url)
    return code, body


async def ensure_running(client: Any, incident_id: str, *, restarted: bool = False) -> bool:
    """Start the orchestration unless it runs; returns whether the engine took our
    start. Two callers at once may both try: the host refuses the second, which then
    finds it running. `restarted`: the work was begun before, and lost. Raises
    EngineSilent, or whatever the library raises for a start that was refused."""
    if await is_running(client, incident_id):
        return False
    given = Remediate(incident_id, Pace.of(the_app().settings), restarted)
    try:
        await client.start_new(ORCHESTRATOR, instance_id=incident_id, client_input=to_json(given))
    except Exception as error:  # durable 1.7 raises nothing narrower for a refused start
        if not await is_running(client, incident_id):
            raise
        logging.info("incident %s runs already; this start was refused: %s", incident_id, error)
        return False
    return True
