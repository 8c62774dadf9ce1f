"""Which query parameters an operation takes. Any other is refused, never ignored.

A filter that is ignored answers more than was asked for, and a client that leans on it
is wrong in Azure. That ARM refuses each of these is not established; what a provider
does with a parameter that it does not know is its own affair.
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
"""What ARM puts into the address of an operation."""

TAKES: dict[Handler, tuple[str, ...]] = {
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
EXPANDS: dict[Handler, tuple[str, ...]] = {
    compute.get_machine: ("instanceView",),
    compute.list_extensions: ("instanceView",),
    compute.get_extension: ("instanceView",),
    restore_points.get_collection: ("restorePoints",),
}


def read(given: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Values by name in small letters. Raises ArmError 400 for a name that comes twice."""
    query: dict[str, str] = {}
    for name, value in given:
        if fold(name) in query:
            raise errors.unsupported_query(name, value)
        query[fold(name)] = value
    return query


def check(handler: Handler, query: Mapping[str, str]) -> None:
    """Raises ArmError 400 for a parameter, or a value of $expand, that is not played."""
    taken = (*ALWAYS, *TAKES.get(handler, ()))
    for name, value in query.items():
        if name not in taken:
            raise errors.unsupported_query(name, value)
    played = [fold(each) for each in EXPANDS.get(handler, ())]
    if any(
        fold(each.strip()) not in played
        for each in query.get(EXPAND, "").split(",")
        if each.strip()
    ):
        raise errors.unsupported_query(EXPAND, query[EXPAND])
