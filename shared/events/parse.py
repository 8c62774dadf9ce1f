"""From the text of an event to what it is. Total: every text gets an answer, none raises.

1. JSON, of a size that Event Grid can deliver. 2. The envelope: CloudEvents 1.0, Event Grid schema, or none. 3. The alert in it.
https://learn.microsoft.com/azure/event-grid/cloud-event-schema and https://learn.microsoft.com/azure/event-grid/event-schema
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.arm_ids import fold
from shared.errors import NotUsable
from shared.events import other_shapes
from shared.events.alert import read_alert
from shared.events.model import LOCK_NOT_BACK, FailureEvent, Ignored, Unusable

LONGEST_CHARACTERS = 1_048_576
"""Event Grid's limit for one event. https://learn.microsoft.com/azure/event-grid/quotas-limits"""
CLOUD_EVENTS, EVENT_GRID, BARE = "CloudEvents 1.0", "Event Grid schema", "common alert schema"

type Parsed = FailureEvent | Ignored | Unusable


@dataclass(frozen=True, slots=True)
class Envelope:
    shape: str
    event_id: str
    event_type: str
    at: str
    data: Any


def parse(text: str) -> Parsed:
    """What the event that the trigger was given turns out to be."""
    what = "event"
    try:
        envelope = _opened(_json_object(text))
        if envelope.event_type == LOCK_NOT_BACK:
            return Ignored("our own event for whoever watches the locks", envelope.shape)
        what = f"event of type {envelope.event_type or 'unknown'} ({envelope.shape})"
        found = _read(_data_of(envelope), envelope.shape, envelope.event_id)
        return replace(found, fired_at=found.fired_at or envelope.at) if isinstance(found, FailureEvent) else found
    except NotUsable as error:
        return Unusable(f"{what}: {error.reason}")


def parse_alert(text: str) -> Parsed:
    """What an action group's call turns out to be: an alert without an envelope."""
    try:
        return _read(_json_object(text), BARE, "")
    except NotUsable as error:
        return Unusable(error.reason)


@dataclass(frozen=True, slots=True)
class Shape:
    """One way in which a failed backup is told."""

    name: str
    matches: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any], str, str], FailureEvent | Ignored]


SHAPES = (
    Shape("log search alert", other_shapes.is_log_alert, other_shapes.read_log_alert),
    Shape("backup health metric", other_shapes.is_health_metric, other_shapes.read_health_metric),
    Shape("refused on-demand backup", other_shapes.is_refused_backup, other_shapes.read_refused_backup),
    Shape("job record", other_shapes.is_job_record, other_shapes.read_job_record),
    Shape("alert of Azure Backup", lambda _: True, read_alert),
)
"""The first that matches reads; the built-in alert comes last and says what is missing where nothing matches."""


def _read(data: Mapping[str, Any], envelope: str, event_id: str) -> FailureEvent | Ignored:
    shape = next(each for each in SHAPES if each.matches(data))
    return shape.read(data, f"{envelope}: {shape.name}", event_id)


def _json_object(text: str) -> Mapping[str, Any]:
    if len(text) > LONGEST_CHARACTERS:
        raise NotUsable(f"{len(text)} characters; an event has {LONGEST_CHARACTERS} at most")
    try:
        found = json.loads(_of_whole_characters(text))
    except ValueError as error:
        raise NotUsable(f"not JSON: {error}") from error
    except RecursionError as error:
        raise NotUsable("JSON that is nested too deeply") from error
    if not isinstance(found, dict):
        raise NotUsable(f"a JSON object is expected, not {type(found).__name__}")
    return found


def _of_whole_characters(text: str) -> str:
    r"""JSON may write half of a character (\ud800), which no store takes: it becomes a question mark."""
    if "\\ud" not in fold(text) and text.isascii():
        return text
    return json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace").decode()


def _opened(event: Mapping[str, Any]) -> Envelope:
    if "specversion" in event:
        if event["specversion"] != "1.0":
            raise NotUsable(f"CloudEvents of version {event['specversion']!r}; 1.0 is understood")
        return Envelope(CLOUD_EVENTS, _text(event, "id"), _text(event, "type"), _text(event, "time"), _cloud_data(event))
    if "eventType" in event:
        return Envelope(EVENT_GRID, _text(event, "id"), _text(event, "eventType"), _text(event, "eventTime"), event.get("data"))
    return Envelope(BARE, "", "", "", event)


def _cloud_data(event: Mapping[str, Any]) -> Any:
    if "data_base64" not in event:
        return event.get("data")
    try:
        return base64.b64decode(str(event["data_base64"]), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise NotUsable(f"data_base64 is not base64 of text: {error}") from error


def _data_of(envelope: Envelope) -> Mapping[str, Any]:
    data = _json_object(envelope.data) if isinstance(envelope.data, str) else envelope.data
    if not isinstance(data, Mapping):
        raise NotUsable("data is not an object")
    return data


def _text(wire: Mapping[str, Any], name: str) -> str:
    value = wire.get(name)
    return value if isinstance(value, str) else ""
