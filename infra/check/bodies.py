"""Resource bodies, module parameters, outputs and defaults against what they have to
be."""

from __future__ import annotations

from collections.abc import Iterator

from infra.check import shapes
from infra.check.findings import Finding
from infra.check.infer import (
    Infer,
    Locals,
    Project,
    allowed_numbers,
    allowed_values,
    declared_type,
    decorator,
)
from infra.check.names import close
from infra.check.shapes import READ_ONLY, REQUIRED, Shape
from infra.check.source import (
    Declaration,
    Node,
    Source,
    named,
    plain,
    properties,
    text,
    value_of,
)

OF_THE_LANGUAGE = frozenset({"parent", "scope", "dependsOn"})
SCOPE_BITS = {"tenant": 1, "managementGroup": 2, "subscription": 4, "resourceGroup": 8}
ON_A_RESOURCE = 16


class Bodies:
    def __init__(self, project: Project, source: Source) -> None:
        self._project, self._source = project, source
        self._infer = Infer(project, source)

    def check(self) -> Iterator[Finding]:
        for each in self._source.declarations:
            if each.kind == "resource":
                yield from self._resource(each)
            elif each.kind in ("param", "output") and each.body is not None:
                yield from self.given(each.body, each, {}, f"{each.kind} {each.name}")

    def given(
        self, node: Node, declaration: Declaration, local: Locals, what: str
    ) -> Iterator[Finding]:
        """A value for a parameter or output: its type, its allowed values, its bounds."""
        allowed = allowed_values(declaration)
        wanted = (
            shapes.either(map(shapes.literal, allowed))
            if allowed
            else declared_type(declaration.of)
        )
        if declaration.of.startswith("object") and node.type not in ("object", "null"):
            wanted = {
                "$type": "ObjectType",
                "name": "object",
                "properties": {},
                "additionalProperties": shapes.ANY,
            }
        yield from self.value(node, wanted or shapes.ANY, local, what)
        numbers = allowed_numbers(declaration)
        if numbers and node.type == "number" and int(text(node)) not in numbers:
            yield self._source.finding(
                node,
                "wrong-value",
                f"{what}: one of {', '.join(map(str, numbers))} is wanted, this is {text(node)}",
            )
        if node.type == "null" and not declaration.of.endswith("?"):
            yield self._source.finding(
                node, "wrong-type", f"{what}: it may not be null (its type would end with ?)"
            )
        yield from self._bounds(node, declaration, what)

    def _bounds(self, node: Node, declaration: Declaration, what: str) -> Iterator[Finding]:
        words = plain(node)
        sizes = {
            "Length": len(words) if words is not None else None,
            "Value": int(text(node)) if node.type == "number" else None,
        }
        for kind, size in sizes.items():
            for end, sign in (("min", 1), ("max", -1)):
                arguments = decorator(declaration, f"{end}{kind}")
                if size is not None and arguments and (size - int(text(arguments[0]))) * sign < 0:
                    yield self._source.finding(
                        node,
                        "wrong-value",
                        f"{what}: its {end}imum {kind.lower()} is {text(arguments[0])}, this is"
                        f" {size}",
                    )

    def _resource(self, declaration: Declaration) -> Iterator[Finding]:
        entry = self._project.types.resource(declaration.of)
        if entry is None:
            yield self._unknown(declaration)
            return
        body = declaration.body
        if body is None or body.type != "object":
            yield self._source.finding(
                declaration.node, "wrong-type", f"the body of {declaration.name} is not an object"
            )
            return
        local = (
            self._infer.loop_locals(declaration.loop, {}) if declaration.loop is not None else {}
        )
        yield from self._scope(declaration, entry, body)
        yield from self._parent(declaration, body)
        if declaration.existing:
            for key, prop, _ in properties(body):
                if key not in OF_THE_LANGUAGE | {"name"}:
                    yield self._source.finding(
                        prop,
                        "unknown-property",
                        f"an existing resource takes name, parent and scope, not {key}",
                    )
            return
        yield from self._object(body, entry["body"], local, declaration.of, OF_THE_LANGUAGE)

    def _unknown(self, declaration: Declaration) -> Finding:
        name, _, version = declaration.of.partition("@")
        versions = self._project.types.versions(name)
        if versions:
            return self._source.finding(
                declaration.node,
                "unknown-api-version",
                f"{name} is known in {', '.join(versions)}, not in {version or 'none'}",
            )
        return self._source.finding(
            declaration.node,
            "unknown-type",
            f"{declaration.of} is not in the type data: python -m infra.check --trim SNAPSHOT",
        )

    def _scope(self, declaration: Declaration, entry: Shape, body: Node) -> Iterator[Finding]:
        scope = value_of(body, "scope")
        if value_of(body, "parent") is not None:
            return
        bits = entry["readableScopes"] if declaration.existing else entry["writableScopes"]
        on = (
            self._source.named(text(scope))
            if scope is not None and scope.type == "identifier"
            else None
        )
        if scope is None and not bits & SCOPE_BITS.get(self._source.scope, 0):
            yield self._source.finding(
                declaration.node,
                "wrong-scope",
                f"{declaration.of} cannot be deployed at {self._source.scope} scope",
            )
        elif (
            on is not None
            and on.kind == "resource"
            and not bits & ON_A_RESOURCE
            and not is_group(on)
        ):
            yield self._source.finding(
                scope or body, "wrong-scope", f"{declaration.of} cannot be put on a resource"
            )
        elif on is not None and on.kind != "resource":
            yield self._source.finding(
                scope or body, "wrong-scope", f"{on.name} is a {on.kind}, and a scope is a resource"
            )
        elif scope is not None and on is None and not declaration.existing:
            yield self._source.finding(
                scope, "wrong-scope", "a resource goes elsewhere through a module only"
            )

    def _parent(self, declaration: Declaration, body: Node) -> Iterator[Finding]:
        name, parent, own = (
            plain(value_of(body, "name")),
            value_of(body, "parent"),
            declaration.of.partition("@")[0],
        )
        wanted = own.count("/")
        if parent is not None:
            above = self._source.named(text(parent).partition("[")[0])
            if (
                above is None
                or above.of.partition("@")[0].casefold() != own.rpartition("/")[0].casefold()
            ):
                yield self._source.finding(
                    parent, "wrong-parent", f"the parent of a {own} is a {own.rpartition('/')[0]}"
                )
            wanted = 1
        if name is not None and name.count("/") + 1 != wanted:
            yield self._source.finding(
                value_of(body, "name") or body,
                "wrong-parent",
                f"the name has {name.count('/') + 1} segments, {wanted} are needed",
            )

    def value(self, node: Node, wanted: Shape, local: Locals, what: str) -> Iterator[Finding]:
        """Follows objects, arrays, loops, both sides of a choice, and variables, down
        to what is written."""
        if node.type == "parenthesized_expression":
            yield from self.value(named(node)[0], wanted, local, what)
        elif node.type == "ternary_expression":
            for side in named(node)[1:]:
                yield from self.value(side, wanted, local, what)
        elif node.type == "object" and (target := self._one_object(wanted)) is not None:
            yield from self._object(node, target, local, what, frozenset())
        elif node.type == "array" and shapes.kind(wanted) == "ArrayType":
            for each in named(node):
                yield from self.value(each, wanted["itemType"], local, what)
        elif node.type == "for_statement" and shapes.kind(wanted) == "ArrayType":
            yield from self.value(
                named(node)[-1],
                wanted["itemType"],
                local | self._infer.loop_locals(node, local),
                what,
            )
        elif (variable := self._variable(node, local)) is not None:
            yield from self.value(variable, wanted, {}, what)
        else:
            yield from self._fits(node, wanted, local, what)

    def _variable(self, node: Node, local: Locals) -> Node | None:
        """The written value of a variable that holds an object or array."""
        declaration = (
            self._source.named(text(node))
            if node.type == "identifier" and text(node) not in local
            else None
        )
        body = declaration.body if declaration is not None and declaration.kind == "var" else None
        return (
            body
            if body is not None
            and body.type in ("object", "array", "for_statement", "ternary_expression")
            else None
        )

    def _one_object(self, wanted: Shape) -> Shape | None:
        objects = [each for each in shapes.alternatives(wanted) if shapes.is_object(each)]
        return objects[0] if len(objects) == 1 else None

    def _fits(self, node: Node, wanted: Shape, local: Locals, what: str) -> Iterator[Finding]:
        has = self._infer.of(node, local)
        if shapes.fits(has, wanted):
            written = int(text(node)) if node.type == "number" else plain(node)
            if written is not None and (problem := shapes.out_of_bounds(wanted, written)):
                yield self._source.finding(node, "wrong-value", f"{what}: {problem}")
            return
        literals = [
            each["value"]
            for each in shapes.alternatives(wanted)
            if shapes.kind(each) == "StringLiteralType"
        ]
        words = plain(node)
        rule = "wrong-value" if literals and words is not None else "wrong-type"
        yield self._source.finding(
            node,
            rule,
            f"{what}: {shapes.describe(wanted)} is wanted, this is"
            f" {shapes.describe(has)}{close(words or '', literals)}",
        )

    def _object(
        self, node: Node, shape: Shape, local: Locals, what: str, besides: frozenset[str]
    ) -> Iterator[Finding]:
        if shapes.kind(shape) == "DiscriminatedObjectType":
            key = value_of(node, shape["discriminator"])
            if key is None:
                yield self._source.finding(
                    node,
                    "missing-property",
                    f"{what}: {shape['discriminator']} is missing, which says what kind it is",
                )
                return
            element = shape["elements"].get(plain(key) or "")
            if element is None:
                kinds = sorted(shape["elements"])
                yield self._source.finding(
                    key,
                    "wrong-value",
                    f"{what}: {text(key)} is none of"
                    f" {', '.join(kinds)}{close(plain(key) or '', kinds)}",
                )
                return
            known, others = shape["baseProperties"] | shapes.properties_of(element), None
        else:
            known, others = shape["properties"], shape.get("additionalProperties")
        yield from self._properties(node, known, others, local, what, besides)

    def _properties(
        self,
        node: Node,
        known: dict[str, Shape],
        others: Shape | None,
        local: Locals,
        what: str,
        besides: frozenset[str],
    ) -> Iterator[Finding]:
        found = properties(node)
        for key, prop, value in found:
            if key in besides:
                continue
            if key is None or key not in known:
                if others is None:
                    name = key or "a property whose name is computed"
                    yield self._source.finding(
                        prop, "unknown-property", f"{what} has no {name}{close(name, list(known))}"
                    )
                else:
                    yield from self.value(value, others, local, f"{what}.{key}")
            elif known[key]["flags"] & READ_ONLY:
                yield self._source.finding(prop, "read-only-property", f"{what}: Azure sets {key}")
            elif known[key]["flags"] & REQUIRED and value.type == "null":
                yield self._source.finding(
                    prop, "wrong-type", f"{what}: {key} is required and may not be null"
                )
            else:
                yield from self.value(value, known[key]["type"], local, f"{what}.{key}")
        if all(key is not None for key, _, _ in found):
            for missing in (
                name
                for name, each in known.items()
                if each["flags"] & REQUIRED and name not in {key for key, _, _ in found}
            ):
                yield self._source.finding(
                    node, "missing-property", f"{what}: {missing} is required"
                )


def is_group(declaration: Declaration) -> bool:
    return declaration.of.partition("@")[0].casefold() == "microsoft.resources/resourcegroups"
