"""Route templates of httpTrigger functions: literal segments and `{name}`, which is all
that the app uses.

Rules, as in ASP.NET: literals are compared without case; a literal segment beats a
parameter. A path that no function takes is 404, and so is a method that none takes for
it (WebJobs.Script's WebJobsRouter matches both).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from local.host.errors import SettingError

_PARAMETER = re.compile(r"\{([A-Za-z_]\w*)\}")


@dataclass(frozen=True)
class Route[T]:
    """One compiled template. `methods` is empty when every method is taken."""

    target: T
    methods: frozenset[str]
    pattern: re.Pattern[str]
    rank: tuple[int, ...]


@dataclass(frozen=True)
class Match[T]:
    """The function for a request, and what its path holds for the template's
    parameters."""

    target: T
    params: dict[str, str]


class RouteTable[T]:
    """The routes of one app."""

    def __init__(self, routes: Iterable[Route[T]]) -> None:
        self._routes = sorted(routes, key=lambda route: route.rank)

    def find(self, method: str, path: str) -> Match[T] | None:
        """The best route for a method and a raw (still percent-encoded) path, or None
        when there is none."""
        for route in self._routes:
            found = route.pattern.fullmatch(path.strip("/"))
            if found is not None and (not route.methods or method.upper() in route.methods):
                return Match(
                    route.target, {name: unquote(text) for name, text in found.groupdict().items()}
                )
        return None


def compile_route[T](target: T, template: str, methods: Iterable[str], prefix: str) -> Route[T]:
    """One route. Raises SettingError for a template that is not played here."""
    segments = [s for s in "/".join((prefix, template.strip("/"))).split("/") if s]
    parts = [_segment(segment, template) for segment in segments]
    pattern = re.compile("/".join(text for text, _ in parts))
    return Route(
        target, frozenset(m.upper() for m in methods), pattern, tuple(rank for _, rank in parts)
    )


def _segment(segment: str, template: str) -> tuple[str, int]:
    """A segment's pattern and its rank: a literal comes first."""
    parameter = _PARAMETER.fullmatch(segment)
    if parameter is not None:
        return f"(?P<{parameter[1]}>[^/]+)", 1
    if "{" in segment or "}" in segment:
        raise SettingError(
            f"the route {template!r} has the segment {segment!r}, which the local host does not"
            " play"
        )
    return f"(?i:{re.escape(segment)})", 0
