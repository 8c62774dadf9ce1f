"""Parses the text of an event. Total: every text has a result, none raises.

1. The JSON, of a size that Event Grid can deliver.
2. The envelope: CloudEvents 1.0, Event Grid schema, or none.
3. The alert in it.

https://learn.microsoft.com/azure/event-grid/cloud-event-schema and
https://learn.microsoft.com/azure/event-grid/event-schema
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.arm_ids import fold
from shared.errors import NotOurs, NotUsable, whole_characters
from shared.events import log_alert, other_shapes
from shared.events.alert import read_alert
from shared.events.model import LOCK_NOT_BACK, FailureEvent, Ignored, Several, Unusable
from shared.events.set_aside import why_not_ours
from shared.events.wire import text as read_text

LONGEST_CHARACTERS = 1_048_576
"""Event Grid's limit for one event.
https://learn.microsoft.com/azure/event-grid/quotas-limits"""
CLOUD_EVENTS, EVENT_GRID, BARE = "CloudEvents 1.0", "Event Grid schema", "common alert schema"

type Found = FailureEvent | Ignored | Several
type Parsed = Found | Unusable


@dataclass(frozen=True, slots=True)
class Envelope:
    shape: str
    event_id: str
    event_type: str
    at: str
    data: Any


def parse(text: str) -> Parsed:
    """Parse an event as Event Grid delivers it."""
    what = "event"
    try:
        envelope = _open_envelope(_read_json_object(text))
        if envelope.event_type == LOCK_NOT_BACK:
            return Ignored("our own event for whoever watches the locks", envelope.shape)
        what = f"event of type {envelope.event_type or 'unknown'} ({envelope.shape})"
        return _with_time(_read(_read_data(envelope), envelope), envelope.at)
    except NotUsable as error:
        return Unusable(f"{what}: {error.reason}")


def parse_alert(text: str) -> Parsed:
    """Parse an action group's call: an alert without an envelope."""
    try:
        return _read(_read_json_object(text), Envelope(BARE, "", "", "", None))
    except NotUsable as error:
        return Unusable(error.reason)


def _with_time[Each: Found](found: Each, at: str) -> Each:
    """With the envelope's time where the failure has none of its own."""
    if isinstance(found, Several):
        return replace(found, found=tuple(_with_time(each, at) for each in found.found))
    return (
        replace(found, fired_at=found.fired_at or at) if isinstance(found, FailureEvent) else found
    )


@dataclass(frozen=True, slots=True)
class Shape:
    """One form of an event about a failed backup."""

    name: str
    matches: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any], str, str], Found]


SHAPES = (
    Shape("log search alert", log_alert.is_log_alert, log_alert.read_log_alert),
    Shape("backup health metric", other_shapes.is_health_metric, other_shapes.read_health_metric),
    Shape(
        "refused on-demand backup", other_shapes.is_refused_backup, other_shapes.read_refused_backup
    ),
    Shape("job record", other_shapes.is_job_record, other_shapes.read_job_record),
    Shape("row of a log", log_alert.is_log_row, log_alert.read_log_row),
)
"""The first that matches reads the event."""
BUILT_IN = Shape("alert of Azure Backup", lambda _: True, read_alert)
"""Reads an event that matches no shape and no reason to set it aside, and says what is
missing."""


def _read(data: Mapping[str, Any], envelope: Envelope) -> Found:
    shape = next((each for each in SHAPES if each.matches(data)), None)
    if shape is None and (reason := why_not_ours(envelope.event_type, data)):
        return Ignored(reason, envelope.shape)
    shape = shape or BUILT_IN
    name = f"{envelope.shape}: {shape.name}"
    try:
        return shape.read(data, name, envelope.event_id)
    except NotOurs as error:
        return Ignored(error.reason, name)


def _read_json_object(text: str) -> Mapping[str, Any]:
    if len(text) > LONGEST_CHARACTERS:
        raise NotUsable(f"{len(text)} characters; an event has {LONGEST_CHARACTERS} at most")
    try:
        found = json.loads(_without_lone_surrogates(text))
    except ValueError as error:
        raise NotUsable(f"not JSON: {error}") from error
    except RecursionError as error:
        raise NotUsable("JSON that is nested too deeply") from error
    if not isinstance(found, dict):
        raise NotUsable(f"a JSON object is expected, not {type(found).__name__}")
    return found


def _without_lone_surrogates(text: str) -> str:
    r"""The JSON with a question mark for each half of a character, also where it is
    written as \ud800."""
    if "\\ud" not in fold(text) and text.isascii():
        return text
    return whole_characters(json.dumps(json.loads(text), ensure_ascii=False))


def _open_envelope(event: Mapping[str, Any]) -> Envelope:
    if "specversion" in event:
        if event["specversion"] != "1.0":
            raise NotUsable(f"CloudEvents of version {event['specversion']!r}; 1.0 is understood")
        return Envelope(
            CLOUD_EVENTS,
            read_text(event, "id"),
            read_text(event, "type"),
            read_text(event, "time"),
            _read_cloud_data(event),
        )
    if "eventType" in event:
        return Envelope(
            EVENT_GRID,
            read_text(event, "id"),
            read_text(event, "eventType"),
            read_text(event, "eventTime"),
            event.get("data"),
        )
    return Envelope(BARE, "", "", "", event)


def _read_cloud_data(event: Mapping[str, Any]) -> Any:
    if "data_base64" not in event:
        return event.get("data")
    try:
        return base64.b64decode(str(event["data_base64"]), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise NotUsable(f"data_base64 is not base64 of text: {error}") from error


def _read_data(envelope: Envelope) -> Mapping[str, Any]:
    data = _read_json_object(envelope.data) if isinstance(envelope.data, str) else envelope.data
    if not isinstance(data, Mapping):
        raise NotUsable("data is not an object")
    return data
