"""The Activity Log: events of every write, deletion and action that ARM answered.

1. A request has two events, BeginRequest/Started and EndRequest. After a 202 the second
   is Accepted, and a third one, Succeeded or Failed, comes when the operation ends.
2. A refusal by Azure Policy has one more, in the category Policy.
3. No events come from reads, from requests that ARM refuses before it knows the
   provider (no token, no usable api-version, throttled, no such subscription), and from
   answers of a fault, because nothing was done.

https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from local.simulator import callers, clock, ids
from local.simulator.operations import Operation

DENIED = "RequestDisallowedByPolicy"
DENY_ACTION = "Microsoft.Authorization/policies/deny/action"
ADMINISTRATIVE, POLICY = "Administrative", "Policy"


@dataclass(frozen=True, slots=True)
class Arrived:
    """When a request arrived, and the correlation id of its answer."""

    at: datetime
    monotonic: float
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request that writes, deletes or runs an action."""

    arrived: Arrived
    method: str
    address: str
    target: str
    """Id of the resource; for a lock, the lock's own."""
    action: str
    status: int
    error: dict[str, Any] | None
    """ARM's error object of a refusal."""
    client_request_id: str
    claims: dict[str, str]
    operation: Operation | None
    """The operation that a 202 started."""


@dataclass(frozen=True, slots=True)
class Event:
    operation: str
    status: str
    name: str = "EndRequest"
    category: str = ADMINISTRATIVE
    sub_status: int | None = None
    after: timedelta = timedelta()
    """Since the request."""
    properties: dict[str, str] = field(default_factory=dict)


def events_of(recorded: Recorded) -> Iterator[Event]:
    """The events of the request so far, oldest first."""
    action, error, operation = recorded.action, recorded.error, recorded.operation
    yield Event(action, "Started", "BeginRequest")
    if error and error.get("code") == DENIED:
        policies = json.dumps([violation["info"] for violation in error.get("additionalInfo", [])])
        yield Event(DENY_ACTION, "Failed", category=POLICY, properties={"policies": policies})
    yield Event(
        action,
        _status_name(recorded.status),
        sub_status=recorded.status,
        properties=_status_message(error),
    )
    if operation is not None and operation.ended is not None:
        succeeded, failure = operation.status == "Succeeded", operation.failure
        yield Event(
            action,
            "Succeeded" if succeeded else "Failed",
            sub_status=HTTPStatus.OK if succeeded else HTTPStatus.CONFLICT,
            after=operation.ended - recorded.arrived.at,
            properties=_status_message(failure.to_json() if failure else None),
        )


def to_json(recorded: Recorded, event: Event, delay: timedelta) -> dict[str, Any]:
    """The event as the API answers it, `delay` after it happened."""
    parsed = ids.parse(recorded.target)
    moment = recorded.arrived.at + event.after
    correlation_id = recorded.arrived.correlation_id
    key = f"{correlation_id}/{event.category}/{event.status}"
    event_id = str(uuid.uuid5(uuid.NAMESPACE_URL, key))
    code = "" if event.sub_status is None else HTTPStatus(event.sub_status).phrase.replace(" ", "")
    return {
        "authorization": {"action": recorded.action, "scope": recorded.target},
        "caller": callers.name_of(recorded.claims),
        "category": _localizable(event.category),
        "claims": recorded.claims,
        "correlationId": correlation_id,
        "description": "",
        "eventDataId": event_id,
        "eventName": _localizable(event.name),
        "eventTimestamp": clock.backup_time(moment),
        "httpRequest": {
            "clientRequestId": recorded.client_request_id,
            "clientIpAddress": "127.0.0.1",
            "method": recorded.method,
            "uri": recorded.address,
        },
        "id": f"{recorded.target}/events/{event_id}/ticks/{clock.ticks(moment)}",
        "level": "Error" if event.status == "Failed" else "Informational",
        "operationId": recorded.operation.id if recorded.operation else correlation_id,
        "operationName": _localizable(event.operation),
        "properties": {
            "eventCategory": event.category,
            "entity": recorded.target,
            "statusCode": code,
            **event.properties,
        },
        "resourceGroupName": parsed.group,
        "resourceId": recorded.target,
        "resourceProviderName": _localizable(parsed.type.partition("/")[0]),
        "resourceType": _localizable(parsed.type),
        "status": _localizable(event.status),
        "subStatus": _localizable(
            code, f"{code} (HTTP Status Code: {int(event.sub_status)})" if event.sub_status else ""
        ),
        "submissionTimestamp": clock.backup_time(moment + delay),
        "subscriptionId": parsed.subscription,
        "tenantId": callers.TENANT_ID,
    }


def _status_name(status: int) -> str:
    if status == HTTPStatus.ACCEPTED:
        return "Accepted"
    return "Succeeded" if status < HTTPStatus.BAD_REQUEST else "Failed"


def _status_message(error: dict[str, Any] | None) -> dict[str, str]:
    return {"statusMessage": json.dumps({"error": error})} if error else {}


def _localizable(value: str, localized: str | None = None) -> dict[str, str]:
    return {"value": value, "localizedValue": value if localized is None else localized}
