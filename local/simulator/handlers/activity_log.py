"""Microsoft.Insights: the subscription's Activity Log.

https://learn.microsoft.com/rest/api/monitor/activity-logs/list: a start is needed (the
specification says otherwise and Azure refuses), an end may follow, and one of the other
names. `resourceId` is undocumented, and what the Azure CLI sends for `resourceUri`.
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
KEPT = timedelta(days=90)
_TERM = re.compile(r"(\w+)\s+(ge|le|eq)\s+(?:'([^']*)'|(\S+))", re.IGNORECASE | re.ASCII)


def list_events(call: Call) -> Answer:
    """The newest first, of those that have been there for `activity_log_delay_s`."""
    terms = _terms(call.query.get("$filter", ""))
    since, until = _time(terms, START), _time(terms, END) if END in terms else None
    if since < clock.now() - KEPT:
        raise _refused(f"the start '{terms[START]}' is more than {KEPT.days} days ago")
    found = [each for each in _available(call) if _matches(each, terms, since, until)]
    found.sort(key=lambda each: str(each["eventTimestamp"]), reverse=True)
    return page(call, found)


def _available(call: Call) -> Iterator[dict[str, Any]]:
    """The later of two events of one moment first, so that sorting leaves it there."""
    world = call.world
    delay, now = timedelta(seconds=world.settings.activity_log_delay_s), world.monotonic()
    for recorded in reversed(world.activity):
        if not ids.at_or_above(call.subscription_id, recorded.target):
            continue
        for event in reversed(list(activity.events(recorded))):
            if recorded.arrived.monotonic + (event.after + delay).total_seconds() <= now:
                yield activity.told(recorded, event, delay)


def _terms(text: str) -> dict[str, str]:
    """Values by what is asked. Raises ArmError 400 for anything that is not documented."""
    terms: dict[str, str] = {}
    known = {fold(each): each for each in (START, END, *(f"{name} eq" for name in FIELDS))}
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE | re.ASCII):
        match = _TERM.fullmatch(part)
        name = known.get(fold(f"{match[1]} {match[2]}")) if match else None
        if match is None or name is None or name in terms:
            raise _refused(f"{part!r} is not one of {', '.join(known.values())}, each once")
        terms[name] = match[4] if match[3] is None else match[3]
    if START not in terms:
        raise _refused(f"it has no {START}")
    if len(others := [name for name in terms if name not in (START, END)]) > 1:
        raise _refused(f"it has more than one of {', '.join(others)}")
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


def _time(terms: dict[str, str], name: str) -> datetime:
    moment = clock.parse(terms[name])
    if moment is None:
        raise _refused(f"'{terms[name]}' is no time")
    return moment


def _refused(reason: str) -> ArmError:
    """That it is 400 is known, code and message are assumed."""
    return ArmError(400, "BadRequest", f"The $filter cannot be used: {reason}.")
