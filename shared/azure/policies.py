"""What Azure Policy says: which policies refused a request, and which would refuse a
resource.

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
    "none", "audit", "auditifnotexists", "deployifnotexists", "disabled", "manual", "append", "modify", "denyaction",
)  # fmt: skip
"""Effects that do not refuse the making of a resource. denyAction refuses a DELETE,
which then says so itself."""
DENYING_RESULTS, HARMLESS_RESULTS = ("required", "removed", "deny"), ("audit",)
"""Of fields: what policy requires or removes is refused as it would be sent."""


def refused_by(body: object) -> tuple[str, ...]:
    """Each policy that an error's body names, with its assignment; empty where it names
    none."""
    error = body.get("error") if isinstance(body, Mapping) else None
    return tuple(dict.fromkeys(_violations(error)))


def _violations(error: object) -> Iterator[str]:
    """In `additionalInfo`; errors of deployments nest it in `details`."""
    if not isinstance(error, Mapping):
        return
    for each in _objects(error.get("additionalInfo")):
        info = each.get("info")
        if fold(str(each.get("type", ""))) == VIOLATION and isinstance(info, Mapping):
            yield _named(info)
    for detail in _objects(error.get("details")):
        yield from _violations(detail)


def _named(info: Wire) -> str:
    policy = _first(
        info, "policyDefinitionDisplayName", "policyDefinitionName", "policyDefinitionId"
    )
    assignment = _first(info, "policyAssignmentDisplayName", "policyAssignmentName")
    assignment_id = _first(info, "policyAssignmentId")
    return (
        f"the policy '{policy}' by its assignment '{assignment}'"
        f" ({assignment_id or 'its id is not told'})"
    )


def _first(info: Wire, *names: str) -> str:
    return next((str(info[name]) for name in names if info.get(name)), "")


def question(
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


def denials(body: object) -> tuple[PolicyDenial, ...]:
    """The policies that would refuse the resource. Raises Unavailable for an answer
    that is not understood."""
    result = body.get("contentEvaluationResult") if isinstance(body, Mapping) else None
    evaluations = result.get("policyEvaluations") if isinstance(result, Mapping) else None
    restrictions = body.get("fieldRestrictions", []) if isinstance(body, Mapping) else None
    if not _is_objects(evaluations) or not _is_objects(restrictions):
        raise Unavailable("the answer of checkPolicyRestrictions has no list of policyEvaluations")
    found = [_of_evaluation(each) for each in _objects(evaluations)]
    found += [
        _of_field(field, each) for field in _objects(restrictions) for each in _restrictions(field)
    ]
    return tuple(each for each in found if each is not None)


def _of_evaluation(wire: Wire) -> PolicyDenial | None:
    """Raises Unavailable: a result other than NonCompliant stands for an error, an
    unknown effect could be any."""
    result, details = fold(str(wire.get("evaluationResult", ""))), wire.get("effectDetails")
    effect = fold(str(details.get("policyEffect", ""))) if isinstance(details, Mapping) else ""
    if result != "noncompliant" or effect not in ("deny", *HARMLESS_EFFECTS):
        raise Unavailable(
            f"checkPolicyRestrictions answers {result or 'no result'} with the effect"
            f" {effect or '(none)'}"
        )
    return _denial(wire.get("policyInfo"), "it denies the extension") if effect == "deny" else None


def _restrictions(field: Wire) -> tuple[Wire, ...]:
    restrictions = field.get("restrictions")
    if not _is_objects(restrictions):
        raise Unavailable("checkPolicyRestrictions names a field without its restrictions")
    return _objects(restrictions)


def _of_field(field: Wire, wire: Wire) -> PolicyDenial | None:
    result = fold(str(wire.get("result", "")))
    if result not in (*DENYING_RESULTS, *HARMLESS_RESULTS):
        raise Unavailable(
            f"checkPolicyRestrictions answers {result or 'no result'} for the field"
            f" {field.get('field')}"
        )
    said = f"{field.get('field')}: {result}; {wire.get('reason', '')}".rstrip("; ")
    return _denial(wire.get("policy"), said) if result in DENYING_RESULTS else None


def _denial(policy: object, reason: str) -> PolicyDenial:
    told = policy if isinstance(policy, Mapping) else {}
    return PolicyDenial(
        str(told.get("policyAssignmentId") or ""), str(told.get("policyDefinitionId") or ""), reason
    )


def _is_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) for each in value)


def _objects(value: object) -> tuple[Wire, ...]:
    return (
        tuple(each for each in value if isinstance(each, Mapping))
        if isinstance(value, list)
        else ()
    )
