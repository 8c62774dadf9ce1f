"""Modules: the file, what it is given, the scope it is deployed at, and rings of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from infra.check.bodies import Bodies, is_group
from infra.check.findings import Finding
from infra.check.infer import Project, called
from infra.check.names import close, rings
from infra.check.source import (
    Declaration,
    Node,
    Source,
    plain,
    properties,
    text,
    value_of,
)

_OWN = frozenset({"name", "scope", "params", "dependsOn"})


def check(project: Project, source: Source) -> Iterator[Finding]:
    for each in source.of_kind("module"):
        target = (source.path.parent / each.of).resolve()
        if not target.is_file():
            yield source.finding(each.node, "missing-module", f"there is no {each.of}")
        elif (module := project.module(source, each)) is not None and each.body is not None:
            yield from _given(project, source, each, module, each.body)


def file_rings(project: Project) -> Iterator[Finding]:
    by_name = {str(path): source for path, source in project.sources.items()}

    def needs(name: str) -> list[str]:
        source = by_name.get(name)
        return (
            [str((Path(name).parent / each.of).resolve()) for each in source.of_kind("module")]
            if source
            else []
        )

    for ring in rings(list(by_name), needs):
        first = by_name[ring[0]]
        yield Finding(
            first.name,
            1,
            "cycle",
            "these files use each other:"
            f" {' → '.join(Path(each).name for each in [*ring, ring[0]])}",
        )


def _given(
    project: Project, source: Source, declaration: Declaration, module: Source, body: Node
) -> Iterator[Finding]:
    for key, prop, _ in properties(body):
        if key not in _OWN:
            yield source.finding(
                prop, "unknown-property", f"a module takes {', '.join(sorted(_OWN))}, not {key}"
            )
    parameters = {each.name: each for each in module.of_kind("param")}
    params = value_of(body, "params")
    given = properties(params) if params is not None else []
    bodies = Bodies(project, source)
    for key, prop, value in given:
        if key not in parameters:
            yield source.finding(
                prop,
                "unknown-parameter",
                f"{module.name} has no parameter {key}{close(key or '', list(parameters))}",
            )
        else:
            yield from bodies.given(value, parameters[key], {}, f"parameter {key} of {module.name}")
    for name, parameter in parameters.items():
        if (
            parameter.body is None
            and not parameter.of.endswith("?")
            and name not in {key for key, _, _ in given}
        ):
            yield source.finding(
                declaration.node, "missing-parameter", f"{module.name} needs the parameter {name}"
            )
    at = _scope(source, value_of(body, "scope"))
    if at != module.scope:
        yield source.finding(
            declaration.node,
            "wrong-scope",
            f"{module.name} is for {module.scope} scope and would be deployed at {at}",
        )


def _scope(source: Source, scope: Node | None) -> str:
    if scope is None:
        return source.scope
    if scope.type == "call_expression":
        return called(scope)[0]
    declared = source.named(text(scope))
    if declared is not None and declared.kind == "resource" and is_group(declared):
        return "resourceGroup"
    return f"what {plain(scope) or text(scope)} is"
