"""Microsoft.Authorization: lists of what is assigned at a scope.

Without a filter: at the scope, above and below it. Single ones are plain resources.
https://learn.microsoft.com/rest/api/authorization/role-assignments/list-for-scope
https://learn.microsoft.com/rest/api/policyauthorization/policy-assignments/list
"""

from __future__ import annotations

from local.simulator import filters, ids
from local.simulator.handlers.resources import page
from local.simulator.ids import fold
from local.simulator.state import Resource, text, wire
from local.simulator.world import Answer, Call

AT_SCOPE, AT_EXACT_SCOPE = "atScope()", "atExactScope()"


def list_role_assignments(call: Call) -> Answer:
    """Filters: atScope() and principalId, alone or joined. assignedTo() is refused."""
    return _listed(call, ids.ROLE_ASSIGNMENT, (AT_SCOPE,), ("principalId",))


def list_policy_assignments(call: Call) -> Answer:
    """Filters: atScope(), atExactScope(), policyDefinitionId."""
    return _listed(call, ids.POLICY_ASSIGNMENT, (AT_SCOPE, AT_EXACT_SCOPE), ("policyDefinitionId",))


def list_deny_assignments(call: Call) -> Answer:
    """Filter: atScope(). Those by principal are refused."""
    return _listed(call, ids.DENY_ASSIGNMENT, (AT_SCOPE,), ())


def _listed(call: Call, kind: str, functions: tuple[str, ...], fields: tuple[str, ...]) -> Answer:
    terms = filters.parse(call.query.get("$filter", ""), fields, functions)
    held = (each for each in call.state.of_type(kind) if _seen(each, call.names["scope"], terms))
    return page(call, (wire(each) for each in held))


def _seen(assignment: Resource, scope: str, terms: dict[str, str]) -> bool:
    own = ids.extension_scope(assignment["id"])
    if AT_EXACT_SCOPE in terms and ids.key(own) != ids.key(scope):
        return False
    below = ids.at_or_above(scope, own) and AT_SCOPE not in terms
    fields = {name: value for name, value in terms.items() if not name.endswith("()")}
    return (ids.at_or_above(own, scope) or below) and all(
        fold(text(assignment, name)) == fold(value) for name, value in fields.items()
    )
