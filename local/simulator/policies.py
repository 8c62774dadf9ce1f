"""Azure Policy: assignments that deny the creation or the deletion of resources by
their type, or of VM extensions by theirs.

1. An assignment holds at its scope and everywhere below, except in its `notScopes`;
   with `DoNotEnforce` it refuses nothing.
2. `deny` refuses PUT and PATCH; `denyAction` refuses DELETE of the resource itself, but
   never of a lock.
3. A rule consists of allOf, anyOf, not, and conditions on the fields below. A state
   with any other rule is refused: an assignment is never ignored.

https://learn.microsoft.com/azure/governance/policy/concepts/assignment-structure
https://learn.microsoft.com/azure/governance/policy/concepts/effect-deny-action
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.simulator import errors, ids
from local.simulator.built_in_policies import BUILT_IN
from local.simulator.errors import StateError
from local.simulator.ids import fold
from local.simulator.state import Resource, State, properties

FIELDS = {
    "type": ("type",),
    "microsoft.compute/virtualmachines/extensions/type": ("properties", "type"),
    "microsoft.compute/virtualmachines/extensions/publisher": ("properties", "publisher"),
}
"""The fields that a rule may name, with their path in the resource. A field of an
extension is empty for any other type."""
OPERATORS = ("equals", "notEquals", "in", "notIn")
REFUSING_EFFECTS = ("deny", "denyaction")
OTHER_EFFECTS = ("audit", "auditaction", "disabled")
_PARAMETER = re.compile(r"\[\s*parameters\(\s*'([^']+)'\s*\)\s*\]", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Policy:
    """One assignment with its definition, ready to be evaluated."""

    assignment: Resource
    definition_id: str
    definition: dict[str, Any]
    condition: dict[str, Any]
    """With its parameters filled in."""
    effect: str
    """In lower case."""

    @property
    def scope(self) -> str:
        return ids.extension_scope(self.assignment["id"])

    def covers(self, target: str) -> bool:
        excluded = properties(self.assignment).get("notScopes") or []
        return ids.at_or_above(self.scope, target) and not any(
            ids.at_or_above(scope, target) for scope in excluded
        )

    @property
    def enforced(self) -> bool:
        return fold(str(properties(self.assignment).get("enforcementMode", "Default"))) == "default"

    def matches(self, resource: Resource) -> bool:
        return _is_met(self.condition, resource)


def read_all(state: State) -> Iterator[Policy]:
    """Every assignment of the state. Raises StateError for one that cannot be
    evaluated."""
    for kind in (ids.POLICY_SET_DEFINITION, ids.POLICY_EXEMPTION):
        for resource in state.of_type(kind):
            raise StateError(
                f"{resource['id']}: {kind} is not supported, and would change what policy refuses"
            )
    for assignment in state.of_type(ids.POLICY_ASSIGNMENT):
        yield _read_policy(state, assignment)


def check(state: State, method: str, target: str, body: Any) -> None:
    """Raises ArmError 403 RequestDisallowedByPolicy."""
    effect = {"PUT": "deny", "PATCH": "deny", "DELETE": "denyaction"}.get(method)
    kind = ids.parse(target).type
    if effect is None or (effect == "denyaction" and ids.same_type(kind, ids.LOCK)):
        return
    resource = body if isinstance(body, dict) else {}
    if effect == "denyaction":
        resource = state.get(target) or {}
    resource = {**resource, "type": kind}
    if broken := _find_broken(state, (effect,), target, resource):
        violations = [_render_violation(policy, resource) for policy in broken]
        raise errors.disallowed_by_policy(target, method, violations)


def denies_creation(state: State, resource: Resource) -> bool:
    """Whether a PUT of this resource would be refused."""
    content = {**resource, "type": ids.parse(resource["id"]).type}
    return bool(_find_broken(state, ("deny",), resource["id"], content))


def evaluate(
    state: State, target: str, content: Resource, with_audit: bool
) -> list[dict[str, Any]]:
    """The assignments that a new resource would break, as checkPolicyRestrictions
    answers them."""
    effects = ("deny", "audit") if with_audit else ("deny",)
    return [
        {
            "policyInfo": {
                "policyDefinitionId": policy.definition_id,
                "policyAssignmentId": policy.assignment["id"],
            },
            "evaluationResult": "NonCompliant",
            "evaluationDetails": {
                "evaluatedExpressions": _render_expressions(policy.condition, content)
            },
            "effectDetails": {"policyEffect": policy.effect.capitalize()},
        }
        for policy in _find_broken(state, effects, target, content)
    ]


def _find_broken(
    state: State, effects: tuple[str, ...], target: str, content: Resource
) -> list[Policy]:
    """The enforced assignments with one of these effects that the content breaks."""
    return [
        policy
        for policy in read_all(state)
        if policy.effect in effects
        and policy.enforced
        and policy.covers(target)
        and policy.matches(content)
    ]


def _render_violation(policy: Policy, resource: Resource) -> dict[str, Any]:
    """One entry of `additionalInfo`."""
    values = properties(policy.assignment)
    name = ids.parse(policy.assignment["id"]).name
    info = {
        "policyDefinitionDisplayName": policy.definition.get("displayName", ""),
        "evaluationDetails": {
            "evaluatedExpressions": _render_expressions(policy.condition, resource)
        },
        "policyDefinitionId": policy.definition_id,
        "policyDefinitionName": policy.definition_id.rsplit("/", 1)[1],
        "policyDefinitionEffect": {"denyaction": "denyAction"}.get(policy.effect, policy.effect),
        "policyAssignmentId": policy.assignment["id"],
        "policyAssignmentName": name,
        "policyAssignmentDisplayName": values.get("displayName", name),
        "policyAssignmentScope": policy.scope,
        "policyAssignmentParameters": values.get("parameters") or {},
    }
    return {"type": "PolicyViolation", "info": info}


def _read_policy(state: State, assignment: Resource) -> Policy:
    """Raises StateError for an assignment that cannot be evaluated."""
    identity, values = assignment["id"], properties(assignment)
    definition_id = str(values.get("policyDefinitionId", ""))
    scope = ids.extension_scope(identity)
    mode = fold(str(values.get("enforcementMode", "Default")))
    _require(ids.key(str(values.get("scope", scope))) == ids.key(scope), identity, "scope")
    _require(mode in ("default", "donotenforce"), identity, "enforcementMode")
    for part in ("overrides", "resourceSelectors"):
        _require(not values.get(part), identity, part)
    definition = _find_definition(state, identity, definition_id)
    arguments, parameters = values.get("parameters") or {}, definition.get("parameters") or {}
    bound = _bind_parameters(identity, arguments, parameters)
    rule = definition.get("policyRule")
    if not isinstance(rule, dict) or not isinstance(rule.get("if"), dict):
        raise _unusable(identity, "a definition without policyRule.if")
    then = rule.get("then")
    effect_text = then.get("effect", "") if isinstance(then, dict) else ""
    effect = fold(str(_fill_in(effect_text, bound, identity)))
    _require(effect in (*REFUSING_EFFECTS, *OTHER_EFFECTS), identity, f"the effect {effect!r}")
    condition = _fill_in(rule["if"], bound, identity)
    _check_condition(identity, condition)
    return Policy(assignment, definition_id, definition, condition, effect)


def _find_definition(state: State, identity: str, definition_id: str) -> dict[str, Any]:
    prefix = f"/providers/{ids.POLICY_DEFINITION}/"
    if fold(definition_id).startswith(fold(prefix)):
        definition = BUILT_IN.get(fold(definition_id[len(prefix) :]))
    else:
        stored = state.get(definition_id)
        is_definition = stored and ids.same_type(
            ids.parse(stored["id"]).type, ids.POLICY_DEFINITION
        )
        definition = properties(stored) if stored and is_definition else None
    if definition is None:
        raise _unusable(identity, f"the definition {definition_id!r}")
    mode = fold(str(definition.get("mode", "All")))
    _require(mode in ("all", "indexed"), identity, f"the mode {mode!r}")
    return definition


def _bind_parameters(
    identity: str, arguments: dict[str, Any], parameters: dict[str, Any]
) -> dict[str, Any]:
    """The value of each parameter by its folded name: the argument or the default."""
    known = {fold(name) for name in parameters}
    _require(
        all(fold(name) in known for name in arguments),
        identity,
        f"a parameter that its definition has not ({', '.join(arguments)})",
    )
    defaults = {
        fold(name): parameter["defaultValue"]
        for name, parameter in parameters.items()
        if "defaultValue" in parameter
    }
    return defaults | {
        fold(name): argument.get("value")
        for name, argument in arguments.items()
        if isinstance(argument, dict)
    }


def _fill_in(part: Any, values: dict[str, Any], identity: str) -> Any:
    """The rule with each [parameters('x')] replaced by its value."""
    if isinstance(part, dict):
        return {name: _fill_in(item, values, identity) for name, item in part.items()}
    if isinstance(part, list):
        return [_fill_in(item, values, identity) for item in part]
    if isinstance(part, str) and part.startswith("[") and not part.startswith("[["):
        match = _PARAMETER.fullmatch(part)
        if match is None:
            raise _unusable(identity, f"the expression {part}")
        if fold(match[1]) not in values:
            raise _unusable(identity, f"the parameter {match[1]}, which has no value")
        return values[fold(match[1])]
    return part


def _check_condition(identity: str, condition: Any) -> None:
    _require(isinstance(condition, dict), identity, f"the condition {condition!r}")
    for group in ("allOf", "anyOf"):
        if set(condition) == {group}:
            _require(isinstance(condition[group], list), identity, f"{group} without a list")
            for part in condition[group]:
                _check_condition(identity, part)
            return
    if set(condition) == {"not"}:
        _check_condition(identity, condition["not"])
        return
    operator = next((name for name in condition if name in OPERATORS), "")
    complete = operator != "" and set(condition) == {"field", operator}
    known = complete and fold(str(condition["field"])) in FIELDS
    _require(known, identity, f"the condition {condition}")
    needs_list = operator in ("in", "notIn")
    is_list = isinstance(condition[operator], list)
    _require(is_list == needs_list, identity, f"the value of {condition}")


def _is_met(condition: dict[str, Any], resource: Resource) -> bool:
    if "allOf" in condition:
        return all(_is_met(part, resource) for part in condition["allOf"])
    if "anyOf" in condition:
        return any(_is_met(part, resource) for part in condition["anyOf"])
    if "not" in condition:
        return not _is_met(condition["not"], resource)
    value = fold(_read_field(condition["field"], resource))
    if "equals" in condition:
        return value == fold(str(condition["equals"]))
    if "notEquals" in condition:
        return value != fold(str(condition["notEquals"]))
    listed = [fold(str(item)) for item in condition.get("in", condition.get("notIn", []))]
    return (value in listed) == ("in" in condition)


def _read_field(field: str, resource: Resource) -> str:
    alias = fold(field)
    if alias != "type" and not ids.same_type(str(resource.get("type", "")), ids.EXTENSION):
        return ""
    value: Any = resource
    for name in FIELDS[alias]:
        value = value.get(name) if isinstance(value, dict) else None
    return "" if value is None else str(value)


def _render_expressions(condition: dict[str, Any], resource: Resource) -> list[dict[str, Any]]:
    if "field" not in condition:
        parts = condition.get("allOf") or condition.get("anyOf") or [condition.get("not")]
        return [
            expression
            for part in parts
            if isinstance(part, dict)
            for expression in _render_expressions(part, resource)
        ]
    operator = next(name for name in OPERATORS if name in condition)
    return [
        {
            "result": str(_is_met(condition, resource)),
            "expressionKind": "Field",
            "expression": condition["field"],
            "path": condition["field"],
            "expressionValue": _read_field(condition["field"], resource),
            "targetValue": condition[operator],
            "operator": operator[0].upper() + operator[1:],
        }
    ]


def _require(holds: bool, identity: str, problem: str) -> None:
    if not holds:
        raise _unusable(identity, problem)


def _unusable(identity: str, problem: str) -> StateError:
    return StateError(
        f"{identity}: the simulator cannot evaluate this policy assignment: {problem}"
    )
