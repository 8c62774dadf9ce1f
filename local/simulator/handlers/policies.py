"""Microsoft.PolicyInsights: the policies that a new resource would violate.

https://learn.microsoft.com/rest/api/policy/policy-restrictions
"""

from __future__ import annotations

from typing import Any

from local.simulator import errors, ids, policies
from local.simulator.ids import fold
from local.simulator.providers import RESTRICTIONS, VERSIONS
from local.simulator.world import Answer, Call


def check_restrictions(call: Call) -> Answer:
    """The evaluations of the content; pending fields are refused, and api-versions that
    providers.py does not list."""
    if call.api_version not in (known := VERSIONS[RESTRICTIONS]):
        raise errors.no_registered_provider(call.api_version, RESTRICTIONS, known)
    body = call.body if isinstance(call.body, dict) else {}
    details = body.get("resourceDetails")
    content = details.get("resourceContent") if isinstance(details, dict) else None
    if not isinstance(content, dict) or not isinstance(content.get("type"), str):
        raise errors.invalid_content("resourceDetails.resourceContent is an object with a type")
    if body.get("pendingFields"):
        raise errors.not_supported(call.method, f"{call.path} with pendingFields")
    assert isinstance(details, dict)
    target = _target_id(call, content, str(details.get("scope") or ""))
    with_audit = body.get("includeAuditEffect") is True
    evaluations = policies.evaluate(call.state, target, content, with_audit)
    result = {"policyEvaluations": evaluations}
    return Answer(200, {"fieldRestrictions": [], "contentEvaluationResult": result})


def _target_id(call: Call, content: dict[str, Any], scope: str) -> str:
    """The id that the resource would have. The scope of a child resource is its
    parent."""
    at = call.path[: fold(call.path).rindex("/providers/")]
    scope = scope or at
    if not ids.is_id(scope) or not ids.at_or_above(at, scope):
        raise errors.invalid_content(f"scope '{scope}' is not in {at}")
    kind, name = content["type"], str(content.get("name") or "unnamed")
    parent = ids.parse(scope).type
    if fold(kind).startswith(fold(parent) + "/"):
        return f"{scope}/{kind[len(parent) + 1 :]}/{name}"
    return f"{scope}/providers/{kind}/{name}"
