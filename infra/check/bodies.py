"""Resource bodies, module parameters and defaults against the type data and the
declared types: names, required and read-only properties, literals."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infra.check import placement
from infra.check.findings import Finding
from infra.check.source import (
    Declaration,
    Node,
    Project,
    Source,
    children,
    literal_text,
    properties,
    text,
    value_of,
)
from infra.check.type_data import (
    ANY,
    READ_ONLY,
    REQUIRED,
    Shape,
    alternatives,
    is_object,
    properties_of,
    record,
)
from infra.check.values import find_misfit, suggest

OF_THE_LANGUAGE = frozenset({"parent", "scope", "dependsOn"})
WRITTEN_TYPE = re.compile(r"(string|int|bool|object|array)(\[\])?(\?)?")
_SIMPLE: dict[str, Shape] = {
    "string": {"$type": "StringType"},
    "int": {"$type": "IntegerType"},
    "bool": {"$type": "BooleanType"},
    "object": record({}, ANY),
    "array": {"$type": "ArrayType", "itemType": ANY},
}


def check(project: Project, source: Source) -> Iterator[Finding]:
    for each in source.declarations:
        if each.kind == "resource":
            yield from _check_resource(project, source, each)
        elif each.kind in ("param", "output") and each.body is not None:
            yield from check_given(source, each.body, each, f"{each.kind} {each.name}")


def check_given(
    source: Source, node: Node, declaration: Declaration, what: str
) -> Iterator[Finding]:
    """A value for a parameter or output; `node` is in `source`, the declaration may be
    in another file."""
    if node.type == "null" and not declaration.of.endswith("?"):
        message = f"{what}: it may not be null (its type would end with ?)"
        yield source.finding(node, "wrong-type", message)
    else:
        yield from _check_value(source, node, _read_type(declaration), what)


def _read_type(declaration: Declaration) -> Shape:
    """From the written type and the decorators @allowed, @minLength and their like."""
    found = WRITTEN_TYPE.fullmatch(declaration.of)
    if not found:
        return ANY
    allowed = declaration.decorator("allowed")
    names = [literal_text(each) for each in children(allowed[0])] if allowed else []
    literals = [{"$type": "StringLiteralType", "value": each} for each in names if each is not None]
    if literals:
        return {"$type": "UnionType", "elements": literals}
    shape = dict(_SIMPLE[found[1]])
    for bound in ("minLength", "maxLength", "minValue", "maxValue"):
        arguments = declaration.decorator(bound)
        if arguments and arguments[0].type == "number":
            shape[bound] = int(text(arguments[0]))
    return {"$type": "ArrayType", "itemType": shape} if found[2] else shape


def _check_resource(
    project: Project, source: Source, declaration: Declaration
) -> Iterator[Finding]:
    entry = project.types.resource(declaration.of)
    body = declaration.body
    if entry is None:
        yield placement.report_unknown_type(project, source, declaration)
    elif body is None or body.type != "object":
        message = f"the body of {declaration.name} is not an object"
        yield source.finding(declaration.node, "wrong-type", message)
    else:
        yield from placement.check(source, declaration, entry, body)
        if declaration.existing:
            yield from _check_existing(source, body)
        else:
            yield from _check_object(source, body, entry["body"], declaration.of, OF_THE_LANGUAGE)


def _check_existing(source: Source, body: Node) -> Iterator[Finding]:
    for key, prop, _ in properties(body):
        if key not in OF_THE_LANGUAGE | {"name"}:
            message = f"an existing resource takes name, parent and scope, not {key}"
            yield source.finding(prop, "unknown-property", message)


def _check_value(source: Source, node: Node, wanted: Shape, what: str) -> Iterator[Finding]:
    """Follows objects, arrays, loops, both sides of a choice, and variables, down to
    the literals."""
    shapes = list(alternatives(wanted))
    objects = [each for each in shapes if is_object(each)]
    arrays = [each for each in shapes if each["$type"] == "ArrayType"]
    if node.type == "parenthesized_expression":
        yield from _check_value(source, children(node)[0], wanted, what)
    elif node.type == "ternary_expression":
        for side in children(node)[1:]:
            yield from _check_value(source, side, wanted, what)
    elif node.type == "object" and len(objects) == 1:
        yield from _check_object(source, node, objects[0], what)
    elif node.type == "array" and len(arrays) == 1:
        for each in children(node):
            yield from _check_value(source, each, arrays[0]["itemType"], what)
    elif node.type == "for_statement" and len(arrays) == 1:
        yield from _check_value(source, children(node)[-1], arrays[0]["itemType"], what)
    elif (variable := _follow_variable(source, node)) is not None:
        yield from _check_value(source, variable, wanted, what)
    elif misfit := find_misfit(node, wanted):
        rule, message = misfit
        yield source.finding(node, rule, f"{what}: {message}")


def _follow_variable(source: Source, node: Node) -> Node | None:
    """The written value of a variable that holds an object or array."""
    declaration = source.find(text(node)) if node.type == "identifier" else None
    if declaration is None or declaration.kind != "var" or declaration.body is None:
        return None
    plain = ("object", "array", "for_statement", "ternary_expression")
    return declaration.body if declaration.body.type in plain else None


def _check_object(
    source: Source, node: Node, shape: Shape, what: str, besides: frozenset[str] = frozenset()
) -> Iterator[Finding]:
    if shape["$type"] == "ObjectType":
        known, others = shape["properties"], shape.get("additionalProperties")
        yield from _check_properties(source, node, known, others, what, besides)
        return
    key = value_of(node, shape["discriminator"])
    kinds = sorted(shape["elements"])
    if key is None:
        message = f"{what}: {shape['discriminator']} is missing, which says what kind it is"
        yield source.finding(node, "missing-property", message)
    elif (name := literal_text(key) or "") not in kinds:
        message = f"{what}: {text(key)} is none of {', '.join(kinds)}{suggest(name, kinds)}"
        yield source.finding(key, "wrong-value", message)
    else:
        known = shape["baseProperties"] | properties_of(shape["elements"][name])
        yield from _check_properties(source, node, known, None, what, besides)


def _check_properties(
    source: Source,
    node: Node,
    known: dict[str, Shape],
    others: Shape | None,
    what: str,
    besides: frozenset[str],
) -> Iterator[Finding]:
    found = [each for each in properties(node) if each[0] not in besides]
    for key, prop, value in found:
        if key is not None and key in known:
            yield from _check_property(source, key, prop, value, known[key], what)
        elif others is not None:
            yield from _check_value(source, value, others, f"{what}.{key}")
        else:
            name = key or "a property whose name is computed"
            message = f"{what} has no {name}{suggest(name, list(known))}"
            yield source.finding(prop, "unknown-property", message)
    names = {key for key, _, _ in found}
    for name, each in known.items():
        if None not in names and name not in names and each["flags"] & REQUIRED:
            yield source.finding(node, "missing-property", f"{what}: {name} is required")


def _check_property(
    source: Source, key: str, prop: Node, value: Node, entry: Shape, what: str
) -> Iterator[Finding]:
    if entry["flags"] & READ_ONLY:
        yield source.finding(prop, "read-only-property", f"{what}: Azure sets {key}")
    elif entry["flags"] & REQUIRED and value.type == "null":
        message = f"{what}: {key} is required and may not be null"
        yield source.finding(prop, "wrong-type", message)
    else:
        yield from _check_value(source, value, entry["type"], f"{what}.{key}")
