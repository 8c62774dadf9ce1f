"""What is read by name from a symbol: a property of a resource, an output of a module,
a key of a JSON file that is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator

from infra.check.findings import Finding
from infra.check.source import (
    Declaration,
    Node,
    Project,
    Source,
    children,
    literal_text,
    read_call,
    text,
)
from infra.check.type_data import ANY, Shape, alternatives, is_object, properties_of, record
from infra.check.values import suggest


def check(project: Project, source: Source, node: Node, local: frozenset[str]) -> Iterator[Finding]:
    """`node`: a member expression; `local`: the loop variables that it sees."""
    whole, name = children(node)[0], text(children(node)[-1])
    shape = _find_shape(project, source, whole, local)
    if shape is None or _read_property(shape, name) is not None:
        return
    known = [key for each in alternatives(shape) if is_object(each) for key in properties_of(each)]
    of_module = whole.type == "member_expression" and text(children(whole)[-1]) == "outputs"
    rule = "unknown-output" if of_module else "unknown-property"
    message = f"{text(whole)[:60]} has no {name}{suggest(name, known)}"
    yield source.finding(node, rule, message)


def _find_shape(
    project: Project, source: Source, node: Node, local: frozenset[str]
) -> Shape | None:
    """None where only the compiler can tell."""
    if node.type == "identifier":
        declaration = source.find(text(node)) if text(node) not in local else None
        return _shape_of_symbol(project, source, declaration) if declaration is not None else None
    if node.type == "member_expression":
        whole = _find_shape(project, source, children(node)[0], local)
        return _read_property(whole, text(children(node)[-1])) if whole is not None else None
    if node.type == "subscript_expression" and children(node)[0].type == "identifier":
        # One of the resources or modules that a loop declares.
        return _find_shape(project, source, children(node)[0], local)
    return None


def _shape_of_symbol(project: Project, source: Source, declaration: Declaration) -> Shape | None:
    if declaration.kind == "resource":
        entry = project.types.resource(declaration.of)
        return entry["body"] if entry is not None else None
    if declaration.kind == "module":
        module = project.module(source, declaration)
        if module is None:
            return None
        outputs = {each.name: ANY for each in module.of_kind("output")}
        return record({"name": ANY, "outputs": record(outputs)})
    body = declaration.body
    if declaration.kind == "var" and body is not None and body.type == "call_expression":
        name, arguments = read_call(body)
        if name == "loadJsonContent" and len(arguments) == 1:
            return _load_json(source, literal_text(arguments[0]))
    return None


def _load_json(source: Source, path: str | None) -> Shape | None:
    try:
        return _shape_of_json(json.loads((source.path.parent / (path or "")).read_text()))
    except (OSError, ValueError):
        return None  # calls.py reports the file


def _shape_of_json(value: object) -> Shape:
    if isinstance(value, dict):
        return record({str(key): _shape_of_json(each) for key, each in value.items()})
    return ANY


def _read_property(shape: Shape, name: str) -> Shape | None:
    """The type of that property; None: there is none of that name."""
    found = []
    for each in alternatives(shape):
        if each["$type"] == "AnyType":
            found.append(ANY)
        elif is_object(each):
            entry = properties_of(each).get(name)
            others = each.get("additionalProperties")
            found += [entry["type"]] if entry else [others] if others else []
    return {"$type": "UnionType", "elements": found} if found else None
