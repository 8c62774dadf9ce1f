"""Azure Policy, as far as it is played: assignments that deny making, or deny deleting,
resources by their type or extensions by theirs.

1. An assignment holds at its scope and everywhere below, but for its `notScopes`; with
   `DoNotEnforce` it refuses nothing.
2. `deny` refuses PUT and PATCH, `denyAction` refuses DELETE of the resource itself;
   locks are never protected by it.
3. A rule is made of allOf, anyOf, not, and conditions on the fields below; anything
   else makes the state impossible. An assignment is evaluated or refused, never
   ignored.

https://learn.microsoft.com/azure/governance/policy/concepts/assignment-structure
https://learn.microsoft.com/azure/governance/policy/concepts/effect-deny-action
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.simulator import errors, ids
from local.simulator.errors import StateError
from local.simulator.ids import fold
from local.simulator.state import Resource, State, properties

FIELDS = {
    "type": ("type",),
    "microsoft.compute/virtualmachines/extensions/type": ("properties", "type"),
    "microsoft.compute/virtualmachines/extensions/publisher": ("properties", "publisher"),
}
"""What a rule may ask about, and where it stands in the resource. Any other alias of
another type is never there."""
OPERATORS = ("equals", "notEquals", "in", "notIn")
REFUSING = ("deny", "denyaction")
WATCHING = ("audit", "auditaction", "disabled")
"""Effects that refuse nothing."""
_PARAMETER = re.compile(r"\[\s*parameters\(\s*'([^']+)'\s*\)\s*\]", re.IGNORECASE | re.ASCII)
_TYPE_OF_EXTENSION = "Microsoft.Compute/virtualMachines/extensions"


def _parameter(kind: str, default: Any = None) -> dict[str, Any]:
    return {"type": kind} if default is None else {"type": kind, "defaultValue": default}


def _built_in(name: str, condition: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    rule = {"if": condition, "then": {"effect": "[parameters('effect')]"}}
    return {
        "displayName": name,
        "policyType": "BuiltIn",
        "parameters": parameters,
        "policyRule": rule,
    }


BUILT_IN: dict[str, dict[str, Any]] = {
    "6c112d4e-5bc7-47ae-a041-ea2d9dccd749": _built_in(
        "Not allowed resource types",
        {"field": "type", "in": "[parameters('listOfResourceTypesNotAllowed')]"},
        {
            "listOfResourceTypesNotAllowed": _parameter("Array"),
            "effect": _parameter("String", "Deny"),
        },
    ),
    "78460a36-508a-49a4-b2b2-2f5ec564f4bb": _built_in(
        "Do not allow deletion of resource types",
        {"field": "type", "in": "[parameters('listOfResourceTypesDisallowedForDeletion')]"},
        {
            "listOfResourceTypesDisallowedForDeletion": _parameter("Array"),
            "effect": _parameter("String", "DenyAction"),
        },
    ),
    "c0e996f8-39cf-4af9-9f45-83fbde810432": _built_in(
        "Only approved VM extensions should be installed",
        {
            "allOf": [
                {"field": "type", "equals": _TYPE_OF_EXTENSION},
                {
                    "field": f"{_TYPE_OF_EXTENSION}/type",
                    "notIn": "[parameters('approvedExtensions')]",
                },
            ]
        },
        {"approvedExtensions": _parameter("Array"), "effect": _parameter("String", "Audit")},
    ),
}
"""By the name under /providers/Microsoft.Authorization/policyDefinitions. Their rules
in short: what is told apart is the same."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One assignment with its definition, ready to be evaluated."""

    assignment: Resource
    definition_id: str
    definition: dict[str, Any]
    condition: dict[str, Any]
    """With its parameters filled in."""
    effect: str
    """In small letters."""

    @property
    def scope(self) -> str:
        return ids.extension_scope(self.assignment["id"])

    def covers(self, target: str) -> bool:
        excluded = properties(self.assignment).get("notScopes") or []
        return ids.at_or_above(self.scope, target) and not any(
            ids.at_or_above(each, target) for each in excluded
        )

    @property
    def enforced(self) -> bool:
        return fold(str(properties(self.assignment).get("enforcementMode", "Default"))) == "default"

    def matches(self, resource: Resource) -> bool:
        return _holds(self.condition, resource)


def all_of(state: State) -> Iterator[Policy]:
    """Every assignment of the state. Raises StateError with the reason for one that
    cannot be evaluated."""
    for kind in (ids.POLICY_SET_DEFINITION, ids.POLICY_EXEMPTION):
        for resource in state.of_type(kind):
            raise StateError(
                f"{resource['id']}: {kind} is not played, and would change what policy refuses"
            )
    for assignment in state.of_type(ids.POLICY_ASSIGNMENT):
        yield _policy(state, assignment)


