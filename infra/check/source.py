"""Reads a Bicep file into its declarations. Two parsers must accept it, and it must
keep to the subset that the rules understand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import tree_sitter
import tree_sitter_bicep
from pycep import BicepParser

from infra.check.findings import Finding
from infra.check.type_data import TypeData

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
OUTSIDE_SUBSET = {
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

    def decorator(self, name: str) -> list[Node]:
        """The arguments of that decorator; none where it is not there."""
        calls = (read_call(children(each)[0]) for each in self.decorators)
        return next((arguments for found, arguments in calls if found == name), [])


@dataclass(slots=True)
class Source:
    """`name`: the path that findings print, relative to the folder that is checked."""

    path: Path
    name: str
    scope: str = "resourceGroup"
    declarations: list[Declaration] = field(default_factory=list)

    def of_kind(self, *kinds: str) -> list[Declaration]:
        return [each for each in self.declarations if each.kind in kinds]

    def find(self, name: str) -> Declaration | None:
        """Not an output: outputs have names of their own."""
        return next(
            (each for each in self.declarations if each.name == name and each.kind != "output"),
            None,
        )

    def finding(self, node: Node, rule: str, message: str) -> Finding:
        return Finding(self.name, line(node), rule, message)


@dataclass(slots=True)
class Project:
    """All files that were read, by their full path, and the type data."""

    types: TypeData
    sources: dict[Path, Source] = field(default_factory=dict)

    def module(self, source: Source, declaration: Declaration) -> Source | None:
        return self.sources.get((source.path.parent / declaration.of).resolve())


def line(node: Node) -> int:
    """Counts from 1."""
    return int(node.start_point.row) + 1


def text(node: Node) -> str:
    return (node.text or b"").decode()


def children(node: Node) -> list[Node]:
    """The named ones, without comments."""
    return [each for each in node.named_children if each.type != "comment"]


def walk(node: Node) -> Iterator[Node]:
    yield node
    for each in node.children:
        yield from walk(each)


def literal_text(node: Node | None) -> str | None:
    """The text of a string without interpolation; None for anything else."""
    if node is None or node.type != "string":
        return None
    parts = children(node)
    if any(each.type != "string_content" for each in parts):
        return None
    return "".join(map(text, parts)).replace("\\'", "'")


def properties(node: Node) -> list[tuple[str | None, Node, Node]]:
    """(name, the property, its value) of an object; name: None where it is computed."""
    found = []
    for each in children(node):
        if each.type == "object_property":
            key, value = children(each)[0], children(each)[-1]
            name = text(key) if key.type == "identifier" else literal_text(key)
            found.append((name, each, value))
    return found


def value_of(node: Node | None, name: str) -> Node | None:
    """The value of that property; None where there is none, or no object."""
    if node is None or node.type != "object":
        return None
    return next((value for key, _, value in properties(node) if key == name), None)


def read_call(node: Node) -> tuple[str, list[Node]]:
    """A call's function, without `az.` or `sys.`, and its arguments. A method of a
    resource keeps its dots."""
    parts = children(node)
    name = text(parts[0])
    prefix, _, rest = name.partition(".")
    arguments = children(parts[-1]) if parts[-1].type == "arguments" else []
    return (rest if prefix in ("az", "sys") and rest else name), arguments


def read(path: Path, name: str) -> tuple[Source | None, list[Finding]]:
    """None with findings where no rule can go on from here."""
    content = path.read_bytes()
    root = parse_tree(content)
    findings = [
        Finding(
            name, line(each), "syntax", f"tree-sitter-bicep does not accept {text(each)[:40]!r}"
        )
        for each in syntax_errors(root)
    ]
    findings += run_pycep(content.decode(), name)
    if findings:
        return None, findings
    source = Source(path, name)
    findings += [
        source.finding(each, "outside-subset", f"{OUTSIDE_SUBSET[each.type]} are not judged here")
        for each in walk(root)
        if each.is_named and each.type in OUTSIDE_SUBSET
    ]
    missing = (
        "a comma or a new line is missing before it, or a call begins an array's item (give that a"
        " name)"
    )
    findings += [source.finding(each, "missing-comma", missing) for each in _find_unseparated(root)]
    if findings:
        return None, findings
    return source, _read_declarations(source, root)


def parse_tree(content: bytes) -> Node:
    return tree_sitter.Parser(_LANGUAGE).parse(content).root_node


def syntax_errors(root: Node) -> list[Node]:
    """The nodes that tree-sitter could not parse."""
    return [each for each in walk(root) if each.type == "ERROR" or each.is_missing]


def run_pycep(content: str, name: str) -> list[Finding]:
    try:
        _PYCEP.parse(text=content)
    except Exception as error:  # noqa: BLE001 - its errors have no common base; each is a finding
        where = getattr(error, "line", None)
        at = where if isinstance(where, int) and where > 0 else 1
        reason = str(error).strip().splitlines()[0]
        return [Finding(name, at, "syntax", f"pycep does not accept it: {reason}")]
    return []


def _find_unseparated(root: Node) -> Iterator[Node]:
    """Both parsers take `{ a: 1 b: 2 }`; the compiler does not. Arguments need the
    comma even across lines."""
    for node in walk(root):
        if node.type not in ("object", "array", "arguments"):
            continue
        content, inside = node.text or b"", children(node)
        for before, after in zip(inside, inside[1:], strict=False):
            start, end = before.end_byte - node.start_byte, after.start_byte - node.start_byte
            between = content[start:end]
            if b"," not in between and (node.type == "arguments" or b"\n" not in between):
                yield after


def _read_declarations(source: Source, root: Node) -> list[Finding]:
    """Adds the declarations to `source`; returns the statements that are outside the
    subset."""
    findings, decorators = [], []
    for node in children(root):
        if node.type == "decorators":
            decorators = [each for each in children(node) if each.type == "decorator"]
            continue
        if node.type == "target_scope_assignment":
            source.scope = literal_text(children(node)[0]) or ""
        elif node.type in _KINDS:
            source.declarations.append(_read_declaration(node, decorators))
        else:
            what = f"a {node.type.replace('_', ' ')} is not judged here"
            findings.append(source.finding(node, "outside-subset", what))
        decorators = []
    return findings


def _read_declaration(node: Node, decorators: list[Node]) -> Declaration:
    parts = children(node)
    declared = Declaration(_KINDS[node.type], text(parts[0]), node, decorators=decorators)
    rest = parts[1:]
    if declared.kind in ("param", "output"):
        declared.of = text(rest[0])
        rest = rest[1:]
    elif declared.kind in ("resource", "module"):
        declared.of = literal_text(rest[0]) or ""
        declared.existing = any(text(each) == "existing" for each in node.children)
        rest = rest[1:]
    if rest:
        declared.body = rest[-1]
        if declared.body.type == "if_statement":
            declared.body = children(declared.body)[-1]
        if declared.body.type == "for_statement" and declared.kind in ("resource", "module"):
            declared.loop, declared.body = declared.body, children(declared.body)[-1]
    return declared
