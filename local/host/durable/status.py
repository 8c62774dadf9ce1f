"""An orchestration's state as the real extension's HTTP interface shows it."""

import json
from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb

RUNTIME_STATUS = {
    pb.ORCHESTRATION_STATUS_RUNNING: "Running",
    pb.ORCHESTRATION_STATUS_COMPLETED: "Completed",
    pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW: "ContinuedAsNew",
    pb.ORCHESTRATION_STATUS_FAILED: "Failed",
    pb.ORCHESTRATION_STATUS_CANCELED: "Canceled",
    pb.ORCHESTRATION_STATUS_TERMINATED: "Terminated",
    pb.ORCHESTRATION_STATUS_PENDING: "Pending",
    pb.ORCHESTRATION_STATUS_SUSPENDED: "Suspended",
}
FINISHED = ("Completed", "Failed", "Canceled", "Terminated")


def runtime_status(state: Any) -> str:
    """The status of a state, by the name that Durable Functions gives it."""
    return RUNTIME_STATUS[state.orchestrationStatus]


def to_json(state: Any, *, show_input: bool) -> dict[str, Any]:
    """The state as JSON. `input` is the body of the start request, which the 1.7 client
    sends as JSON text."""
    return {
        "name": state.name,
        "instanceId": state.instanceId,
        "runtimeStatus": runtime_status(state),
        "input": _decode(state.input) if show_input else None,
        "customStatus": _decode(state.customStatus),
        "output": _decode(state.output),
        "createdTime": _seconds(state.createdTimestamp),
        "lastUpdatedTime": _seconds(state.lastUpdatedTimestamp),
    }


def _seconds(timestamp: Any) -> str:
    """A time to the second, as HttpApiHandler.ConvertFrom writes it."""
    return str(timestamp.ToDatetime().isoformat(timespec="seconds")) + "Z"


def _decode(value: Any) -> Any:
    if not value.value:
        return None
    try:
        return json.loads(value.value)
    except ValueError:
        return value.value