def check(state: State, method: str, target: str, body: Any) -> None:
    """Raises ArmError 403 RequestDisallowedByPolicy."""
    wanted = {"PUT": "deny", "PATCH": "deny", "DELETE": "denyaction"}.get(method)
    kind = ids.parse(target).type
    if wanted is None or (wanted == "denyaction" and ids.same_type(kind, ids.LOCK)):
        return
    sent = body if isinstance(body, dict) else {}
    resource = (
        {**sent, "type": kind} if wanted == "deny" else {**(state.get(target) or {}), "type": kind}
    )
    if refusing := [each for each in _refusing(state, wanted, target) if each.matches(resource)]:
        raise errors.disallowed_by_policy(
            target, method, [violation(each, resource) for each in refusing]
        )


def denied_extension(state: State, extension: Resource) -> bool:
    """Whether making this resource would be refused."""
    kind = {"type": ids.parse(extension["id"]).type}
    return any(
        each.matches({**extension, **kind}) for each in _refusing(state, "deny", extension["id"])
    )


def evaluations(
    state: State, target: str, content: Resource, with_audit: bool
) -> list[dict[str, Any]]:
    """What checkPolicyRestrictions tells of a resource that is to be made: the
    assignments that it would break."""
    effects = ("deny", "audit") if with_audit else ("deny",)
    broken = [
        each
        for each in all_of(state)
        if each.effect in effects
        and each.covers(target)
        and each.enforced
        and each.matches(content)
    ]
    return [
        {
            "policyInfo": {
                "policyDefinitionId": each.definition_id,
                "policyAssignmentId": each.assignment["id"],
            },
            "evaluationResult": "NonCompliant",
            "evaluationDetails": {"evaluatedExpressions": _expressions(each.condition, content)},
            "effectDetails": {"policyEffect": each.effect.capitalize()},
        }
        for each in broken
    ]


def violation(policy: Policy, resource: Resource) -> dict[str, Any]:
    """One entry of `additionalInfo`."""
    held = properties(policy.assignment)
    name = ids.parse(policy.assignment["id"]).name
    info = {
        "policyDefinitionDisplayName": policy.definition.get("displayName", ""),
        "evaluationDetails": {"evaluatedExpressions": _expressions(policy.condition, resource)},
        "policyDefinitionId": policy.definition_id,
        "policyDefinitionName": policy.definition_id.rsplit("/", 1)[1],
        "policyDefinitionEffect": {"denyaction": "denyAction"}.get(policy.effect, policy.effect),
        "policyAssignmentId": policy.assignment["id"],
        "policyAssignmentName": name,
        "policyAssignmentDisplayName": held.get("displayName", name),
        "policyAssignmentScope": policy.scope,
        "policyAssignmentParameters": held.get("parameters") or {},
    }
    return {"type": "PolicyViolation", "info": info}


def _refusing(state: State, effect: str, target: str) -> list[Policy]:
    return [
        each
        for each in all_of(state)
        if each.effect == effect and each.enforced and each.covers(target)
    ]


def _policy(state: State, assignment: Resource) -> Policy:
    identity, held = assignment["id"], properties(assignment)
    definition_id = str(held.get("policyDefinitionId", ""))
    _require(
        ids.key(str(held.get("scope", ids.extension_scope(identity))))
        == ids.key(ids.extension_scope(identity)),
        identity,
        "scope",
    )
    _require(
        fold(str(held.get("enforcementMode", "Default"))) in ("default", "donotenforce"),
        identity,
        "enforcementMode",
    )
    for part in ("overrides", "resourceSelectors"):
        _require(not held.get(part), identity, part)
    definition = _definition(state, identity, definition_id)
    values = _parameters(identity, held.get("parameters") or {}, definition.get("parameters") or {})
    rule = definition.get("policyRule")
    _require(
        isinstance(rule, dict) and isinstance(rule.get("if"), dict),
        identity,
        "a definition without policyRule.if",
    )
    assert isinstance(rule, dict)
    then = rule.get("then") if isinstance(rule.get("then"), dict) else {}
    effect = fold(str(_filled((then or {}).get("effect", ""), values, identity)))
    _require(effect in (*REFUSING, *WATCHING), identity, f"the effect {effect!r}")
    condition = _filled(rule["if"], values, identity)
    _check_condition(identity, condition)
    return Policy(assignment, definition_id, definition, condition, effect)


