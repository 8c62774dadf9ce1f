"""Protobuf history → the JSON context that the 1.7 library's orchestration trigger reads."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any

Event = Any
Fields = dict[str, Any]


def context_json(instance_id: str, parent_id: str | None, past: Sequence[Event], new: Sequence[Event]) -> str:
    """The context of one episode, as JSON text."""
    history = [_to_json(e, played=True) for e in past] + [_to_json(e, played=False) for e in new]
    started = next(e.executionStarted for e in (*past, *new) if e.HasField("executionStarted"))
    context = {
        "history": [event for event in history if event is not None],
        "input": json.loads(started.input.value) if started.input.value else None,
        "instanceId": instance_id,
        "isReplaying": bool(past),
        "parentInstanceId": parent_id,
        "upperSchemaVersion": 1,
        "upperSchemaVersionNew": 2,
        "maximumShortTimerDuration": None,
        "longRunningTimerIntervalDuration": None,
    }
    return json.dumps(context)


def is_suspended(history: Sequence[Event]) -> bool:
    """Whether the last suspend event has no resume after it."""
    suspended = False
    for event in history:
        if event.HasField("executionSuspended"):
            suspended = True
        elif event.HasField("executionResumed"):
            suspended = False
    return suspended


def termination_reason(history: Sequence[Event]) -> str | None:
    """The reason (JSON text) of a termination that was asked for, or None when none was."""
    for event in history:
        if event.HasField("executionTerminated"):
            return str(event.executionTerminated.input.value)
    return None


def iso(timestamp: Any) -> str:
    """A protobuf timestamp as ISO 8601 with Z, which the library needs to see it as UTC."""
    return str(timestamp.ToDatetime(tzinfo=UTC).isoformat(timespec="microseconds")).replace("+00:00", "Z")


def _to_json(event: Event, *, played: bool) -> Fields | None:
    """One event, or None for a kind that the library has no use for."""
    for name, (number, fields) in _EVENTS.items():
        if event.HasField(name):
            common = {
                "EventType": number,
                "EventId": event.eventId,
                "IsPlayed": played,
                "Timestamp": iso(event.timestamp),
            }
            return {**common, **fields(event)}
    return None


def _text(value: Any) -> str | None:
    return value.value or None


def _no_fields(_: Event) -> Fields:
    return {}


def _execution_started(event: Event) -> Fields:
    e = event.executionStarted
    return {"Name": e.name, "Version": _text(e.version), "Input": _text(e.input)}


def _task_scheduled(event: Event) -> Fields:
    e = event.taskScheduled
    return {"Name": e.name, "Version": _text(e.version), "Input": _text(e.input)}


def _sub_created(event: Event) -> Fields:
    e = event.subOrchestrationInstanceCreated
    return {"Name": e.name, "InstanceId": e.instanceId, "Input": _text(e.input)}


def _task_completed(event: Event) -> Fields:
    e = event.taskCompleted
    return {"TaskScheduledId": e.taskScheduledId, "Result": _text(e.result)}


def _sub_completed(event: Event) -> Fields:
    e = event.subOrchestrationInstanceCompleted
    return {"TaskScheduledId": e.taskScheduledId, "Result": _text(e.result)}


def _failed(e: Any) -> Fields:
    details = e.failureDetails
    return {
        "TaskScheduledId": e.taskScheduledId,
        "Reason": details.errorMessage,
        "Details": _text(details.stackTrace) or "",
    }


def _timer_created(event: Event) -> Fields:
    return {"FireAt": iso(event.timerCreated.fireAt)}


def _timer_fired(event: Event) -> Fields:
    return {"TimerId": event.timerFired.timerId, "FireAt": iso(event.timerFired.fireAt)}


def _event_raised(event: Event) -> Fields:
    return {"Name": event.eventRaised.name, "Input": _text(event.eventRaised.input)}


def _entity_sent(e: Any) -> Fields:
    body = {"op": e.operation, "id": e.requestId, "input": _text(e.input)}
    return {"InstanceId": e.targetInstanceId.value, "Name": "op", "Input": json.dumps(body)}


def _entity_completed(event: Event) -> Fields:
    e = event.entityOperationCompleted
    return {"Name": e.requestId, "Input": json.dumps({"result": e.output.value or "null"})}


def _entity_failed(event: Event) -> Fields:
    e = event.entityOperationFailed
    body = {"result": json.dumps(e.failureDetails.errorMessage), "exceptionType": e.failureDetails.errorType}
    return {"Name": e.requestId, "Input": json.dumps(body)}


_EVENTS: dict[str, tuple[int, Callable[[Event], Fields]]] = {
    "executionStarted": (0, _execution_started),
    "taskScheduled": (4, _task_scheduled),
    "taskCompleted": (5, _task_completed),
    "taskFailed": (6, lambda event: _failed(event.taskFailed)),
    "subOrchestrationInstanceCreated": (7, _sub_created),
    "subOrchestrationInstanceCompleted": (8, _sub_completed),
    "subOrchestrationInstanceFailed": (9, lambda event: _failed(event.subOrchestrationInstanceFailed)),
    "timerCreated": (10, _timer_created),
    "timerFired": (11, _timer_fired),
    "orchestratorStarted": (12, _no_fields),
    "orchestratorCompleted": (13, _no_fields),
    "entityOperationCalled": (14, lambda event: _entity_sent(event.entityOperationCalled)),
    "entityOperationSignaled": (14, lambda event: _entity_sent(event.entityOperationSignaled)),
    "eventRaised": (15, _event_raised),
    "entityOperationCompleted": (15, _entity_completed),
    "entityOperationFailed": (15, _entity_failed),
    "executionSuspended": (19, _no_fields),
    "executionResumed": (20, _no_fields),
}
