"""From a Bicep file to its declarations. Both parsers must accept it, and it must keep
to the subset that is judged here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import tree_sitter
import tree_sitter_bicep
from pycep import BicepParser

from infra.check.findings import Finding

type Node = tree_sitter.Node

_LANGUAGE = tree_sitter.Language(tree_sitter_bicep.language())
_PYCEP = BicepParser()
_KINDS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}
NOT_JUDGED = {
    "import_functionality": "imports",
    "user_defined_function": "functions of your own",
    "type_declaration": "types of your own",
    "resource_expression": "nested resources (::)",
    "lambda_expression": "lambdas",
    "metadata_declaration": "metadata",
    "assert_statement": "assertions",
    "test_block": "tests",
    "import_statement": "extensions",
    "import_with_statement": "extensions",
    "using_statement": "using",
}
"""Node types of Bicep that no rule here understands."""


@dataclass(slots=True)
class Declaration:
    """`of`: a parameter's or output's type, a resource's type@version, a module's path.
    `body`: the value, or the object behind `if` and `for`."""

    kind: str
    name: str
    node: Node
    of: str = ""
    body: Node | None = None
    existing: bool = False
    loop: Node | None = None
    decorators: list[Node] = field(default_factory=list)

    @property
    def line(self) -> int:
        return line(self.node)


@dataclass(slots=True)
class Source:
    path: Path
    name: str
    """As findings call it: relative to the folder that is checked."""
    scope: str = "resourceGroup"
    declarations: list[Declaration] = field(default_factory=list)

    def of_kind(self, *kinds: str) -> list[Declaration]:
        return [each for each in self.declarations if each.kind in kinds]

    def named(self, name: str) -> Declaration | None:
        """Outputs have names of their own."""
        return next(
            (each for each in self.declarations if each.name == name and each.kind != "output"),
            None,
        )

    def finding(self, node: Node, rule: str, message: str) -> Finding:
        return Finding(self.name, line(node), rule, message)


def line(node: Node) -> int:
    return int(node.start_point.row) + 1


def text(node: Node) -> str:
    return (node.text or b"").decode()


def named(node: Node) -> list[Node]:
    return [each for each in node.named_children if each.type != "comment"]


def walk(node: Node) -> Iterator[Node]:
    yield node
    for each in node.children:
        yield from walk(each)


def plain(node: Node | None) -> str | None:
    """The text of a string without interpolation; None for anything else."""
    if (
        node is None
        or node.type != "string"
        or any(each.type != "string_content" for each in named(node))
    ):
        return None
    return "".join(text(each) for each in named(node)).replace("\\'", "'")


def properties(node: Node) -> list[tuple[str | None, Node, Node]]:
    """(name, or None where it is computed; the property; its value) of an object."""
    found = []
    for each in named(node):
        if each.type == "object_property":
            key, value = named(each)[0], named(each)[-1]
            found.append((text(key) if key.type == "identifier" else plain(key), each, value))
    return found


def value_of(node: Node | None, name: str) -> Node | None:
    return (
        next((value for key, _, value in properties(node) if key == name), None)
        if node and node.type == "object"
        else None
    )


def read(path: Path, name: str) -> tuple[Source | None, list[Finding]]:
    """None with findings where the file cannot be judged any further."""
    content = path.read_bytes()
    root = tree(content)
    findings = [
        Finding(
            name, line(each), "syntax", f"tree-sitter-bicep does not accept {text(each)[:40]!r}"
        )
        for each in refused(root)
    ]
    findings += pycep(content.decode(), name)
    if findings:
        return None, findings
    source = Source(path, name)
    findings += [
        source.finding(each, "outside-subset", f"{NOT_JUDGED[each.type]} are not judged here")
        for each in walk(root)
        if each.is_named and each.type in NOT_JUDGED
    ]
    findings += [
        source.finding(
            after,
            "missing-comma",
            "a comma or a new line is missing before it, or a call begins an array's item (give"
            " that a name)",
        )
        for after in _unseparated(root)
    ]
    if findings:
        return None, findings
    return source, _declare(source, root)


def tree(content: bytes) -> Node:
    return tree_sitter.Parser(_LANGUAGE).parse(content).root_node


def refused(root: Node) -> list[Node]:
    """What tree-sitter could make nothing of."""
    return [each for each in walk(root) if each.type == "ERROR" or each.is_missing]


def pycep(content: str, name: str) -> list[Finding]:
    try:
        _PYCEP.parse(text=content)
    except Exception as error:  # noqa: BLE001 - the parser's own errors have no common base; each one is a finding
        where = getattr(error, "line", None)
        at = where if isinstance(where, int) and where > 0 else 1
        return [
            Finding(
                name,
                at,
                "syntax",
                f"pycep does not accept it: {str(error).strip().splitlines()[0]}",
            )
        ]
    return []


def _unseparated(root: Node) -> Iterator[Node]:
    """Parsers take `{ a: 1 b: 2 }`; the compiler does not. Arguments need the comma
    even across lines."""
    for node in walk(root):
        if node.type not in ("object", "array", "arguments"):
            continue
        content, inside = node.text or b"", named(node)
        for before, after in zip(inside, inside[1:], strict=False):
            between = content[
                before.end_byte - node.start_byte : after.start_byte - node.start_byte
            ]
            if b"," not in between and (node.type == "arguments" or b"\n" not in between):
                yield after


def _declare(source: Source, root: Node) -> list[Finding]:
    findings, decorators = [], []
    for node in named(root):
        if node.type == "decorators":
            decorators = [each for each in named(node) if each.type == "decorator"]
            continue
        if node.type == "target_scope_assignment":
            source.scope = plain(named(node)[0]) or ""
        elif node.type in _KINDS:
            source.declarations.append(_declaration(node, decorators))
        else:
            findings.append(
                source.finding(
                    node, "outside-subset", f"a {node.type.replace('_', ' ')} is not judged here"
                )
            )
        decorators = []
    return findings


def _declaration(node: Node, decorators: list[Node]) -> Declaration:
    parts = named(node)
    declared = Declaration(_KINDS[node.type], text(parts[0]), node, decorators=decorators)
    rest = parts[1:]
    if declared.kind in ("param", "output"):
        declared.of = text(rest[0])
        rest = rest[1:]
    elif declared.kind in ("resource", "module"):
        declared.of = plain(rest[0]) or ""
        declared.existing = any(
            each.type == "existing" or text(each) == "existing" for each in node.children
        )
        rest = rest[1:]
    if rest:
        declared.body = rest[-1]
        if declared.body.type == "if_statement":
            declared.body = named(declared.body)[-1]
        if declared.body.type == "for_statement" and declared.kind in ("resource", "module"):
            declared.loop, declared.body = declared.body, named(declared.body)[-1]
    return declared
