"""Azure Policy: which policies refused a request, and which would refuse a resource.

https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy
https://learn.microsoft.com/rest/api/policy/policy-restrictions/check-at-resource-group-scope
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shared.arm_ids import fold
from shared.azure.wire import Wire
from shared.errors import Unavailable
from shared.facts import PolicyDenial, VirtualMachine

API_VERSION = "2023-03-01"
VIOLATION = "policyviolation"
HARMLESS_EFFECTS = (
    *("none", "audit", "auditifnotexists", "deployifnotexists", "disabled", "manual"),
    *("append", "modify", "denyaction"),
)
"""Effects that do not refuse the creation of a resource. denyAction refuses a DELETE,
whose answer then says so."""
DENYING_RESULTS, HARMLESS_RESULTS = ("required", "removed", "deny"), ("audit",)
"""Of fields: where policy requires or removes a value, the resource as we would send it
is refused."""


def find_refusing_policies(body: object) -> tuple[str, ...]:
    """Each policy that an error's body names, with its assignment; empty for none."""
    error = body.get("error") if isinstance(body, Mapping) else None
    return tuple(dict.fromkeys(_find_violations(error)))


def _find_violations(error: object) -> Iterator[str]:
    """From `additionalInfo`, which errors of deployments nest in `details`."""
    if not isinstance(error, Mapping):
        return
    for each in _keep_objects(error.get("additionalInfo")):
        info = each.get("info")
        if fold(str(each.get("type", ""))) == VIOLATION and isinstance(info, Mapping):
            yield _name_policy(info)
    for detail in _keep_objects(error.get("details")):
        yield from _find_violations(detail)


def _name_policy(info: Wire) -> str:
    policy = _read_first(
        info, "policyDefinitionDisplayName", "policyDefinitionName", "policyDefinitionId"
    )
    assignment = _read_first(info, "policyAssignmentDisplayName", "policyAssignmentName")
    assignment_id = _read_first(info, "policyAssignmentId")
    return (
        f"the policy '{policy}' by its assignment '{assignment}'"
        f" ({assignment_id or 'its id is not told'})"
    )


def _read_first(info: Wire, *names: str) -> str:
    return next((str(info[name]) for name in names if info.get(name)), "")


def build_question(
    vm: VirtualMachine, extension_name: str, publisher: str, extension_type: str
) -> dict[str, Any]:
    """The body that asks whether this extension may be installed on the VM."""
    content = {
        "type": "Microsoft.Compute/virtualMachines/extensions",
        "name": extension_name,
        "location": vm.location,
        "properties": {"publisher": publisher, "type": extension_type},
    }
    details = {"resourceContent": content, "apiVersion": "2024-07-01", "scope": vm.id}
    return {"resourceDetails": details, "includeAuditEffect": False}


def read_denials(body: object) -> tuple[PolicyDenial, ...]:
    """The policies that would refuse the resource. Raises Unavailable for an answer
    that it does not understand."""
    result = body.get("contentEvaluationResult") if isinstance(body, Mapping) else None
    evaluations = result.get("policyEvaluations") if isinstance(result, Mapping) else None
    restrictions = body.get("fieldRestrictions", []) if isinstance(body, Mapping) else None
    if not _is_objects(evaluations) or not _is_objects(restrictions):
        raise Unavailable("the answer of checkPolicyRestrictions has no list of policyEvaluations")
    found = [_read_evaluation(each) for each in _keep_objects(evaluations)]
    found += [
        _read_field(field, each)
        for field in _keep_objects(restrictions)
        for each in _read_restrictions(field)
    ]
    return tuple(each for each in found if each is not None)


def _read_evaluation(wire: Wire) -> PolicyDenial | None:
    """Raises Unavailable for a result other than NonCompliant, which stands for an
    error, and for an unknown effect, which could be a denial."""
    result, details = fold(str(wire.get("evaluationResult", ""))), wire.get("effectDetails")
    effect = fold(str(details.get("policyEffect", ""))) if isinstance(details, Mapping) else ""
    if result != "noncompliant" or effect not in ("deny", *HARMLESS_EFFECTS):
        raise Unavailable(
            f"checkPolicyRestrictions answers {result or 'no result'} with the effect"
            f" {effect or '(none)'}"
        )
    return (
        _build_denial(wire.get("policyInfo"), "it denies the extension")
        if effect == "deny"
        else None
    )


def _read_restrictions(field: Wire) -> tuple[Wire, ...]:
    restrictions = field.get("restrictions")
    if not _is_objects(restrictions):
        raise Unavailable("checkPolicyRestrictions names a field without its restrictions")
    return _keep_objects(restrictions)


def _read_field(field: Wire, wire: Wire) -> PolicyDenial | None:
    result = fold(str(wire.get("result", "")))
    if result not in (*DENYING_RESULTS, *HARMLESS_RESULTS):
        raise Unavailable(
            f"checkPolicyRestrictions answers {result or 'no result'} for the field"
            f" {field.get('field')}"
        )
    reason = f"{field.get('field')}: {result}; {wire.get('reason', '')}".rstrip("; ")
    return _build_denial(wire.get("policy"), reason) if result in DENYING_RESULTS else None


def _build_denial(policy: object, reason: str) -> PolicyDenial:
    ids = policy if isinstance(policy, Mapping) else {}
    return PolicyDenial(
        str(ids.get("policyAssignmentId") or ""), str(ids.get("policyDefinitionId") or ""), reason
    )


def _is_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) for each in value)


def _keep_objects(value: object) -> tuple[Wire, ...]:
    return (
        tuple(each for each in value if isinstance(each, Mapping))
        if isinstance(value, list)
        else ()
    )
