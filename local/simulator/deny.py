"""Deny assignments: actions that a managed application or a deployment stack forbids,
whatever the roles allow.

https://learn.microsoft.com/azure/role-based-access-control/deny-assignments
"""

from __future__ import annotations

from typing import Any

from infra.roles import covers
from local.simulator import errors, ids
from local.simulator.callers import CLIENT_ID
from local.simulator.ids import fold
from local.simulator.state import Resource, State, properties

GROUP_ACTIONS = "Microsoft.Resources/subscriptions/resourceGroups"
EVERYONE = "00000000-0000-0000-0000-000000000000"

_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


def check(state: State, method: str, target: str, post_action: str) -> None:
    """Raises ArmError 403 when a deny assignment at or above the target forbids the
    action."""
    action = action_on(method, target, post_action)
    for assignment in state.of_type(ids.DENY_ASSIGNMENT):
        if not (
            _covers(assignment, target)
            and _applies_to_client(assignment)
            and _forbids(assignment, action)
        ):
            continue
        own_id = ids.parse(assignment["id"])
        name = str(properties(assignment).get("denyAssignmentName", own_id.name))
        scope = ids.extension_scope(assignment["id"])
        raise errors.denied(CLIENT_ID, action, target, name, own_id.name.replace("-", ""), scope)


def action_on(method: str, target: str, post_action: str) -> str:
    """The action of a request: Microsoft.Compute/restorePointCollections/delete.

    Only a resource group has another type in its actions than in its id.
    https://learn.microsoft.com/azure/role-based-access-control/permissions/management-and-governance
    """
    kind = ids.parse(target).type
    if ids.same_type(kind, ids.GROUP):
        kind = GROUP_ACTIONS
    if method == "POST":
        return f"{kind}/{post_action}/action"
    return f"{kind}/{_VERBS.get(method, fold(method))}"


def _covers(assignment: Resource, target: str) -> bool:
    scope = ids.extension_scope(assignment["id"])
    if properties(assignment).get("doNotApplyToChildScopes"):
        return ids.key(scope) == ids.key(target)
    return ids.at_or_above(scope, target)


def _applies_to_client(assignment: Resource) -> bool:
    values = properties(assignment)
    excluded = [_principal(entry) for entry in values.get("excludePrincipals") or []]
    principals = [_principal(entry) for entry in values.get("principals") or [{"id": EVERYONE}]]
    return CLIENT_ID not in excluded and bool({CLIENT_ID, EVERYONE} & set(principals))


def _principal(entry: Any) -> str:
    return str(entry.get("id", "")) if isinstance(entry, dict) else ""


def _forbids(assignment: Resource, action: str) -> bool:
    return any(covers(permission, action) for permission in properties(assignment)["permissions"])
