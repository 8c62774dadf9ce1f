"""Microsoft.PolicyInsights: what policy would say to a resource that is to be made.

https://learn.microsoft.com/rest/api/policy/policy-restrictions
"""

from __future__ import annotations

from typing import Any

from local.simulator import errors, ids, policies
from local.simulator.ids import fold
from local.simulator.providers import RESTRICTIONS, VERSIONS
from local.simulator.world import Answer, Call


def check_restrictions(call: Call) -> Answer:
    """Only what is asked of the content is played; pending fields are refused.

    Of the api-versions, only those that are known here are taken.
    """
    if call.api_version not in (known := VERSIONS[RESTRICTIONS]):
        raise errors.no_registered_provider(call.api_version, RESTRICTIONS, known)
    body = call.body if isinstance(call.body, dict) else {}
    details = body.get("resourceDetails")
    content = details.get("resourceContent") if isinstance(details, dict) else None
    if not isinstance(content, dict) or not isinstance(content.get("type"), str):
        raise errors.invalid_content("resourceDetails.resourceContent is an object with a type")
    if body.get("pendingFields"):
        raise errors.not_played(call.method, f"{call.path} with pendingFields")
    assert isinstance(details, dict)
    target = _target(call, content, str(details.get("scope") or ""))
    found = policies.evaluations(
        call.state, target, content, body.get("includeAuditEffect") is True
    )
    return Answer(
        200, {"fieldRestrictions": [], "contentEvaluationResult": {"policyEvaluations": found}}
    )


def _target(call: Call, content: dict[str, Any], scope: str) -> str:
    """The id that the resource would have: of a child below its parent, which is then
    the scope."""
    at = call.path[: fold(call.path).rindex("/providers/")]
    scope = scope or at
    if not ids.is_id(scope) or not ids.at_or_above(at, scope):
        raise errors.invalid_content(f"scope '{scope}' is not in {at}")
    kind, name = content["type"], str(content.get("name") or "unnamed")
    parent = ids.parse(scope).type
    if fold(kind).startswith(fold(parent) + "/"):
        return f"{scope}/{kind[len(parent) + 1 :]}/{name}"
    return f"{scope}/providers/{kind}/{name}"
