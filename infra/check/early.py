"""What must be known before anything is deployed: names, conditions, loops and
defaults; and what stands twice or in the wrong place among the resources."""

from __future__ import annotations

from collections.abc import Iterator

from infra.check.findings import Finding
from infra.check.source import (
    Declaration,
    Node,
    Source,
    children,
    properties,
    text,
    value_of,
    walk,
)

_KNOWN_EARLY = ("id", "name", "type", "apiVersion")


def check(source: Source) -> Iterator[Finding]:
    for declaration in source.declarations:
        for node in _list_early(declaration):
            if late := _find_late(source, node):
                yield source.finding(node, "runtime-value", f"{late} is only known while deploying")
        if declaration.kind == "param" and declaration.body is not None:
            yield from _check_default(source, declaration.body)
        if declaration.kind in ("resource", "module"):
            yield from _check_depends_on(source, declaration)
    yield from _check_same_names(source)


def _check_default(source: Source, body: Node) -> Iterator[Finding]:
    for each in walk(body):
        found = source.find(text(each)) if each.type == "identifier" else None
        if found is not None and found.kind != "param":
            message = f"a default sees parameters only, not the {found.kind} {found.name}"
            yield source.finding(each, "runtime-value", message)


def _list_early(declaration: Declaration) -> Iterator[Node]:
    if declaration.kind in ("resource", "module"):
        name = value_of(declaration.body, "name")
        yield from [name] if name is not None else []
        for each in walk(declaration.node):
            if each.type == "if_statement":
                yield children(each)[0]
        yield from [children(declaration.loop)[1]] if declaration.loop is not None else []


def _find_late(source: Source, node: Node) -> str:
    """The first part of the expression that a resource or module has only once it is
    deployed, or ""."""
    for each in walk(node):
        if each.type != "member_expression":
            continue
        whole, name = children(each)[0], text(children(each)[-1])
        if whole.type not in ("identifier", "subscript_expression"):
            continue
        found = source.find(text(whole).partition("[")[0])
        kind = found.kind if found is not None else ""
        if kind == "module" or (kind == "resource" and name not in _KNOWN_EARLY):
            return text(each)
    return ""


def _check_depends_on(source: Source, declaration: Declaration) -> Iterator[Finding]:
    listed = value_of(declaration.body, "dependsOn")
    for each in children(listed) if listed is not None and listed.type == "array" else []:
        found = source.find(text(each).partition("[")[0])
        other = found is not None and found.kind not in ("resource", "module")
        if other or each.type in ("string", "number", "boolean", "object"):
            message = f"dependsOn takes resources and modules, not {text(each)}"
            yield source.finding(each, "wrong-type", message)


def _check_same_names(source: Source) -> Iterator[Finding]:
    seen: set[tuple[str, ...]] = set()
    for each in source.of_kind("resource"):
        if each.body is None or each.existing or each.loop is not None:
            continue
        held = {key: text(value) for key, _, value in properties(each.body)}
        place = (each.of.casefold(), *(held.get(key, "") for key in ("name", "parent", "scope")))
        if place in seen:
            message = f"another {each.of.partition('@')[0]} has the name {held.get('name')} already"
            yield source.finding(each.node, "duplicate-symbol", message)
        seen.add(place)
