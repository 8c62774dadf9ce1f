"""Microsoft.Authorization: lists of the assignments and locks that a scope shows.

A list has those at, above and below the scope; with `atScope()` those at and above it.
A single assignment is served like any plain resource.
https://learn.microsoft.com/rest/api/authorization/role-assignments/list-for-scope
https://learn.microsoft.com/rest/api/policyauthorization/policy-assignments/list
"""

from __future__ import annotations

from local.simulator import filters, ids
from local.simulator.handlers.resources import page
from local.simulator.ids import fold
from local.simulator.state import Resource, State, text, wire
from local.simulator.world import Answer, Call

AT_SCOPE, AT_EXACT_SCOPE = "atScope()", "atExactScope()"


def list_role_assignments(call: Call) -> Answer:
    """Filters: atScope() and principalId, alone or joined. assignedTo() is refused."""
    return list_at_scope(call, ids.ROLE_ASSIGNMENT, (AT_SCOPE,), ("principalId",))


def list_policy_assignments(call: Call) -> Answer:
    """Filters: atScope(), atExactScope(), policyDefinitionId."""
    functions = (AT_SCOPE, AT_EXACT_SCOPE)
    return list_at_scope(call, ids.POLICY_ASSIGNMENT, functions, ("policyDefinitionId",))


def list_deny_assignments(call: Call) -> Answer:
    """Filter: atScope(). Filters by principal are refused."""
    return list_at_scope(call, ids.DENY_ASSIGNMENT, (AT_SCOPE,))


def list_at_scope(
    call: Call,
    kind: str,
    functions: tuple[str, ...],
    fields: tuple[str, ...] = (),
    state: State | None = None,
) -> Answer:
    """A list of extension resources, with the filter terms that it accepts; of `state`,
    or of the state as it is now."""
    terms = filters.parse(call.query.get("$filter", ""), fields, functions)
    scope = call.names["scope"]
    resources = (state or call.state).of_type(kind)
    shown = (each for each in resources if _is_shown(each, scope, terms))
    return page(call, (wire(each) for each in shown))


def _is_shown(resource: Resource, scope: str, terms: dict[str, str]) -> bool:
    own = ids.extension_scope(resource["id"])
    if AT_EXACT_SCOPE in terms and ids.key(own) != ids.key(scope):
        return False
    below = ids.at_or_above(scope, own) and AT_SCOPE not in terms
    fields = {name: value for name, value in terms.items() if not name.endswith("()")}
    return (ids.at_or_above(own, scope) or below) and all(
        fold(text(resource, name)) == fold(value) for name, value in fields.items()
    )
