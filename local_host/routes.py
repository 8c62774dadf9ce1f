"""Route templates of httpTrigger functions, as ASP.NET reads them: {name}, {name?}, {name:int}, {name=value}, {*rest}.

Rules: literals are compared without case; a literal segment beats a parameter, a parameter beats a catch-all;
an unknown path is 404, a known path with another method is 405.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from local_host.errors import SettingError

_CONSTRAINTS = {
    "int": r"[-+]?\d+",
    "long": r"[-+]?\d+",
    "guid": r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}",
    "alpha": r"[A-Za-z]+",
    "bool": r"(?i:true|false)",
}
_PARAMETER = re.compile(r"\{(?P<star>\*{0,2})(?P<name>[A-Za-z_]\w*)(?::(?P<kind>\w+))?(?:=(?P<value>[^}?]*))?(?P<optional>\??)\}")


@dataclass(frozen=True)
class Route[T]:
    """One compiled template. `methods` is empty when every method is taken."""

    target: T
    methods: frozenset[str]
    pattern: re.Pattern[str]
    rank: tuple[int, ...]
    defaults: dict[str, str]


@dataclass(frozen=True)
class Match[T]:
    """A path that was found: `target` is None when the method is not taken (405, `allowed` names those that are)."""

    target: T | None
    params: dict[str, str]
    allowed: frozenset[str] = frozenset()


class RouteTable[T]:
    """The routes of one app."""

    def __init__(self, routes: Iterable[Route[T]]) -> None:
        self._routes = sorted(routes, key=lambda route: route.rank)

    def find(self, method: str, path: str) -> Match[T] | None:
        """The best route for a raw (still percent-encoded) path, or None when there is none."""
        allowed: set[str] = set()
        for route in self._routes:
            found = route.pattern.fullmatch(path.strip("/"))
            if found is None:
                continue
            if route.methods and method.upper() not in route.methods:
                allowed |= route.methods
                continue
            given = {name: unquote(text) for name, text in found.groupdict().items() if text}
            return Match(route.target, {**route.defaults, **given})
        return Match(None, {}, frozenset(allowed)) if allowed else None


def compile_route[T](target: T, template: str, methods: Iterable[str], prefix: str) -> Route[T]:
    """One route. Raises SettingError for a template that cannot be read."""
    segments = [s for s in "/".join((prefix, template.strip("/"))).split("/") if s]
    pattern, rank = "", list[int]()
    defaults: dict[str, str] = {}
    for number, segment in enumerate(segments):
        text, weight, omittable = _segment(segment, template, defaults)
        separator = "/" if number else ""
        pattern += f"(?:{separator}{text})?" if omittable else separator + text
        rank.append(weight)
    return Route(target, frozenset(m.upper() for m in methods), re.compile(pattern), (*rank, 9), defaults)


def _segment(segment: str, template: str, defaults: dict[str, str]) -> tuple[str, int, bool]:
    """A segment's pattern, its rank (0 literal, 1 constrained or mixed, 2 parameter, 3 catch-all), whether it may be absent."""
    whole = _PARAMETER.fullmatch(segment)
    if whole is None:
        return _mixed(segment, template)
    name, kind = whole["name"], whole["kind"]
    if whole["value"] is not None:
        defaults[name] = whole["value"]
    omittable = bool(whole["optional"] or whole["star"] or whole["value"] is not None)
    if whole["star"]:
        return f"(?P<{name}>.*)", 3, True
    return f"(?P<{name}>{_body(kind, template)})", 1 if kind else 2, omittable


def _mixed(segment: str, template: str) -> tuple[str, int, bool]:
    """A literal segment, or one with parameters inside it such as `{name}.json`."""
    text, last = "", 0
    for found in _PARAMETER.finditer(segment):
        text += _literal(segment[last : found.start()], template)
        text += f"(?P<{found['name']}>{_body(found['kind'], template)}?)"
        last = found.end()
    return text + _literal(segment[last:], template), 1 if last else 0, False


def _literal(text: str, template: str) -> str:
    if "{" in text or "}" in text:
        raise SettingError(f"the route {template!r} cannot be read near {text!r}")
    return f"(?i:{re.escape(text)})"


def _body(kind: str | None, template: str) -> str:
    if kind is None:
        return "[^/]+"
    if kind not in _CONSTRAINTS:
        raise SettingError(f"the route {template!r} has the constraint {kind!r}, which the local host does not know")
    return _CONSTRAINTS[kind]
