"""What the app's identity may do: every action that this installation needs, no more,
and the built-in roles on single resources."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator

from command_line.doctor.installation import (
    CHANGING_MODES,
    Installation,
    Result,
    properties,
    result,
)
from command_line.doctor.view import Json
from infra.roles import LOG_QUERY, READER, REMEDIATOR, covers
from shared.arm_ids import fold, is_at_or_above, same

MANAGEMENT_GROUPS = "/providers/microsoft.management/managementgroups/"


async def check_actions(on: Installation) -> AsyncIterator[Result]:
    """Each action of infra/roles.json that this installation needs, held by its
    identity at the subscription."""
    if on.identity is None:
        yield Result("role actions", None, "without an identity nobody holds them", on.deploy)
        return
    held = await _permissions(on, on.principal)
    for action in (*READER, *(LOG_QUERY if on.settings.get("REMEDIATOR_WORKSPACE_ID") else ())):
        yield _check_action(on, action, held)
    if on.mode in CHANGING_MODES or on.settings_problem:
        for action in REMEDIATOR:
            yield _check_action(on, action, held, mode=on.mode)
    elif extra := [each for each in REMEDIATOR if _allow(held, each)]:
        principal = on.principal
        mend = (
            f"az role assignment delete --assignee {principal} --scope {on.view.subscription}"
            " --role ROLE_THAT_CHANGES"
        )
        yield Result(
            "no more than needed",
            False,
            f"mode {on.mode} changes nothing, and the identity may {', '.join(extra)}",
            mend,
        )


def _check_action(on: Installation, action: str, held: list[Json], **parameters: str) -> Result:
    fine = _allow(held, action)
    found = "granted" if fine else "not granted at the subscription"
    return result(f"action {action}", fine, found, on.deploy_with(**parameters))


def _allow(permissions: list[Json], action: str) -> bool:
    """Azure adds permissions up: one that covers the action is enough."""
    return any(covers(each, action) for each in permissions)


async def _permissions(on: Installation, principal_id: str) -> list[Json]:
    """Each permission that the principal holds at the subscription or above."""
    held: list[Json] = []
    for assignment in await _assignments(on, principal_id):
        if _is_at_or_above(str(properties(assignment).get("scope", "")), on.view.subscription):
            definition = await on.view.get(str(properties(assignment)["roleDefinitionId"]))
            held += properties(definition).get("permissions") or []
    return held


async def check_role(
    on: Installation,
    name: str,
    who: str,
    principal_id: str,
    resource: Json | None,
    suffix: str,
    role: str,
) -> Result:
    """Whether a built-in role is held on this very resource or above it."""
    scope = f"{(resource or {}).get('id', '')}{suffix}"
    fine = bool(resource) and any(
        _is_at_or_above(str(properties(each).get("scope", "")), scope)
        and fold(str(properties(each).get("roleDefinitionId", ""))).endswith(role)
        for each in await _assignments(on, principal_id)
    )
    mend = (
        f"az role assignment create --assignee-object-id {principal_id} --assignee-principal-type"
        f" ServicePrincipal --role {role} --scope {shlex.quote(scope)}"
    )
    found = "granted" if fine else "not granted"
    return result(f"{name} for {who}", fine, found, mend if resource else on.deploy)


async def _assignments(on: Installation, principal_id: str) -> list[Json]:
    """Of the principal itself, at, above and below the subscription. Those under a
    condition are left out: we do not evaluate it."""
    if principal_id not in on.role_assignments:
        found = await on.view.list_all(
            f"{on.view.subscription}/providers/Microsoft.Authorization/roleAssignments",
            **{"$filter": f"principalId eq '{principal_id}'"},
        )
        on.role_assignments[principal_id] = [
            each
            for each in found
            if same(str(properties(each).get("principalId", "")), principal_id)
            and not properties(each).get("condition")
        ]
    return on.role_assignments[principal_id]


def _is_at_or_above(scope: str, what: str) -> bool:
    """Management groups are above every subscription that lists their assignments."""
    if scope == "/" or fold(scope).startswith(MANAGEMENT_GROUPS):
        return True
    return is_at_or_above(scope, what)
