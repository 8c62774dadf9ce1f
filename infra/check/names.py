"""Symbols of a file: declared once, declared before use, used, and in no ring."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from infra.check import calls, reads
from infra.check.bodies import WRITTEN_TYPE
from infra.check.findings import Finding
from infra.check.source import (
    Declaration,
    Node,
    Project,
    Source,
    children,
    properties,
    read_call,
    text,
)
from infra.check.values import suggest

type Locals = frozenset[str]
"""The loop variables that an expression sees."""


def check(project: Project, source: Source) -> Iterator[Finding]:
    yield from _check_duplicates(source)
    used: set[str] = set()
    for declaration in source.declarations:
        yield from calls.check_decorators(source, declaration)
        for node, local in walk_expressions(declaration):
            yield from _check_expression(project, source, node, local)
            used |= _read_symbols(node, local)
    for each in source.declarations:
        if (each.kind in ("param", "var") or each.existing) and each.name not in used:
            yield source.finding(each.node, "unused-symbol", f"nothing uses {each.name}")
        if each.kind in ("param", "output") and not WRITTEN_TYPE.fullmatch(each.of):
            message = f"the type {each.of} is not judged here"
            yield source.finding(each.node, "outside-subset", message)
    yield from _check_cycles(source)


def walk_expressions(declaration: Declaration) -> Iterator[tuple[Node, Locals]]:
    """Each node of a declaration's expressions. Names of properties and functions are
    no expressions."""
    skip = 1 if declaration.kind == "var" else 2
    for part in children(declaration.node)[skip:]:
        yield from _walk_inside(part, frozenset())
    for each in declaration.decorators:
        for argument in read_call(children(each)[0])[1]:
            yield from _walk_inside(argument, frozenset())


def _walk_inside(node: Node, local: Locals) -> Iterator[tuple[Node, Locals]]:
    if node.type == "comment":
        return
    yield node, local
    parts = children(node)
    named_property = node.type == "object_property" and parts[0].type == "identifier"
    if named_property or (node.type == "call_expression" and _is_function(parts[0])):
        parts = parts[1:]
    elif node.type == "for_statement":
        yield from _walk_inside(parts[1], local)
        local, parts = local | _read_loop_variables(parts[0]), parts[2:]
    for each in parts:
        yield from _walk_inside(each, local)


def _read_loop_variables(node: Node) -> Locals:
    """The item, and its index where there is one."""
    return frozenset(map(text, children(node))) or frozenset({text(node)})


def _is_function(node: Node) -> bool:
    return node.type == "identifier" or text(node).partition(".")[0] in ("az", "sys")


def _read_symbols(node: Node, local: Locals) -> frozenset[str]:
    return frozenset({text(node)} - local) if node.type == "identifier" else frozenset()


def _check_expression(
    project: Project, source: Source, node: Node, local: Locals
) -> Iterator[Finding]:
    if node.type == "call_expression":
        yield from calls.check_call(source, node)
    elif node.type == "member_expression":
        yield from reads.check(project, source, node, local)
    elif node.type == "string":
        yield from calls.check_escapes(source, node)
    elif node.type == "object":
        yield from _check_same_properties(source, node)
    for name in _read_symbols(node, local):
        if source.find(name) is None:
            known = [each.name for each in source.declarations if each.kind != "output"]
            message = f"{name} is not declared{suggest(name, known)}"
            yield source.finding(node, "undefined-symbol", message)


def _check_same_properties(source: Source, node: Node) -> Iterator[Finding]:
    seen: set[str] = set()
    for key, prop, _ in properties(node):
        if key is not None and key in seen:
            message = f"the property {key} is there twice"
            yield source.finding(prop, "duplicate-symbol", message)
        seen.add(key or "")


def _check_duplicates(source: Source) -> Iterator[Finding]:
    seen: set[tuple[bool, str]] = set()
    for each in source.declarations:
        key = (each.kind == "output", each.name)
        if key in seen:
            message = f"{each.name} is declared twice"
            yield source.finding(each.node, "duplicate-symbol", message)
        seen.add(key)


def _check_cycles(source: Source) -> Iterator[Finding]:
    needs: dict[str, set[str]] = {
        each.name: set().union(*(_read_symbols(*pair) for pair in walk_expressions(each)))
        for each in source.declarations
        if each.kind != "output"
    }
    for ring in find_rings(list(needs), lambda name: sorted(needs.get(name, ()))):
        first = next(each for each in source.declarations if each.name == ring[0])
        message = f"these need each other: {' → '.join([*ring, ring[0]])}"
        yield source.finding(first.node, "cycle", message)


def find_rings(starts: list[str], needs: Callable[[str], list[str]]) -> Iterator[list[str]]:
    """Each ring once, from its first member in the order of `starts`."""
    done: set[str] = set()

    def follow(name: str, path: list[str]) -> Iterator[list[str]]:
        if name in path:
            yield path[path.index(name) :]
        elif name not in done:
            for each in needs(name):
                yield from follow(each, [*path, name])
            done.add(name)

    for start in starts:
        yield from follow(start, [])
