"""Turns the protobuf history into the JSON context that the 1.7 library's orchestration
trigger reads."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any

from local.host.newtonsoft import read, trim_fraction

Event = Any
Fields = dict[str, Any]


def context_json(instance_id: str, past: Sequence[Event], new: Sequence[Event]) -> str:
    """The context of one episode, as JSON text."""
    history = [_to_json(e, played=True) for e in past] + [_to_json(e, played=False) for e in new]
    started = next(e.executionStarted for e in (*past, *new) if e.HasField("executionStarted"))
    context = {
        "history": [event for event in history if event is not None],
        "input": read(started.input.value) if started.input.value else None,
        "instanceId": instance_id,
        "isReplaying": bool(past),
        "parentInstanceId": None,
        "upperSchemaVersion": 1,
        "upperSchemaVersionNew": 2,
        "maximumShortTimerDuration": None,
        "longRunningTimerIntervalDuration": None,
    }
    return json.dumps(context)


def is_suspended(history: Sequence[Event]) -> bool:
    """Whether no resume event follows the last suspend event."""
    suspended = False
    for event in history:
        if event.HasField("executionSuspended"):
            suspended = True
        elif event.HasField("executionResumed"):
            suspended = False
    return suspended


def termination_reason(history: Sequence[Event]) -> str | None:
    """The reason (JSON text) of a requested termination, or None."""
    for event in history:
        if event.HasField("executionTerminated"):
            return str(event.executionTerminated.input.value)
    return None


def iso(timestamp: Any) -> str:
    """A protobuf timestamp as .NET writes it: ISO 8601 with Z, and no trailing zeros in
    the fraction."""
    text = timestamp.ToDatetime(tzinfo=UTC).isoformat(timespec="microseconds")
    return trim_fraction(text.replace("+00:00", "Z"))


def _to_json(event: Event, *, played: bool) -> Fields | None:
    """One event, or None for a kind that the library does not use."""
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


def _call_fields(call: Any) -> Fields:
    return {"Name": call.name, "Version": _text(call.version), "Input": _text(call.input)}


def _task_completed(event: Event) -> Fields:
    e = event.taskCompleted
    return {"TaskScheduledId": e.taskScheduledId, "Result": _text(e.result)}


def _task_failed(event: Event) -> Fields:
    e = event.taskFailed
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


_EVENTS: dict[str, tuple[int, Callable[[Event], Fields]]] = {
    "executionStarted": (0, lambda event: _call_fields(event.executionStarted)),
    "taskScheduled": (4, lambda event: _call_fields(event.taskScheduled)),
    "taskCompleted": (5, _task_completed),
    "taskFailed": (6, _task_failed),
    "timerCreated": (10, _timer_created),
    "timerFired": (11, _timer_fired),
    "orchestratorStarted": (12, _no_fields),
    "orchestratorCompleted": (13, _no_fields),
    "eventRaised": (15, _event_raised),
    "executionSuspended": (19, _no_fields),
    "executionResumed": (20, _no_fields),
}
