"""Subscriptions, resource groups, and every resource type that has no handler of its
own: served as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from local.simulator import errors, ids
from local.simulator.ids import fold
from local.simulator.state import Resource, wire
from local.simulator.world import Answer, Call

SKIP = "$skiptoken"
_OF_TYPE = re.compile(r"\s*resourceType\s+eq\s+'([^']+)'\s*", re.IGNORECASE | re.ASCII)


def found(call: Call, resource_id: str) -> Resource:
    """The stored resource itself. Raises ArmError 404."""
    resource = call.state.get(resource_id)
    if resource is None:
        raise errors.resource_not_found(resource_id)
    return resource


def page(call: Call, values: Iterable[Any]) -> Answer:
    """One page of a list, with nextLink when there is more."""
    everything, size = list(values), call.world.settings.page_size
    token = call.query.get(SKIP, "0")
    if not token.isdecimal():
        raise errors.unsupported_query(SKIP, token)
    start = int(token)
    body: dict[str, Any] = {"value": everything[start : start + size]}
    if start + size < len(everything):
        query = {**call.query, SKIP: str(start + size)}
        body["nextLink"] = f"{call.base_url}{quote(call.path)}?{urlencode(query)}"
    return Answer(200, body)


def list_subscriptions(call: Call) -> Answer:
    return page(call, (_subscription(call, each) for each in call.state.subscriptions().values()))


def get_subscription(call: Call) -> Answer:
    return Answer(
        200, _subscription(call, call.state.subscriptions()[fold(call.names["subscription"])])
    )


def _subscription(call: Call, subscription: str) -> Resource:
    identity = f"/subscriptions/{subscription}"
    stored = call.state.get(identity) or {}
    made_up = {
        "id": identity,
        "subscriptionId": subscription,
        "displayName": "Simulated",
        "state": "Enabled",
    }
    return {**made_up, **stored}


def list_groups(call: Call) -> Answer:
    return page(
        call, (_group(each) for each in call.state.of_type(ids.GROUP, call.subscription_id))
    )


def get_group(call: Call) -> Answer:
    return Answer(200, _group(found(call, call.group_id)))


def head_group(call: Call) -> Answer:
    return Answer(204 if call.state.has(call.group_id) else 404)


def _group(group: Resource) -> Resource:
    served = wire(group)
    served.setdefault("properties", {}).setdefault("provisioningState", "Succeeded")
    return {**served, "type": ids.GROUP}


def list_resources(call: Call) -> Answer:
    """Resources of one type: of all filters that ARM knows, this one is played.
    https://learn.microsoft.com/rest/api/resources/resources/list"""
    text = call.query.get("$filter", "")
    found = _OF_TYPE.fullmatch(text)
    if found is None:
        raise errors.invalid_content(f"$filter {text!r} is not resourceType eq '…'")
    return page(call, (_short(each) for each in call.state.of_type(found[1], call.subscription_id)))


def _short(resource: Resource) -> Resource:
    """As the list shows it: without properties."""
    return {name: value for name, value in wire(resource).items() if name != "properties"}


def get_any(call: Call) -> Answer:
    """A resource by its id, or every resource of the type that the path ends with.

    Restore points have no list in ARM. What is neither an id nor a list is not played.
    """
    if resource := call.state.get(call.path):
        return Answer(200, wire(resource))
    if ids.is_id(call.path):
        raise errors.resource_not_found(call.path)
    if not ids.is_id(f"{call.path}/any") or ids.same_type(
        ids.parse(f"{call.path}/any").type, ids.RESTORE_POINT
    ):
        raise errors.not_played("GET", call.path)
    scope = ids.extension_scope(f"{call.path}/any")
    kind = ids.parse(f"{call.path}/any").type
    return page(call, (wire(each) for each in call.state.of_type(kind, scope)))


def list_settings(call: Call) -> Answer:
    """What may hold secrets is listed by a POST of its own, such as an app's settings."""
    return Answer(200, wire(found(call, call.path.rpartition("/")[0])))


def refuse(call: Call) -> Answer:
    raise errors.not_played(call.method, call.path)
