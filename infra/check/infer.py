"""What an expression is, as far as that can be told without deploying. What cannot be
told is `ANY`, as in the compiler."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from infra.check import shapes
from infra.check.functions import FUNCTIONS
from infra.check.shapes import ANY, BOOLEAN, INTEGER, NULL, STRING, Shape
from infra.check.source import Declaration, Node, Source, named, plain, properties, text
from infra.check.type_data import TypeData

type Locals = dict[str, Shape]

_TYPE = re.compile(r"(string|int|bool|object|array)(\[\])?(\?)?")
_SIMPLE = {
    "string": STRING,
    "int": INTEGER,
    "bool": BOOLEAN,
    "object": ANY,
    "array": shapes.array(ANY),
}


@dataclass(slots=True)
class Project:
    """All files that were read, by their full path, and the type data."""

    types: TypeData
    sources: dict[Path, Source] = field(default_factory=dict)

    def module(self, source: Source, declaration: Declaration) -> Source | None:
        return self.sources.get((source.path.parent / declaration.of).resolve())


def declared_type(words: str) -> Shape | None:
    """Of a parameter or output, from its written type; None: outside the subset."""
    found = _TYPE.fullmatch(words)
    if not found:
        return None
    simple = _SIMPLE[found[1]]
    return shapes.array(simple) if found[2] else simple


def from_json(value: object) -> Shape:
    match value:
        case bool():
            return BOOLEAN
        case int():
            return INTEGER
        case str():
            return STRING
        case list():
            return shapes.array(shapes.either(map(from_json, value)))
        case dict():
            return shapes.record({str(key): from_json(each) for key, each in value.items()})
    return NULL if value is None else ANY


class Infer:
    """For one file. Never finds fault: what makes no sense is `ANY`, and the rules say
    why."""

    def __init__(self, project: Project, source: Source) -> None:
        self._project, self._source = project, source
        self._known: dict[str, Shape] = {}
        self._asking: set[str] = set()

    def symbol(self, name: str) -> Shape:
        if name not in self._known:
            declaration = self._source.named(name)
            if declaration is None or name in self._asking:
                return ANY
            self._asking.add(name)
            self._known[name] = self._declared(declaration)
            self._asking.discard(name)
        return self._known[name]

    def _declared(self, declaration: Declaration) -> Shape:
        if declaration.kind == "param":
            allowed = allowed_values(declaration)
            return (
                shapes.either(map(shapes.literal, allowed))
                if allowed
                else declared_type(declaration.of) or ANY
            )
        if declaration.kind == "var":
            return self.of(declaration.body, {}) if declaration.body is not None else ANY
        one = (
            self._resource(declaration)
            if declaration.kind == "resource"
            else self._module(declaration)
        )
        return shapes.array(one) if declaration.loop is not None else one

    def _resource(self, declaration: Declaration) -> Shape:
        found = self._project.types.resource(declaration.of)
        return found["body"] if found else ANY

    def _module(self, declaration: Declaration) -> Shape:
        module = self._project.module(self._source, declaration)
        if module is None:
            return ANY
        outputs = {each.name: declared_type(each.of) or ANY for each in module.of_kind("output")}
        return shapes.record({"name": STRING, "outputs": shapes.record(outputs)})

    def of(self, node: Node, local: Locals) -> Shape:
        match node.type:
            case "string":
                words = plain(node)
                return STRING if words is None else shapes.literal(words)
            case "number":
                return INTEGER
            case "boolean":
                return BOOLEAN
            case "null":
                return NULL
            case "identifier":
                return local.get(text(node)) or self.symbol(text(node))
            case "object":
                return self._object(node, local)
            case "array":
                return shapes.array(shapes.either(self.of(each, local) for each in named(node)))
            case "for_statement":
                return shapes.array(self.of(named(node)[-1], local | self.loop_locals(node, local)))
            case "parenthesized_expression":
                inside = named(node)
                return self.of(inside[0], local) if inside else ANY
            case "member_expression" | "subscript_expression":
                return self._part(node, local)
            case "call_expression":
                return self._call(node)
            case "ternary_expression":
                return shapes.either(self.of(each, local) for each in named(node)[1:])
            case "unary_expression":
                return BOOLEAN if text(node).startswith("!") else INTEGER
            case "binary_expression":
                return self._binary(node, local)
        return ANY

    def loop_locals(self, loop: Node, local: Locals) -> Locals:
        """The variables of a `for`: the item, and its index where there is one."""
        variables, over = named(loop)[0], named(loop)[1]
        names = [text(each) for each in named(variables)] or [text(variables)]
        found = {names[0]: shapes.item(self.of(over, local))}
        return found | ({names[1]: INTEGER} if len(names) > 1 else {})

    def _object(self, node: Node, local: Locals) -> Shape:
        known = {
            key: self.of(value, local) for key, _, value in properties(node) if key is not None
        }
        computed = any(key is None for key, _, _ in properties(node))
        return shapes.record(known, ANY if computed else None)

    def _part(self, node: Node, local: Locals) -> Shape:
        whole, by = named(node)[0], named(node)[-1]
        shape = self.of(whole, local)
        if node.type == "member_expression":
            return shapes.read(shape, text(by)) or ANY
        if by.type == "number" or not shapes.is_object(shape):
            return shapes.item(shape)
        key = plain(by)
        if key is not None:
            return shapes.read(shape, key) or ANY
        return shapes.either(each["type"] for each in shapes.properties_of(shape).values())

    def _call(self, node: Node) -> Shape:
        name, arguments = called(node)
        if name == "loadJsonContent" and len(arguments) == 1:
            return self._json(plain(arguments[0]))
        return FUNCTIONS[name].gives if name in FUNCTIONS else ANY

    def _json(self, path: str | None) -> Shape:
        target = self._source.path.parent / (path or "")
        try:
            return from_json(json.loads(target.read_text()))
        except (OSError, ValueError):
            return ANY

    def _binary(self, node: Node, local: Locals) -> Shape:
        operator = text(node.child_by_field_name("operator") or node)
        if operator == "??":
            return shapes.either(self.of(each, local) for each in named(node))
        return INTEGER if operator in ("+", "-", "*", "/", "%") else BOOLEAN


def called(node: Node) -> tuple[str, list[Node]]:
    """A call's function, without `az.` or `sys.`, and its arguments. A method of a
    resource keeps its dots."""
    parts = named(node)
    name = text(parts[0])
    prefix, _, rest = name.partition(".")
    arguments = named(parts[-1]) if parts[-1].type == "arguments" else []
    return (rest if prefix in ("az", "sys") and rest else name), arguments


def decorator(declaration: Declaration, name: str) -> list[Node] | None:
    """The arguments of that decorator, if it is there."""
    return next(
        (
            args
            for each in declaration.decorators
            for found, args in [called(named(each)[0])]
            if found == name
        ),
        None,
    )


def allowed_values(declaration: Declaration) -> list[str]:
    found = [plain(each) for each in _allowed(declaration)]
    return [each for each in found if each is not None]


def allowed_numbers(declaration: Declaration) -> list[int]:
    return [int(text(each)) for each in _allowed(declaration) if each.type == "number"]


def _allowed(declaration: Declaration) -> list[Node]:
    arguments = decorator(declaration, "allowed")
    return named(arguments[0]) if arguments and arguments[0].type == "array" else []
