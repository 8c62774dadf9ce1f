"""Refuses an invalid state. Each rule names the resource and the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from local.simulator import clock, ids, policies, recovery_points
from local.simulator.errors import StateError
from local.simulator.ids import fold
from local.simulator.state import Resource, State

LOCK_LEVELS = ("CanNotDelete", "ReadOnly")
"""Azure's enum also has NotSpecified, which locks nothing; it is refused here."""
NOTES_LIMIT = 512
LOCK_NAME_LIMIT = 260
LOCK_NAME_FORBIDDEN = '<>%&:\\?/"'
PARENT_LEVELS = {
    ids.EXTENSION: 1,
    ids.BACKUP_JOB: 1,
    ids.PROTECTED_ITEM: 3,
    ids.RECOVERY_POINT: 1,
    ids.BACKUP_POLICY: 1,
}
"""How many pairs of type and name an id is below its parent's."""
EXTENSION_RESOURCES = (ids.LOCK, ids.DENY_ASSIGNMENT, ids.POLICY_ASSIGNMENT)
TABLE_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
COLUMN_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def load(document: Any) -> State:
    """The state that the document describes. Raises StateError."""
    if not isinstance(document, dict) or not isinstance(document.get("resources"), list):
        raise StateError('a state is an object with "resources", a list')
    _check_logs(document.get("logs"))
    _check_hidden(document.get("hidden_extensions", []))
    seen: dict[str, str] = {}
    for number, resource in enumerate(document["resources"]):
        _check_identity(number, resource, seen)
    state = State(
        document["resources"],
        {name: value for name, value in document.items() if name != "resources"},
    )
    for resource in document["resources"]:
        _check_place(resource, state)
        _check_content(resource)
    list(policies.read_all(state))  # raises for one that cannot be evaluated
    recovery_points.derive_missing(state)
    return state


def lock_level(value: Any) -> str:
    """The level in Azure's casing. Raises ValueError with the reason."""
    for level in LOCK_LEVELS:
        if isinstance(value, str) and fold(value) == fold(level):
            return level
    raise ValueError(f"lock level {value!r} is none of {', '.join(LOCK_LEVELS)}")


def check_lock(name: str, properties: Any) -> None:
    """Raises ValueError with the reason.
    https://learn.microsoft.com/rest/api/resources/management-locks"""
    if not isinstance(properties, dict):
        raise ValueError("a lock has properties")
    lock_level(properties.get("level"))
    if len(name) > LOCK_NAME_LIMIT or any(
        sign in LOCK_NAME_FORBIDDEN or ord(sign) < 32 for sign in name
    ):
        raise ValueError(
            f"lock name {name!r} is longer than {LOCK_NAME_LIMIT} or has one of"
            f" {LOCK_NAME_FORBIDDEN}"
        )
    notes = properties.get("notes")
    if notes is not None and (not isinstance(notes, str) or len(notes) > NOTES_LIMIT):
        raise ValueError(f"notes are text of at most {NOTES_LIMIT} characters")
    owners = properties.get("owners")
    if owners is not None and not (
        _are_objects(owners) and all(isinstance(o.get("applicationId"), str) for o in owners)
    ):
        raise ValueError("owners is a list of objects with applicationId")


def _check_logs(logs: Any) -> None:
    if logs is None:
        return
    if not isinstance(logs, dict) or not all(_are_objects(rows) for rows in logs.values()):
        raise StateError('"logs" is an object of tables, each a list of rows')
    for table, rows in logs.items():
        _require(
            TABLE_NAME.fullmatch(table) is not None, "logs", f"{table!r} is no name of a table"
        )
        for number, row in enumerate(rows):
            _check_log_row(f"logs: row {number} of {table}", row)


def _check_hidden(hidden: Any) -> None:
    """Ids of extensions that the list leaves out and a GET by name finds."""
    if not isinstance(hidden, list) or not all(
        isinstance(each, str)
        and ids.is_id(each)
        and ids.same_type(ids.parse(each).type, ids.EXTENSION)
        for each in hidden
    ):
        raise StateError('"hidden_extensions" is a list of ids of VM extensions')


def _check_log_row(which: str, row: dict[str, Any]) -> None:
    """Every row needs TimeGenerated, as Azure Monitor sets it: queries select by it.

    https://learn.microsoft.com/azure/azure-monitor/logs/log-standard-columns
    """
    at = row.get("TimeGenerated", "1970-01-01T00:00:00Z")
    _require(_is_time(at), which, f"TimeGenerated {at!r} is no time")
    for name in row:
        _require(COLUMN_NAME.fullmatch(name) is not None, which, f"{name!r} is no name of a column")


def _check_identity(number: int, resource: Any, seen: dict[str, str]) -> None:
    if not isinstance(resource, dict) or not isinstance(resource.get("id"), str):
        raise StateError(f"resource {number} has no id")
    identity = resource["id"]
    try:
        parsed = ids.parse(identity)
    except ids.MalformedId as error:
        raise StateError(f"malformed id {identity!r}: {error}") from error
    if (first := seen.setdefault(ids.key(identity), identity)) is not identity:
        raise StateError(
            f"duplicate id {identity!r} (also {first!r}; casing does not tell ids apart)"
        )
    if fold(str(resource.get("name", parsed.name))) != fold(parsed.name):
        raise StateError(f"{identity}: name {resource['name']!r} is not the last segment of the id")
    if "type" in resource and parsed.type not in (ids.GROUP, ids.SUBSCRIPTION):
        _require(
            ids.same_type(str(resource["type"]), parsed.type),
            identity,
            f"type {resource['type']!r} is not the id's",
        )
    _require(isinstance(resource.get("properties", {}), dict), identity, "properties is an object")


