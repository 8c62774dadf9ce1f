"""The query parameters that each operation accepts. Any other is refused, not ignored.

An ignored filter would return too much, and a client that relies on it would be wrong
in Azure. It is not established that ARM refuses each of these: each provider decides
what it does with a parameter that it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from local.simulator import errors
from local.simulator.handlers import (
    activity_log,
    assignments,
    backups,
    compute,
    jobs,
    locks,
    resources,
    restore_points,
    vault_parts,
    vaults,
)
from local.simulator.ids import fold
from local.simulator.routes import Handler

FILTER, EXPAND = "$filter", "$expand"
ALWAYS = ("api-version", resources.SKIP)
SIGNED = ("p", "monitor", "t", "c", "s", "h")
"""The parameters in ARM's URLs of operations."""

ACCEPTED: dict[Handler, tuple[str, ...]] = {
    activity_log.list_events: (FILTER,),
    assignments.list_role_assignments: (FILTER,),
    assignments.list_policy_assignments: (FILTER,),
    assignments.list_deny_assignments: (FILTER,),
    locks.list_locks: (FILTER,),
    resources.list_resources: (FILTER,),
    compute.get_machine: (EXPAND,),
    compute.list_extensions: (EXPAND,),
    compute.get_extension: (EXPAND,),
    compute.get_operation: SIGNED,
    restore_points.get_collection: (EXPAND,),
    vault_parts.list_containers: (FILTER,),
    vaults.list_items: (FILTER,),
    vaults.list_policies: (FILTER,),
    vaults.list_recovery_points: (FILTER,),
    jobs.list_jobs: (FILTER,),
    backups.get_operation_status: SIGNED,
    backups.get_operation_result: SIGNED,
}
EXPANDABLE: dict[Handler, tuple[str, ...]] = {
    compute.get_machine: ("instanceView",),
    compute.list_extensions: ("instanceView",),
    compute.get_extension: ("instanceView",),
    restore_points.get_collection: ("restorePoints",),
}


def read(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The values by their names in lower case. Raises ArmError 400 for a name that
    comes twice."""
    query: dict[str, str] = {}
    for name, value in pairs:
        if fold(name) in query:
            raise errors.unsupported_query(name, value)
        query[fold(name)] = value
    return query


def check(handler: Handler, query: Mapping[str, str]) -> None:
    """Raises ArmError 400 for a parameter, or a value of $expand, that is not
    accepted."""
    accepted = (*ALWAYS, *ACCEPTED.get(handler, ()))
    for name, value in query.items():
        if name not in accepted:
            raise errors.unsupported_query(name, value)
    expandable = {"", *map(fold, EXPANDABLE.get(handler, ()))}
    if any(fold(part.strip()) not in expandable for part in query.get(EXPAND, "").split(",")):
        raise errors.unsupported_query(EXPAND, query[EXPAND])
