"""What stands beside an operator, in a call or after `if`, and what has to be known
before anything is deployed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infra.check import shapes
from infra.check.findings import Finding
from infra.check.functions import OF_STRINGS
from infra.check.infer import Infer, Locals, called
from infra.check.shapes import BOOLEAN, INTEGER, STRING, Shape
from infra.check.source import (
    Declaration,
    Node,
    Source,
    named,
    properties,
    text,
    value_of,
    walk,
)

_WANTED = {
    "&&": BOOLEAN,
    "||": BOOLEAN,
    "-": INTEGER,
    "*": INTEGER,
    "/": INTEGER,
    "%": INTEGER,
    "+": INTEGER,
}
_SAME = ("==", "!=", "=~", "!~", "<", ">", "<=", ">=")
_KNOWN_AT_ONCE = ("id", "name", "type", "apiVersion")
_ESCAPE = re.compile(r"\\\\|\\'|\\n|\\r|\\t|\\\$|\\u\{[0-9a-fA-F]+\}")


def check(source: Source, infer: Infer, node: Node, local: Locals) -> Iterator[Finding]:
    if node.type == "binary_expression":
        yield from _binary(source, infer, node, local)
    elif node.type == "unary_expression":
        wanted = BOOLEAN if text(node).startswith("!") else INTEGER
        yield from _wants(source, infer, named(node)[0], wanted, local, "its operand")
    else:
        yield from _wants(source, infer, named(node)[0], BOOLEAN, local, "the condition")


def arguments(source: Source, infer: Infer, node: Node, local: Locals) -> Iterator[Finding]:
    name, given = called(node)
    if name in OF_STRINGS:
        for each in given:
            yield from _wants(source, infer, each, STRING, local, f"an argument of {name}")


def _binary(source: Source, infer: Infer, node: Node, local: Locals) -> Iterator[Finding]:
    operator = text(node.child_by_field_name("operator") or node)
    left, right = named(node)[0], named(node)[-1]
    if operator in _WANTED:
        for side in (left, right):
            yield from _wants(source, infer, side, _WANTED[operator], local, f"beside {operator}")
    elif operator in _SAME:
        one, other = _wide(infer.of(left, local)), _wide(infer.of(right, local))
        if not (shapes.fits(one, other) or shapes.fits(other, one)):
            told = (
                f"{shapes.describe(one)} {operator} {shapes.describe(other)} compares what is never"
                " the same"
            )
            yield source.finding(node, "wrong-type", told)


def _wide(shape: Shape) -> Shape:
    """The kind alone: which of its values it is does not matter for a comparison."""
    return shapes.either(
        STRING if shapes.kind(each) == "StringLiteralType" else each
        for each in shapes.alternatives(shape)
    )


def _wants(
    source: Source, infer: Infer, node: Node, wanted: Shape, local: Locals, what: str
) -> Iterator[Finding]:
    has = infer.of(node, local)
    if not shapes.fits(has, wanted):
        yield source.finding(
            node,
            "wrong-type",
            f"{what}: {shapes.describe(wanted)} is wanted, this is {shapes.describe(has)}",
        )


def escapes(source: Source, node: Node) -> Iterator[Finding]:
    words = text(node)
    if not words.startswith("'''") and "\\" in _ESCAPE.sub("", words):
        yield source.finding(
            node, "syntax", "a backslash is followed by none of \\\\ \\' n r t u{…} $"
        )


def early(source: Source) -> Iterator[Finding]:
    """Names, conditions and loops are needed before anything is deployed; defaults see
    parameters only; dependsOn takes symbols."""
    for declaration in source.declarations:
        for node in _needed_early(declaration):
            if runtime := _runtime(source, node):
                yield source.finding(
                    node, "runtime-value", f"{runtime} is only known while deploying"
                )
        if declaration.kind == "param" and declaration.body is not None:
            for each in walk(declaration.body):
                found = source.named(text(each)) if each.type == "identifier" else None
                if found is not None and found.kind != "param":
                    yield source.finding(
                        each,
                        "runtime-value",
                        f"a default sees parameters only, not the {found.kind} {found.name}",
                    )
        yield from _depends(source, declaration)
    yield from _twice(source)


def _needed_early(declaration: Declaration) -> Iterator[Node]:
    if declaration.kind in ("resource", "module"):
        name = value_of(declaration.body, "name")
        yield from [name] if name is not None else []
        for each in walk(declaration.node):
            if each.type == "if_statement":
                yield named(each)[0]
        yield from [named(declaration.loop)[1]] if declaration.loop is not None else []


def _runtime(source: Source, node: Node) -> str:
    """The first part of the expression that reads what a resource or module has only
    once it is there."""
    for each in walk(node):
        if each.type != "member_expression":
            continue
        whole, name = named(each)[0], text(named(each)[-1])
        found = (
            source.named(text(whole).partition("[")[0])
            if whole.type in ("identifier", "subscript_expression")
            else None
        )
        if found is not None and (
            found.kind == "module" or (found.kind == "resource" and name not in _KNOWN_AT_ONCE)
        ):
            return text(each)
    return ""


def _depends(source: Source, declaration: Declaration) -> Iterator[Finding]:
    listed = (
        value_of(declaration.body, "dependsOn")
        if declaration.kind in ("resource", "module")
        else None
    )
    for each in named(listed) if listed is not None and listed.type == "array" else []:
        found = source.named(text(each).partition("[")[0])
        if (
            found is not None
            and found.kind not in ("resource", "module")
            or each.type in ("string", "number", "boolean", "object")
        ):
            yield source.finding(
                each, "wrong-type", f"dependsOn takes resources and modules, not {text(each)}"
            )


def _twice(source: Source) -> Iterator[Finding]:
    seen: set[tuple[str, str, str, str]] = set()
    for each in source.of_kind("resource"):
        held = (
            {key: text(value) for key, _, value in properties(each.body)}
            if each.body is not None and not each.existing
            else {}
        )
        key = (
            each.of.casefold(),
            held.get("name", ""),
            held.get("parent", ""),
            held.get("scope", ""),
        )
        if held and each.loop is None and key in seen:
            yield source.finding(
                each.node,
                "duplicate-symbol",
                f"another {each.of.partition('@')[0]} has the name {held.get('name')} already",
            )
        seen.add(key)
