"""Where a resource is put: a type and version that the data holds, the scope, the
parent."""

from __future__ import annotations

from collections.abc import Iterator

from infra.check.findings import Finding
from infra.check.source import (
    Declaration,
    Node,
    Project,
    Source,
    literal_text,
    text,
    value_of,
)
from infra.check.type_data import Shape

SCOPE_BITS = {"tenant": 1, "managementGroup": 2, "subscription": 4, "resourceGroup": 8}
ON_A_RESOURCE = 16


def report_unknown_type(project: Project, source: Source, declaration: Declaration) -> Finding:
    name, _, version = declaration.of.partition("@")
    versions = project.types.versions(name)
    if versions:
        message = f"{name} is known in {', '.join(versions)}, not in {version or 'none'}"
        return source.finding(declaration.node, "unknown-api-version", message)
    message = f"{declaration.of} is not in the type data: python -m infra.check --trim SNAPSHOT"
    return source.finding(declaration.node, "unknown-type", message)


def check(source: Source, declaration: Declaration, entry: Shape, body: Node) -> Iterator[Finding]:
    parent = value_of(body, "parent")
    if parent is None:
        bits = entry["readableScopes"] if declaration.existing else entry["writableScopes"]
        yield from _check_scope(source, declaration, bits, value_of(body, "scope"))
    yield from _check_parent(source, declaration, parent, value_of(body, "name"))


def is_group(declaration: Declaration) -> bool:
    return declaration.of.partition("@")[0].casefold() == "microsoft.resources/resourcegroups"


def _check_scope(
    source: Source, declaration: Declaration, bits: int, scope: Node | None
) -> Iterator[Finding]:
    if scope is None:
        if not bits & SCOPE_BITS.get(source.scope, 0):
            message = f"{declaration.of} cannot be deployed at {source.scope} scope"
            yield source.finding(declaration.node, "wrong-scope", message)
        return
    on = source.find(text(scope)) if scope.type == "identifier" else None
    if on is None:
        if not declaration.existing:
            message = "a resource goes elsewhere through a module only"
            yield source.finding(scope, "wrong-scope", message)
    elif on.kind != "resource":
        message = f"{on.name} is a {on.kind}, and a scope is a resource"
        yield source.finding(scope, "wrong-scope", message)
    elif not bits & ON_A_RESOURCE and not is_group(on):
        message = f"{declaration.of} cannot be put on a resource"
        yield source.finding(scope, "wrong-scope", message)


def _check_parent(
    source: Source, declaration: Declaration, parent: Node | None, name: Node | None
) -> Iterator[Finding]:
    """The parent's type is the child's own without its last segment; a name has a
    segment for each part of the type, one below a parent."""
    own = declaration.of.partition("@")[0]
    above, segments = own.rpartition("/")[0], own.count("/")
    if parent is not None:
        found = source.find(text(parent).partition("[")[0])
        segments = 1
        if found is None or found.of.partition("@")[0].casefold() != above.casefold():
            message = f"the parent of a {own} is a {above}"
            yield source.finding(parent, "wrong-parent", message)
    words = literal_text(name)
    if name is not None and words is not None and words.count("/") + 1 != segments:
        message = f"the name has {words.count('/') + 1} segments, {segments} are needed"
        yield source.finding(name, "wrong-parent", message)