def _check_place(resource: Resource, state: State) -> None:
    """A resource needs its group, and a child its parent."""
    identity = resource["id"]
    parsed = ids.parse(identity)
    if parsed.group and not state.has(ids.group_of(identity)):
        raise StateError(f"{identity}: there is no resource group '{parsed.group}'")
    parent = _parent(identity, parsed.type)
    if parent and not state.has(parent) and ids.parse(parent).type != ids.SUBSCRIPTION:
        raise StateError(f"{identity}: there is no {parent} that it could belong to")


def _parent(identity: str, kind: str) -> str:
    """The id that must exist for this resource to exist, "" when it needs only its
    group."""
    for child, levels in PARENT_LEVELS.items():
        if ids.same_type(kind, child):
            return ids.ancestor(identity, levels)
    if not any(ids.same_type(kind, extension) for extension in EXTENSION_RESOURCES):
        return ""
    scope = ids.extension_scope(identity)
    if ids.same_type(ids.parse(scope).type, ids.RESTORE_POINT):
        # A restore point is kept in its collection.
        return ids.ancestor(scope, 1)
    return scope


def _check_content(resource: Resource) -> None:
    identity = resource["id"]
    kind = fold(ids.parse(identity).type)
    check = _CHECKS.get(kind)
    if check is not None:
        check(identity, resource.get("properties") or {})


def _check_lock(identity: str, values: dict[str, Any]) -> None:
    try:
        check_lock(ids.parse(identity).name, values)
    except ValueError as error:
        raise StateError(f"{identity}: {error}") from error


def _check_machine(identity: str, values: dict[str, Any]) -> None:
    view = values.get("instanceView", {})
    _require(isinstance(view, dict), identity, "instanceView is an object")
    for name in ("statuses", "extensions"):
        _require_objects(view.get(name, []), identity, f"instanceView.{name}")
    agent = view.get("vmAgent", {})
    _require(isinstance(agent, dict), identity, "instanceView.vmAgent is an object")
    for name in ("statuses", "extensionHandlers"):
        _require_objects(agent.get(name, []), identity, f"instanceView.vmAgent.{name}")
    disk = (values.get("storageProfile") or {}).get("osDisk") or {}
    os_type = disk.get("osType", "Windows") if isinstance(disk, dict) else None
    _require(os_type in ("Windows", "Linux"), identity, "osType is Windows or Linux")


def _check_collection(identity: str, values: dict[str, Any]) -> None:
    source = values.get("source")
    source_id = source.get("id") if isinstance(source, dict) else None
    _require(
        isinstance(source_id, str) and ids.is_id(source_id),
        identity,
        "a restore point collection has source.id, the id of its VM",
    )
    points = values.get("restorePoints", [])
    _require_objects(points, identity, "restorePoints")
    names = [fold(str(point.get("name", ""))) for point in points]
    _require(
        all(names) and len(set(names)) == len(names),
        identity,
        "every restore point has a name of its own",
    )
    for point in points:
        expected = ids.key(f"{identity}/restorePoints/{point['name']}")
        _require(
            ids.key(str(point.get("id", expected))) == expected,
            identity,
            f"{point.get('id')} is not its restore point",
        )


def _refuse_restore_point(identity: str, _: dict[str, Any]) -> None:
    raise StateError(
        f"{identity}: a restore point is kept in its collection's properties.restorePoints"
    )


def _check_extension(identity: str, values: dict[str, Any]) -> None:
    named = all(isinstance(values.get(name), str) for name in ("publisher", "type"))
    _require(named, identity, "needs publisher and type")


def _check_job(identity: str, values: dict[str, Any]) -> None:
    _require(isinstance(values.get("status"), str), identity, "a backup job has a status")


def _check_recovery_point(identity: str, values: dict[str, Any]) -> None:
    at = values.get("recoveryPointTime")
    _require(_is_time(at), identity, f"recoveryPointTime {at!r} is no time")
    tiers = values.get("recoveryPointTierDetails", [])
    _require_objects(tiers, identity, "recoveryPointTierDetails")
    _require(
        isinstance(values.get("isInstantIlrSessionActive", False), bool),
        identity,
        "isInstantIlrSessionActive is true or false",
    )


def _check_backup_policy(identity: str, values: dict[str, Any]) -> None:
    _require(values.get("policyType", "V1") in ("V1", "V2"), identity, "policyType is V1 or V2")


def _check_deny_assignment(identity: str, values: dict[str, Any]) -> None:
    _require_objects(values.get("permissions"), identity, "permissions of a deny assignment")


_CHECKS: dict[str, Callable[[str, dict[str, Any]], None]] = {
    fold(ids.LOCK): _check_lock,
    fold(ids.VIRTUAL_MACHINE): _check_machine,
    fold(ids.COLLECTION): _check_collection,
    fold(ids.RESTORE_POINT): _refuse_restore_point,
    fold(ids.EXTENSION): _check_extension,
    fold(ids.BACKUP_JOB): _check_job,
    fold(ids.RECOVERY_POINT): _check_recovery_point,
    fold(ids.BACKUP_POLICY): _check_backup_policy,
    fold(ids.DENY_ASSIGNMENT): _check_deny_assignment,
}
"""By the type in lower case; the properties of any other type may be anything."""


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and clock.parse(value) is not None


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _require_objects(value: Any, identity: str, name: str) -> None:
    _require(_are_objects(value), identity, f"{name} is a list of objects")


def _require(holds: bool, identity: str, reason: str) -> None:
    if not holds:
        raise StateError(f"{identity}: {reason}")
