"""The protobuf side of the replay: actions to be sent, and what the history says about
work sent and settled.

Inputs are encoded twice, as the real extension does it: the library gives JSON text,
and that text is stored as a JSON string.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from durabletask.internal import helpers
from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf import wrappers_pb2

Action = dict[str, Any]


def scheduled_work(history: Sequence[Any]) -> dict[int, tuple[str, str]]:
    """Every id that the history holds, with the kind and the name of the work."""
    work: dict[int, tuple[str, str]] = {}
    for event in history:
        if event.HasField("taskScheduled"):
            work[event.eventId] = ("activity", event.taskScheduled.name)
        elif event.HasField("timerCreated"):
            work[event.eventId] = ("timer", "")
    return work


def settled_work(event: Any) -> tuple[int, bool] | None:
    """What an event settles: the id and whether it failed."""
    if event.HasField("taskCompleted"):
        return event.taskCompleted.taskScheduledId, False
    if event.HasField("taskFailed"):
        return event.taskFailed.taskScheduledId, True
    if event.HasField("timerFired"):
        return event.timerFired.timerId, False
    return None


def activity(number: int, action: Action) -> Any:
    """Schedule an activity."""
    return helpers.new_schedule_task_action(
        number, action["functionName"], json.dumps(action["input"]), None
    )


def timer(number: int, fire_at: datetime) -> Any:
    """Create a timer; `fire_at` is aware."""
    return helpers.new_create_timer_action(number, fire_at.astimezone(UTC).replace(tzinfo=None))


def complete(status: pb.OrchestrationStatus, result: str | None, failure: str | None = None) -> Any:
    """End an execution; `result` is JSON text. The id -1 never meets one of the
    orchestrator's own."""
    details = (
        pb.TaskFailureDetails(errorType="Exception", errorMessage=failure) if failure else None
    )
    return pb.OrchestratorAction(
        id=-1,
        completeOrchestration=pb.CompleteOrchestrationAction(
            orchestrationStatus=status,
            result=wrappers_pb2.StringValue(value=result) if result is not None else None,
            failureDetails=details,
        ),
    )
