"""The protobuf side of the replay: actions to be sent, and what the history says about work sent and settled.

Inputs are encoded twice, as the real extension does it: the library gives JSON text, and that text is stored as a
JSON string.
"""

import json
import uuid
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
        elif event.HasField("subOrchestrationInstanceCreated"):
            work[event.eventId] = ("sub-orchestration", event.subOrchestrationInstanceCreated.name)
        elif event.HasField("timerCreated"):
            work[event.eventId] = ("timer", "")
        elif event.HasField("entityOperationCalled"):
            work[event.eventId] = ("entity", event.entityOperationCalled.operation)
        elif event.HasField("entityOperationSignaled"):
            work[event.eventId] = ("entity", event.entityOperationSignaled.operation)
    return work


def settled_work(event: Any) -> tuple[int | str, bool] | None:
    """What an event settles: the id (an entity call's request id) and whether it failed."""
    if event.HasField("taskCompleted"):
        return event.taskCompleted.taskScheduledId, False
    if event.HasField("taskFailed"):
        return event.taskFailed.taskScheduledId, True
    if event.HasField("subOrchestrationInstanceCompleted"):
        return event.subOrchestrationInstanceCompleted.taskScheduledId, False
    if event.HasField("subOrchestrationInstanceFailed"):
        return event.subOrchestrationInstanceFailed.taskScheduledId, True
    if event.HasField("timerFired"):
        return event.timerFired.timerId, False
    if event.HasField("entityOperationCompleted"):
        return event.entityOperationCompleted.requestId, False
    if event.HasField("entityOperationFailed"):
        return event.entityOperationFailed.requestId, True
    return None


def request_id(instance_id: str, history: Sequence[Any], number: int) -> str:
    """The id of an entity request: the same in every replay of one execution, another in the next execution."""
    started = next(event for event in history if event.HasField("orchestratorStarted"))
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{instance_id}/{started.timestamp.ToJsonString()}/{number}"))


def activity(number: int, action: Action) -> Any:
    """Schedule an activity."""
    return helpers.new_schedule_task_action(number, action["functionName"], _encode(action["input"]), None)


def sub_orchestration(number: int, action: Action, parent_id: str) -> Any:
    """Start a sub-orchestration, under the id given or one made from the parent's."""
    instance_id = action.get("instanceId") or f"{parent_id}:{number:04x}"
    return helpers.new_create_sub_orchestration_action(number, action["functionName"], instance_id, _encode(action["input"]), None)


def timer(number: int, fire_at: datetime) -> Any:
    """Create a timer; `fire_at` is aware."""
    return helpers.new_create_timer_action(number, fire_at.astimezone(UTC).replace(tzinfo=None))


def call_entity(number: int, action: Action, parent_id: str, request: str) -> Any:
    """Call an entity and wait for its answer."""
    called = pb.EntityOperationCalledEvent(
        requestId=request,
        operation=action["operation"],
        input=_wrap(_encode(action["input"])),
        parentInstanceId=_wrap(parent_id),
        targetInstanceId=_wrap(action["instanceId"]),
    )
    return pb.OrchestratorAction(id=number, sendEntityMessage=pb.SendEntityMessageAction(entityOperationCalled=called))


def signal_entity(number: int, action: Action, request: str) -> Any:
    """Send an entity a signal; nothing comes back."""
    signaled = pb.EntityOperationSignaledEvent(
        requestId=request,
        operation=action["operation"],
        input=_wrap(_encode(action["input"])),
        targetInstanceId=_wrap(action["instanceId"]),
    )
    message = pb.SendEntityMessageAction(entityOperationSignaled=signaled)
    return pb.OrchestratorAction(id=number, sendEntityMessage=message)


def complete(status: pb.OrchestrationStatus, result: str | None, failure: str | None = None) -> Any:
    """End an execution; `result` is JSON text. The id -1 never meets one of the orchestrator's own."""
    details = pb.TaskFailureDetails(errorType="Exception", errorMessage=failure) if failure else None
    return pb.OrchestratorAction(
        id=-1,
        completeOrchestration=pb.CompleteOrchestrationAction(
            orchestrationStatus=status, result=_wrap(result) if result is not None else None, failureDetails=details
        ),
    )


def _encode(text: Any) -> str:
    return json.dumps(text)


def _wrap(text: str) -> Any:
    return wrappers_pb2.StringValue(value=text)