def _definition(state: State, identity: str, definition_id: str) -> dict[str, Any]:
    prefix = f"/providers/{ids.POLICY_DEFINITION}/"
    if fold(definition_id).startswith(fold(prefix)):
        found = BUILT_IN.get(fold(definition_id[len(prefix) :]))
    else:
        stored = state.get(definition_id) if ids.is_id(definition_id) else None
        found = (
            properties(stored)
            if stored and ids.same_type(ids.parse(definition_id).type, ids.POLICY_DEFINITION)
            else None
        )
    _require(found is not None, identity, f"the definition {definition_id!r}")
    assert found is not None
    mode = fold(str(found.get("mode", "All")))
    _require(mode in ("all", "indexed"), identity, f"the mode {mode!r}")
    return found


def _parameters(identity: str, given: dict[str, Any], declared: dict[str, Any]) -> dict[str, Any]:
    known = {fold(name) for name in declared}
    _require(
        all(fold(name) in known for name in given),
        identity,
        f"a parameter that its definition has not ({', '.join(given)})",
    )
    values = {
        fold(name): each["defaultValue"]
        for name, each in declared.items()
        if "defaultValue" in each
    }
    return values | {
        fold(name): each.get("value") for name, each in given.items() if isinstance(each, dict)
    }


def _filled(part: Any, values: dict[str, Any], identity: str) -> Any:
    """The rule with each [parameters('x')] replaced by its value."""
    if isinstance(part, dict):
        return {name: _filled(each, values, identity) for name, each in part.items()}
    if isinstance(part, list):
        return [_filled(each, values, identity) for each in part]
    if isinstance(part, str) and part.startswith("[") and not part.startswith("[["):
        found = _PARAMETER.fullmatch(part)
        _require(found is not None, identity, f"the expression {part}")
        assert found is not None
        _require(
            fold(found[1]) in values, identity, f"the parameter {found[1]}, which has no value"
        )
        return values[fold(found[1])]
    return part


def _check_condition(identity: str, condition: Any) -> None:
    _require(isinstance(condition, dict), identity, f"the condition {condition!r}")
    for several in ("allOf", "anyOf"):
        if set(condition) == {several}:
            _require(isinstance(condition[several], list), identity, f"{several} without a list")
            for each in condition[several]:
                _check_condition(identity, each)
            return
    if set(condition) == {"not"}:
        _check_condition(identity, condition["not"])
        return
    operator = next((name for name in condition if name in OPERATORS), "")
    good = set(condition) == {"field", operator} and fold(str(condition["field"])) in FIELDS
    value = condition.get(operator)
    _require(good, identity, f"the condition {condition}")
    _require(
        isinstance(value, list) == (operator in ("in", "notIn")),
        identity,
        f"the value of {condition}",
    )


def _holds(condition: dict[str, Any], resource: Resource) -> bool:
    if "allOf" in condition:
        return all(_holds(each, resource) for each in condition["allOf"])
    if "anyOf" in condition:
        return any(_holds(each, resource) for each in condition["anyOf"])
    if "not" in condition:
        return not _holds(condition["not"], resource)
    found = fold(_value(condition["field"], resource))
    if "equals" in condition:
        return found == fold(str(condition["equals"]))
    if "notEquals" in condition:
        return found != fold(str(condition["notEquals"]))
    listed = [fold(str(each)) for each in condition.get("in", condition.get("notIn", []))]
    return (found in listed) == ("in" in condition)


def _value(field: str, resource: Resource) -> str:
    alias = fold(field)
    if alias != "type" and not ids.same_type(str(resource.get("type", "")), _TYPE_OF_EXTENSION):
        return ""
    found: Any = resource
    for name in FIELDS[alias]:
        found = found.get(name) if isinstance(found, dict) else None
    return "" if found is None else str(found)


def _expressions(condition: dict[str, Any], resource: Resource) -> list[dict[str, Any]]:
    if "field" not in condition:
        inner = condition.get("allOf") or condition.get("anyOf") or [condition.get("not")]
        return [
            each
            for part in inner
            if isinstance(part, dict)
            for each in _expressions(part, resource)
        ]
    operator = next(name for name in OPERATORS if name in condition)
    return [
        {
            "result": str(_holds(condition, resource)),
            "expressionKind": "Field",
            "expression": condition["field"],
            "path": condition["field"],
            "expressionValue": _value(condition["field"], resource),
            "targetValue": condition[operator],
            "operator": operator[0].upper() + operator[1:],
        }
    ]


def _require(holds: bool, identity: str, what: str) -> None:
    if not holds:
        raise StateError(
            f"{identity}: the simulator cannot evaluate this policy assignment: {what}"
        )
