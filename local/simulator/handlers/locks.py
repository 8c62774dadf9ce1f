"""Microsoft.Authorization/locks at any scope.
https://learn.microsoft.com/rest/api/resources/management-locks"""

from __future__ import annotations

from typing import Any

from local.simulator import errors, ids, validation
from local.simulator.handlers import assignments
from local.simulator.handlers.resources import get_existing
from local.simulator.state import Resource, State, properties, wire
from local.simulator.world import Answer, Call


def list_locks(call: Call) -> Answer:
    """Filter: atScope()."""
    functions = (assignments.AT_SCOPE,)
    return assignments.list_at_scope(call, ids.LOCK, functions, state=_state_as_read(call))


def get_lock(call: Call) -> Answer:
    lock = _state_as_read(call).get(call.path)
    if lock is None:
        raise errors.lock_not_found(call.names["lock"])
    return Answer(200, wire(lock))


def put_lock(call: Call) -> Answer:
    """201 for a new lock, 200 for a changed one. The scope must exist."""
    existing = call.state.get(call.path)
    if existing:
        _check_owner(existing)
    _check_scope(call)
    lock = {
        "properties": _read_properties(call),
        "id": existing["id"] if existing else call.path,
        "type": ids.LOCK,
        "name": ids.parse(existing["id"]).name if existing else call.names["lock"],
    }
    call.state.put(lock)
    return Answer(200 if existing else 201, wire(lock))


def delete_lock(call: Call) -> Answer:
    """200 with an empty body, 204 for a lock that does not exist, 401 when an
    application owns it."""
    lock = call.state.get(call.path)
    if lock is None:
        return Answer(204)
    _check_owner(lock)
    call.world.locks.linger(lock, call.world.settings.lock_delete_propagation_s)
    call.state.remove(lock["id"])
    return Answer(200)


def _state_as_read(call: Call) -> State:
    """The locks as a read shows them, which may be those of a while ago."""
    stale_seconds = (call.fault.stale_s if call.fault else None) or 0.0
    seconds = max(call.world.settings.lock_read_lag_s, stale_seconds)
    return call.world.lock_history.as_of(seconds) if seconds else call.state


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
    get_existing(call, scope)


def _read_properties(call: Call) -> dict[str, Any]:
    """The properties to store, the level in Azure's casing. Raises ArmError 400."""
    body = call.body.get("properties") if isinstance(call.body, dict) else None
    try:
        validation.check_lock(call.names["lock"], body)
    except ValueError as error:
        raise errors.invalid_content(str(error)) from error
    values = {name: value for name, value in (body or {}).items() if value is not None}
    return {**values, "level": validation.lock_level(values["level"])}
