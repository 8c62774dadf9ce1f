"""Deny assignments: what a managed application or a deployment stack forbids, whatever
the roles say.

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
        if (
            _covers(assignment, target)
            and _concerns_client(assignment)
            and _forbids(assignment, action)
        ):
            parsed = ids.parse(assignment["id"])
            name = str(properties(assignment).get("denyAssignmentName", parsed.name))
            scope = ids.extension_scope(assignment["id"])
            raise errors.denied(
                CLIENT_ID, action, target, name, parsed.name.replace("-", ""), scope
            )


def action_on(method: str, target: str, post_action: str) -> str:
    """Microsoft.Compute/restorePointCollections/delete and the like.

    Only the type of a resource group is written otherwise in its actions.
    https://learn.microsoft.com/azure/role-based-access-control/permissions/management-and-governance
    """
    kind = ids.parse(target).type
    kind = GROUP_ACTIONS if ids.same_type(kind, ids.GROUP) else kind
    return (
        f"{kind}/{post_action}/action"
        if method == "POST"
        else f"{kind}/{_VERBS.get(method, fold(method))}"
    )


def _covers(assignment: Resource, target: str) -> bool:
    scope = ids.extension_scope(assignment["id"])
    if properties(assignment).get("doNotApplyToChildScopes"):
        return ids.key(scope) == ids.key(target)
    return ids.at_or_above(scope, target)


def _concerns_client(assignment: Resource) -> bool:
    held = properties(assignment)
    excluded = [_principal(each) for each in held.get("excludePrincipals") or []]
    principals = [_principal(each) for each in held.get("principals") or [{"id": EVERYONE}]]
    return CLIENT_ID not in excluded and bool({CLIENT_ID, EVERYONE} & set(principals))


def _principal(entry: Any) -> str:
    return str(entry.get("id", "")) if isinstance(entry, dict) else ""


def _forbids(assignment: Resource, action: str) -> bool:
    return any(covers(permission, action) for permission in properties(assignment)["permissions"])
