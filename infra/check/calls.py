"""Functions and decorators: that Bicep has them, how many arguments they take, and the
files that they load. Their results are the compiler's to judge.

A name that is not here is a finding: add it with its counts from the reference.
https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-functions
https://learn.microsoft.com/azure/azure-resource-manager/bicep/parameters#use-decorators
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from infra.check.findings import Finding
from infra.check.source import Declaration, Node, Source, children, literal_text, read_call, text
from infra.check.values import suggest

_MANY = 1000
_BY_COUNT = {
    (0, 0): "deployment environment newGuid tenant",
    (0, 1): "managementGroup subscription utcNow",
    (0, 2): "resourceGroup",
    (1, 1): "any array base64 base64ToString bool empty first flatten int items json last length"
    " loadFileAsBase64 objectKeys string toLower toUpper trim uriComponent",
    (1, 2): "loadTextContent",
    (1, 3): "loadJsonContent",
    (1, _MANY): "concat format guid max min uniqueString",
    (2, 2): "contains endsWith indexOf join lastIndexOf range skip split startsWith take uri",
    (2, 3): "dateTimeAdd padLeft substring",
    (2, _MANY): "intersection resourceId subscriptionResourceId tenantResourceId union",
    (3, 3): "replace",
    (3, 5): "pickZones",
    (3, _MANY): "extensionResourceId",
}
FUNCTIONS = {name: counts for counts, names in _BY_COUNT.items() for name in names.split()}
"""Name → fewest arguments, most."""
ONLY_IN = {
    "managementGroup": ("managementGroup",),
    "resourceGroup": ("resourceGroup",),
    "subscription": ("subscription", "resourceGroup"),
}
"""The target scopes where a function may be called without arguments."""
LOADS = ("loadJsonContent", "loadTextContent", "loadFileAsBase64")

_VALUES = ("param", "output")
DECORATORS: dict[str, tuple[int, tuple[str, ...]]] = {
    "description": (1, ("param", "var", "resource", "module", "output")),
    "metadata": (1, _VALUES),
    "allowed": (1, ("param",)),
    "secure": (0, _VALUES),
    "minLength": (1, _VALUES),
    "maxLength": (1, _VALUES),
    "minValue": (1, _VALUES),
    "maxValue": (1, _VALUES),
    "batchSize": (1, ("resource", "module")),
}
"""Name → how many arguments, and what it may stand on."""
_ESCAPE = re.compile(r"\\\\|\\'|\\n|\\r|\\t|\\\$|\\u\{[0-9a-fA-F]+\}")


def check_call(source: Source, node: Node) -> Iterator[Finding]:
    name, arguments = read_call(node)
    if name not in FUNCTIONS and "." in name:
        message = f"{name}(), a method of a resource, is not judged here"
        yield source.finding(node, "outside-subset", message)
        return
    if name not in FUNCTIONS:
        message = f"Bicep has no function {name}{suggest(name, list(FUNCTIONS))}"
        yield source.finding(node, "unknown-function", message)
        return
    least, most = FUNCTIONS[name]
    if not least <= len(arguments) <= most:
        counts = f"{least} or more" if most == _MANY else f"{least} to {most}"
        message = f"{name} takes {counts} arguments, not {len(arguments)}"
        yield source.finding(node, "argument-count", message)
    elif not arguments and source.scope not in ONLY_IN.get(name, (source.scope,)):
        message = f"{name}() has no meaning where targetScope is {source.scope}"
        yield source.finding(node, "wrong-scope", message)
    elif name in LOADS and (problem := _find_load_problem(source, name, arguments[0])):
        yield source.finding(node, "missing-file", problem)


def _find_load_problem(source: Source, name: str, argument: Node) -> str:
    path = literal_text(argument)
    if path is None:
        return f"{name} needs a path that is known before the deployment"
    target = source.path.parent / path
    if not target.is_file():
        return f"there is no {path}"
    if name == "loadJsonContent":
        try:
            json.loads(target.read_text())
        except ValueError as error:
            return f"{path} is not JSON: {error}"
    return ""


def check_decorators(source: Source, declaration: Declaration) -> Iterator[Finding]:
    for each in declaration.decorators:
        name, arguments = read_call(children(each)[0])
        count, kinds = DECORATORS.get(name, (0, ()))
        if declaration.kind not in kinds:
            hint = suggest(name, list(DECORATORS))
            message = f"@{name} does not stand on a {declaration.kind}{hint}"
            yield source.finding(each, "unknown-decorator", message)
        elif len(arguments) != count:
            message = f"@{name} takes {count} arguments, not {len(arguments)}"
            yield source.finding(each, "argument-count", message)
        elif not _can_bound(name, declaration.of.removesuffix("?")):
            message = f"@{name} does not stand on a {declaration.of}"
            yield source.finding(each, "unknown-decorator", message)


def _can_bound(decorator: str, written_type: str) -> bool:
    """Whether a decorator that bounds a value can bound one of that type."""
    if decorator.endswith("Length"):
        return written_type in ("string", "array") or written_type.endswith("[]")
    return written_type == "int" or not decorator.endswith("Value")


def check_escapes(source: Source, node: Node) -> Iterator[Finding]:
    words = text(node)
    if not words.startswith("'''") and "\\" in _ESCAPE.sub("", words):
        message = "a backslash is followed by none of \\\\ \\' n r t u{…} $"
        yield source.finding(node, "syntax", message)
