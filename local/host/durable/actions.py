"""The protobuf side of the replay: builds actions, and reads from the history which
work was scheduled and which has settled.

Inputs are encoded twice, as in the real extension: the library gives JSON text, and
that text is stored as a JSON string.
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
    """Kind and name of the scheduled work, by its id in the history."""
    work: dict[int, tuple[str, str]] = {}
    for event in history:
        if event.HasField("taskScheduled"):
            work[event.eventId] = ("activity", event.taskScheduled.name)
        elif event.HasField("timerCreated"):
            work[event.eventId] = ("timer", "")
    return work


def settled_work(event: Any) -> tuple[int, bool] | None:
    """The id of the work that an event settles, and whether it failed; None for any
    other event."""
    if event.HasField("taskCompleted"):
        return event.taskCompleted.taskScheduledId, False
    if event.HasField("taskFailed"):
        return event.taskFailed.taskScheduledId, True
    if event.HasField("timerFired"):
        return event.timerFired.timerId, False
    return None


def schedule_activity(number: int, action: Action) -> Any:
    """The action that schedules an activity."""
    return helpers.new_schedule_task_action(
        number, action["functionName"], json.dumps(action["input"]), None
    )


def create_timer(number: int, fire_at: datetime) -> Any:
    """The action that creates a timer."""
    return helpers.new_create_timer_action(number, fire_at.astimezone(UTC).replace(tzinfo=None))


def complete(status: pb.OrchestrationStatus, result: str | None, failure: str | None = None) -> Any:
    """The action that ends an execution; `result` is JSON text. Its id is -1, which no
    action of the orchestrator has."""
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
