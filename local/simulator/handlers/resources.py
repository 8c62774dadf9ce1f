"""Subscriptions, resource groups, and every resource type without a handler of its own,
which is served as the state has it."""

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


def get_existing(call: Call, resource_id: str) -> Resource:
    """The stored resource, not a copy. Raises ArmError 404."""
    resource = call.state.get(resource_id)
    if resource is None:
        raise errors.resource_not_found(resource_id)
    return resource


def page(call: Call, values: Iterable[Any]) -> Answer:
    """One page of a list, with nextLink when more follow."""
    items, size = list(values), call.world.settings.page_size
    token = call.query.get(SKIP, "0")
    if not token.isdecimal():
        raise errors.unsupported_query(SKIP, token)
    start = int(token)
    body: dict[str, Any] = {"value": items[start : start + size]}
    if start + size < len(items):
        query = {**call.query, SKIP: str(start + size)}
        body["nextLink"] = f"{call.base_url}{quote(call.path)}?{urlencode(query)}"
    return Answer(200, body)


def list_subscriptions(call: Call) -> Answer:
    names = call.state.subscriptions().values()
    return page(call, (_render_subscription(call, name) for name in names))


def get_subscription(call: Call) -> Answer:
    name = call.state.subscriptions()[fold(call.names["subscription"])]
    return Answer(200, _render_subscription(call, name))


def _render_subscription(call: Call, subscription: str) -> Resource:
    identity = f"/subscriptions/{subscription}"
    defaults = {
        "id": identity,
        "subscriptionId": subscription,
        "displayName": "Simulated",
        "state": "Enabled",
    }
    return {**defaults, **(call.state.get(identity) or {})}


def list_groups(call: Call) -> Answer:
    groups = call.state.of_type(ids.GROUP, call.subscription_id)
    return page(call, (_render_group(group) for group in groups))


def get_group(call: Call) -> Answer:
    return Answer(200, _render_group(get_existing(call, call.group_id)))


def head_group(call: Call) -> Answer:
    return Answer(204 if call.state.has(call.group_id) else 404)


def _render_group(group: Resource) -> Resource:
    rendered = wire(group)
    rendered.setdefault("properties", {}).setdefault("provisioningState", "Succeeded")
    return {**rendered, "type": ids.GROUP}


def list_resources(call: Call) -> Answer:
    """Resources of one type; no other filter of ARM is supported.
    https://learn.microsoft.com/rest/api/resources/resources/list"""
    text = call.query.get("$filter", "")
    kind = type_in_filter(text)
    if kind is None:
        raise errors.invalid_content(f"$filter {text!r} is not resourceType eq '…'")
    resources = call.state.of_type(kind, call.subscription_id)
    return page(call, (_without_properties(resource) for resource in resources))


def type_in_filter(text: str) -> str | None:
    """The type that `resourceType eq '…'` names; None for any other filter."""
    match = _OF_TYPE.fullmatch(text)
    return match[1] if match else None


def _without_properties(resource: Resource) -> Resource:
    return {name: value for name, value in wire(resource).items() if name != "properties"}


def get_any(call: Call) -> Answer:
    """A resource by its id, or every resource of the type that the path ends with.

    Restore points have no list in ARM. Any other path is not supported.
    """
    if resource := call.state.get(call.path):
        return Answer(200, wire(resource))
    if ids.is_id(call.path):
        raise errors.resource_not_found(call.path)
    child = f"{call.path}/any"
    if not ids.is_id(child) or ids.same_type(ids.parse(child).type, ids.RESTORE_POINT):
        raise errors.not_supported("GET", call.path)
    resources = call.state.of_type(ids.parse(child).type, ids.extension_scope(child))
    return page(call, (wire(resource) for resource in resources))


def list_settings(call: Call) -> Answer:
    """A resource that may hold secrets, such as an app's settings: ARM lists it by a
    POST of …/list."""
    return Answer(200, wire(get_existing(call, call.path.rpartition("/")[0])))


def refuse(call: Call) -> Answer:
    raise errors.not_supported(call.method, call.path)
