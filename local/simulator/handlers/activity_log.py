"""Microsoft.Insights: the subscription's Activity Log.

https://learn.microsoft.com/rest/api/monitor/activity-logs/list: a start is required
(the specification says otherwise, but Azure refuses), an end may follow, and one of the
other fields. `resourceId` is undocumented; the Azure CLI sends it for `resourceUri`.
$select is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from local.simulator import activity, clock, ids
from local.simulator.errors import ArmError
from local.simulator.handlers.resources import page
from local.simulator.ids import fold
from local.simulator.world import Answer, Call

START, END = "eventTimestamp ge", "eventTimestamp le"
FIELDS = ("resourceGroupName", "resourceUri", "resourceId", "resourceProvider", "correlationId")
RETENTION = timedelta(days=90)
_TERM = re.compile(r"(\w+)\s+(ge|le|eq)\s+(?:'([^']*)'|(\S+))", re.IGNORECASE | re.ASCII)


def list_events(call: Call) -> Answer:
    """Events that are older than `activity_log_delay_s`, newest first."""
    terms = _parse_filter(call.query.get("$filter", ""))
    since = _parse_time(terms[START])
    until = _parse_time(terms[END]) if END in terms else None
    if since < clock.now() - RETENTION:
        raise _refusal(f"the start '{terms[START]}' is more than {RETENTION.days} days ago")
    events = [event for event in _available(call) if _matches(event, terms, since, until)]
    events.sort(key=lambda event: str(event["eventTimestamp"]), reverse=True)
    return page(call, events)


def _available(call: Call) -> Iterator[dict[str, Any]]:
    """Events that can be read by now. Of two events of one moment the later comes
    first; the sort is stable and keeps it there."""
    world = call.world
    delay, now = timedelta(seconds=world.settings.activity_log_delay_s), world.monotonic()
    for recorded in reversed(world.activity):
        if not ids.at_or_above(call.subscription_id, recorded.target):
            continue
        for event in reversed(list(activity.events_of(recorded))):
            if recorded.arrived.monotonic + (event.after + delay).total_seconds() <= now:
                yield activity.to_json(recorded, event, delay)


def _parse_filter(text: str) -> dict[str, str]:
    """Values by field and operator. Raises ArmError 400 for what is not documented."""
    terms: dict[str, str] = {}
    known = {fold(term): term for term in (START, END, *(f"{name} eq" for name in FIELDS))}
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE | re.ASCII):
        match = _TERM.fullmatch(part)
        name = known.get(fold(f"{match[1]} {match[2]}")) if match else None
        if match is None or name is None or name in terms:
            raise _refusal(f"{part!r} is not one of {', '.join(known.values())}, each once")
        terms[name] = match[4] if match[3] is None else match[3]
    if START not in terms:
        raise _refusal(f"it has no {START}")
    if len(others := [name for name in terms if name not in (START, END)]) > 1:
        raise _refusal(f"it has more than one of {', '.join(others)}")
    return terms


def _matches(
    event: dict[str, Any], terms: dict[str, str], since: datetime, until: datetime | None
) -> bool:
    at = clock.parse(event["eventTimestamp"])
    if at is None or at < since or (until is not None and at > until):
        return False
    values = {
        "resourceGroupName": event["resourceGroupName"],
        "resourceUri": event["resourceId"],
        "resourceId": event["resourceId"],
        "resourceProvider": event["resourceProviderName"]["value"],
        "correlationId": event["correlationId"],
    }
    return all(
        fold(values[name]) == fold(terms[f"{name} eq"]) for name in FIELDS if f"{name} eq" in terms
    )


def _parse_time(text: str) -> datetime:
    moment = clock.parse(text)
    if moment is None:
        raise _refusal(f"'{text}' is no time")
    return moment


def _refusal(reason: str) -> ArmError:
    """The status 400 is known; code and message are assumed."""
    return ArmError(400, "BadRequest", f"The $filter cannot be used: {reason}.")
