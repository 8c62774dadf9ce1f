"""Modules: the file, the parameters, the scope, and rings of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from infra.check.bodies import check_given
from infra.check.findings import Finding
from infra.check.names import find_rings
from infra.check.placement import is_group
from infra.check.source import (
    Declaration,
    Node,
    Project,
    Source,
    literal_text,
    properties,
    read_call,
    text,
    value_of,
)
from infra.check.values import suggest

_OWN = ("dependsOn", "name", "params", "scope")


def check(project: Project, source: Source) -> Iterator[Finding]:
    for each in source.of_kind("module"):
        if not (source.path.parent / each.of).is_file():
            yield source.finding(each.node, "missing-module", f"there is no {each.of}")
        elif (module := project.module(source, each)) is not None and each.body is not None:
            yield from _check_own(source, each.body)
            yield from _check_parameters(source, each, module, value_of(each.body, "params"))
            yield from _check_scope(source, each, module, value_of(each.body, "scope"))


def check_files(project: Project) -> Iterator[Finding]:
    by_name = {str(path): source for path, source in project.sources.items()}

    def needs(name: str) -> list[str]:
        modules = by_name[name].of_kind("module") if name in by_name else []
        return [str((Path(name).parent / each.of).resolve()) for each in modules]

    for ring in find_rings(list(by_name), needs):
        names = " → ".join(Path(each).name for each in [*ring, ring[0]])
        yield Finding(by_name[ring[0]].name, 1, "cycle", f"these files use each other: {names}")


def _check_own(source: Source, body: Node) -> Iterator[Finding]:
    for key, prop, _ in properties(body):
        if key not in _OWN:
            message = f"a module takes {', '.join(_OWN)}, not {key}"
            yield source.finding(prop, "unknown-property", message)


def _check_parameters(
    source: Source, declaration: Declaration, module: Source, params: Node | None
) -> Iterator[Finding]:
    parameters = {each.name: each for each in module.of_kind("param")}
    given = properties(params) if params is not None else []
    for key, prop, value in given:
        if key in parameters:
            what = f"parameter {key} of {module.name}"
            yield from check_given(source, value, parameters[key], what)
        else:
            hint = suggest(key or "", list(parameters))
            message = f"{module.name} has no parameter {key}{hint}"
            yield source.finding(prop, "unknown-parameter", message)
    names = {key for key, _, _ in given}
    for name, each in parameters.items():
        if each.body is None and not each.of.endswith("?") and name not in names:
            message = f"{module.name} needs the parameter {name}"
            yield source.finding(declaration.node, "missing-parameter", message)


def _check_scope(
    source: Source, declaration: Declaration, module: Source, scope: Node | None
) -> Iterator[Finding]:
    at = _name_scope(source, scope)
    if at != module.scope:
        message = f"{module.name} is for {module.scope} scope and would be deployed at {at}"
        yield source.finding(declaration.node, "wrong-scope", message)


def _name_scope(source: Source, scope: Node | None) -> str:
    if scope is None:
        return source.scope
    if scope.type == "call_expression":
        return read_call(scope)[0]
    declared = source.find(text(scope))
    if declared is not None and declared.kind == "resource" and is_group(declared):
        return "resourceGroup"
    return f"the scope of {literal_text(scope) or text(scope)}"
