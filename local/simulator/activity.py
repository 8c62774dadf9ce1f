"""The Activity Log: events of every write, deletion and action that ARM answered.

1. A request has two events, BeginRequest/Started and EndRequest. Of a 202 the latter is
   Accepted, and a third one, Succeeded or Failed, comes when its operation ends.
2. A refusal by Azure Policy has one more, in the category Policy.
3. Reads, and what ARM refuses before it knows whom to ask (no token, no usable
   api-version, throttled, no such subscription), have none. Neither has an answer that
   a fault gave: nothing was done then.

https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from local.simulator import callers, clock, ids
from local.simulator.operations import Operation

DENIED = "RequestDisallowedByPolicy"
DENY_ACTION = "Microsoft.Authorization/policies/deny/action"
ADMINISTRATIVE, POLICY = "Administrative", "Policy"
_TICKS_AT_EPOCH = 621_355_968_000_000_000


@dataclass(frozen=True, slots=True)
class Arrived:
    """When a request came, and the correlation id that its answer carries."""

    at: datetime
    monotonic: float
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request that changes or does something."""

    arrived: Arrived
    method: str
    address: str
    target: str
    """Id of the resource, of a lock the lock's own."""
    action: str
    status: int
    error: dict[str, Any] | None
    """ARM's error object of a refusal."""
    client_request_id: str
    claims: dict[str, str]
    operation: Operation | None
    """What a 202 began."""


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    category: str
    operation: str
    status: str
    sub_status: int | None
    after: timedelta
    """Since the request."""
    properties: dict[str, str]


def events(recorded: Recorded) -> Iterator[Event]:
    """Everything that is known of it by now, oldest first."""
    none: dict[str, str] = {}
    at_once = timedelta()
    yield Event("BeginRequest", ADMINISTRATIVE, recorded.action, "Started", None, at_once, none)
    if recorded.error and recorded.error.get("code") == DENIED:
        yield Event(
            "EndRequest", POLICY, DENY_ACTION, "Failed", None, at_once, _policies(recorded.error)
        )
    told = {"statusMessage": json.dumps({"error": recorded.error})} if recorded.error else none
    yield Event(
        "EndRequest",
        ADMINISTRATIVE,
        recorded.action,
        _outcome(recorded.status),
        recorded.status,
        at_once,
        told,
    )
    operation = recorded.operation
    if operation is not None and operation.ended is not None:
        status = "Succeeded" if operation.status == "Succeeded" else "Failed"
        failure = operation.failure
        told = (
            {
                "statusMessage": json.dumps(
                    {"error": {"code": failure.code, "message": failure.message}}
                )
            }
            if failure
            else none
        )
        sub_status = HTTPStatus.OK if status == "Succeeded" else HTTPStatus.CONFLICT
        yield Event(
            "EndRequest",
            ADMINISTRATIVE,
            recorded.action,
            status,
            sub_status,
            operation.ended - recorded.arrived.at,
            told,
        )


def told(recorded: Recorded, event: Event, delay: timedelta) -> dict[str, Any]:
    """The event as the API answers it, `delay` after it happened."""
    parsed = ids.parse(recorded.target)
    moment = recorded.arrived.at + event.after
    operation_id = recorded.operation.id if recorded.operation else recorded.arrived.correlation_id
    identity = str(
        uuid.uuid5(
            uuid.NAMESPACE_URL, f"{recorded.arrived.correlation_id}/{event.category}/{event.status}"
        )
    )
    ticks = _TICKS_AT_EPOCH + int(moment.timestamp() * 10_000_000)
    code = "" if event.sub_status is None else HTTPStatus(event.sub_status).phrase.replace(" ", "")
    return {
        "authorization": {"action": recorded.action, "scope": recorded.target},
        "caller": callers.name_of(recorded.claims),
        "category": _localizable(event.category),
        "claims": recorded.claims,
        "correlationId": recorded.arrived.correlation_id,
        "description": "",
        "eventDataId": identity,
        "eventName": _localizable(event.name),
        "eventTimestamp": clock.backup_time(moment),
        "httpRequest": {
            "clientRequestId": recorded.client_request_id,
            "clientIpAddress": "127.0.0.1",
            "method": recorded.method,
            "uri": recorded.address,
        },
        "id": f"{recorded.target}/events/{identity}/ticks/{ticks}",
        "level": "Error" if event.status == "Failed" else "Informational",
        "operationId": operation_id,
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


def _outcome(status: int) -> str:
    if status == HTTPStatus.ACCEPTED:
        return "Accepted"
    return "Succeeded" if status < HTTPStatus.BAD_REQUEST else "Failed"


def _policies(error: dict[str, Any]) -> dict[str, str]:
    return {"policies": json.dumps([each["info"] for each in error.get("additionalInfo", [])])}


def _localizable(value: str, localized: str | None = None) -> dict[str, str]:
    return {"value": value, "localizedValue": value if localized is None else localized}
