"""Names and calls: what is declared, what is used, and whether functions exist and get
what they need."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator

from infra.check import operands, shapes
from infra.check.findings import Finding
from infra.check.functions import BOUNDS, DECORATORS, FUNCTIONS, LOADS, MANY
from infra.check.infer import Infer, Locals, Project, called, declared_type
from infra.check.source import Declaration, Node, Source, named, plain, properties, text


def check(project: Project, source: Source) -> Iterator[Finding]:
    yield from _duplicates(source)
    yield from _decorators(source)
    infer = Infer(project, source)
    used: set[str] = set()
    for declaration in source.declarations:
        for node, local in expressions(declaration, infer):
            yield from _expression(source, infer, node, local)
            if node.type == "call_expression":
                yield from operands.arguments(source, infer, node, local)
            if node.type == "identifier" and text(node) not in local:
                used.add(text(node))
    for declaration in source.declarations:
        if declaration.name not in used and (
            declaration.kind in ("param", "var") or declaration.existing
        ):
            yield source.finding(
                declaration.node, "unused-symbol", f"nothing uses {declaration.name}"
            )
    yield from _cycles(source, infer)
    yield from operands.early(source)
    for declaration in source.of_kind("param", "output"):
        if declared_type(declaration.of) is None:
            yield source.finding(
                declaration.node, "outside-subset", f"the type {declaration.of} is not judged here"
            )


def expressions(declaration: Declaration, infer: Infer) -> Iterator[tuple[Node, Locals]]:
    """Each node of a declaration's expressions with the loop variables that it sees.
    Names of properties and functions are no expressions."""
    skip = {"param": 2, "output": 2, "var": 1, "resource": 2, "module": 2}[declaration.kind]
    for part in named(declaration.node)[skip:]:
        yield from _inside(part, {}, infer)
    for each in declaration.decorators:
        for argument in called(named(each)[0])[1]:
            yield from _inside(argument, {}, infer)


def _inside(node: Node, local: Locals, infer: Infer) -> Iterator[tuple[Node, Locals]]:
    if node.type == "comment":
        return
    yield node, local
    parts = named(node)
    if (
        node.type == "object_property"
        and parts[0].type == "identifier"
        or node.type == "call_expression"
        and _is_function(parts[0])
    ):
        parts = parts[1:]
    elif node.type == "for_statement":
        yield from _inside(parts[1], local, infer)
        local, parts = local | infer.loop_locals(node, local), parts[2:]
    for each in parts:
        yield from _inside(each, local, infer)


def _is_function(node: Node) -> bool:
    return node.type == "identifier" or text(node).partition(".")[0] in ("az", "sys")


def _expression(source: Source, infer: Infer, node: Node, local: Locals) -> Iterator[Finding]:
    if node.type == "identifier" and text(node) not in local and source.named(text(node)) is None:
        hint = close(
            text(node), [each.name for each in source.declarations if each.kind != "output"]
        )
        yield source.finding(node, "undefined-symbol", f"{text(node)} is not declared{hint}")
    elif node.type == "call_expression":
        yield from _called(source, node)
    elif node.type == "member_expression":
        yield from _member(source, infer, node, local)
    elif node.type in (
        "binary_expression",
        "ternary_expression",
        "unary_expression",
        "if_statement",
    ):
        yield from operands.check(source, infer, node, local)
    elif node.type == "string":
        yield from operands.escapes(source, node)
    elif node.type == "object":
        seen: set[str] = set()
        for key, prop, _ in properties(node):
            if key is not None and key in seen:
                yield source.finding(prop, "duplicate-symbol", f"the property {key} is there twice")
            seen.add(key or "")


def _member(source: Source, infer: Infer, node: Node, local: Locals) -> Iterator[Finding]:
    whole, name = named(node)[0], text(named(node)[-1])
    if text(whole) in ("az", "sys"):
        return
    shape = infer.of(whole, local)
    if shapes.read(shape, name) is not None:
        return
    of_module = whole.type == "member_expression" and text(named(whole)[-1]) == "outputs"
    known = [
        key
        for each in shapes.alternatives(shape)
        if shapes.is_object(each)
        for key in shapes.properties_of(each)
    ]
    what = "unknown-output" if of_module else "unknown-property" if known else "wrong-type"
    yield source.finding(
        node,
        what,
        f"{text(whole)[:60]} is {shapes.describe(shape)} and has no {name}{close(name, known)}",
    )


def _called(source: Source, node: Node) -> Iterator[Finding]:
    name, arguments = called(node)
    function = FUNCTIONS.get(name)
    if function is None and "." in name:
        yield source.finding(
            node, "outside-subset", f"{name}(), a method of a resource, is not judged here"
        )
        return
    if function is None:
        yield source.finding(
            node, "unknown-function", f"Bicep has no function {name}{close(name, list(FUNCTIONS))}"
        )
        return
    if not function.least <= len(arguments) <= function.most:
        wants = (
            f"{function.least} or more"
            if function.most == MANY
            else " to ".join(str(n) for n in dict.fromkeys((function.least, function.most)))
        )
        yield source.finding(
            node, "argument-count", f"{name} takes {wants} arguments, not {len(arguments)}"
        )
    elif function.only_in and not arguments and source.scope not in function.only_in:
        yield source.finding(
            node, "wrong-scope", f"{name}() has no meaning where targetScope is {source.scope}"
        )
    if name in LOADS and arguments:
        yield from _loaded(source, name, node, plain(arguments[0]))


def _loaded(source: Source, name: str, node: Node, path: str | None) -> Iterator[Finding]:
    if path is None:
        yield source.finding(
            node, "missing-file", f"{name} needs a path that is known before the deployment"
        )
        return
    target = source.path.parent / path
    if not target.is_file():
        yield source.finding(node, "missing-file", f"there is no {path}")
    elif name == "loadJsonContent":
        try:
            json.loads(target.read_text())
        except ValueError as error:
            yield source.finding(node, "missing-file", f"{path} is not JSON: {error}")


def _duplicates(source: Source) -> Iterator[Finding]:
    for outputs in (False, True):
        seen: set[str] = set()
        for declaration in source.declarations:
            if (declaration.kind == "output") is outputs:
                if declaration.name in seen:
                    yield source.finding(
                        declaration.node,
                        "duplicate-symbol",
                        f"{declaration.name} is declared twice",
                    )
                seen.add(declaration.name)


def _decorators(source: Source) -> Iterator[Finding]:
    for declaration in source.declarations:
        for each in declaration.decorators:
            name, arguments = called(named(each)[0])
            if name not in DECORATORS or declaration.kind not in DECORATORS[name][2]:
                yield source.finding(
                    each,
                    "unknown-decorator",
                    f"@{name} does not stand on a"
                    f" {declaration.kind}{close(name, list(DECORATORS))}",
                )
            elif not DECORATORS[name][0] <= len(arguments) <= DECORATORS[name][1]:
                yield source.finding(
                    each,
                    "argument-count",
                    f"@{name} takes {DECORATORS[name][1]} arguments, not {len(arguments)}",
                )
            elif name in BOUNDS and not _bounded(declaration.of, name):
                yield source.finding(
                    each, "unknown-decorator", f"@{name} does not stand on a {declaration.of}"
                )


def _bounded(kind: str, decorator: str) -> bool:
    plain_kind = kind.removesuffix("?")
    return ("array" if plain_kind.endswith("[]") else plain_kind) in BOUNDS[decorator]


def _cycles(source: Source, infer: Infer) -> Iterator[Finding]:
    needs = {
        each.name: {
            text(node)
            for node, local in expressions(each, infer)
            if node.type == "identifier" and text(node) not in local
        }
        for each in source.declarations
        if each.kind != "output"
    }
    for ring in rings(list(needs), lambda name: sorted(needs.get(name, ()))):
        first = source.named(ring[0])
        assert first is not None
        yield source.finding(
            first.node, "cycle", f"these need each other: {' → '.join([*ring, ring[0]])}"
        )


def rings(starts: list[str], needs: Callable[[str], list[str]]) -> Iterator[list[str]]:
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


def close(name: str, known: list[str]) -> str:
    same = [
        each for each in known if each.casefold() == name.casefold()
    ] or difflib.get_close_matches(name, known, 1)
    return f"; did you mean {same[0]}?" if same else ""
