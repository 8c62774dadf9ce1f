"""Microsoft.Authorization/locks at any scope.
https://learn.microsoft.com/rest/api/resources/management-locks"""

from __future__ import annotations

from typing import Any

from local.simulator import errors, filters, ids, locks, validation
from local.simulator.handlers import assignments
from local.simulator.handlers.resources import found, page
from local.simulator.state import Resource, properties, wire
from local.simulator.world import Answer, Call


def list_locks(call: Call) -> Answer:
    terms = filters.parse(call.query.get("$filter", ""), (), (assignments.AT_SCOPE,))
    seen = locks.seen_from(call.state, call.names["scope"], assignments.AT_SCOPE in terms)
    return page(call, (wire(each) for each in seen))


def get_lock(call: Call) -> Answer:
    lock = call.state.get(call.path)
    if lock is None:
        raise errors.lock_not_found(call.names["lock"])
    return Answer(200, wire(lock))


def put_lock(call: Call) -> Answer:
    """201 for a new lock, 200 for a changed one. The scope must exist."""
    present = call.state.get(call.path)
    if present:
        _check_owner(present)
    _check_scope(call)
    lock = {
        "properties": _content(call),
        "id": present["id"] if present else call.path,
        "type": ids.LOCK,
        "name": ids.parse(present["id"]).name if present else call.names["lock"],
    }
    call.state.put(lock)
    return Answer(200 if present else 201, wire(lock))


def delete_lock(call: Call) -> Answer:
    """200 with an empty body, 204 when there was none, 401 when an application owns it."""
    lock = call.state.get(call.path)
    if lock is None:
        return Answer(204)
    _check_owner(lock)
    call.world.locks.linger(lock, call.world.settings.lock_delete_propagation_s)
    call.state.remove(lock["id"])
    return Answer(200)


def _check_owner(lock: Resource) -> None:
    owners = [str(owner.get("applicationId", "")) for owner in properties(lock).get("owners") or []]
    if owners:
        raise errors.lock_owned(ids.parse(lock["id"]).name, owners)


def _check_scope(call: Call) -> None:
    scope = call.names["scope"]
    if ids.is_id(scope) and ids.parse(scope).type == ids.SUBSCRIPTION:
        return
    if ids.is_id(scope) and ids.same_type(ids.parse(scope).type, ids.RESTORE_POINT):
        scope = ids.ancestor(scope, 1)
    found(call, scope)


def _content(call: Call) -> dict[str, Any]:
    """The properties to store: level in its own casing, and what else was given. Raises
    ArmError 400."""
    given = call.body.get("properties") if isinstance(call.body, dict) else None
    try:
        validation.check_lock(call.names["lock"], given)
    except ValueError as error:
        raise errors.invalid_content(str(error)) from error
    content = {name: value for name, value in (given or {}).items() if value is not None}
    return {**content, "level": validation.lock_level(content["level"])}
