"""Route templates of httpTrigger functions. Only literal segments and `{name}` are
supported: the app uses nothing else.

As in ASP.NET, literals are compared without case, and a literal segment wins over a
parameter. An unknown path is 404, and so is a method that no function has for the path
(WebJobs.Script's WebJobsRouter matches both).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from local.host.errors import SettingError

_PARAMETER = re.compile(r"\{([A-Za-z_]\w*)\}")


@dataclass(frozen=True)
class Route[T]:
    """One compiled template. Empty `methods` means every method."""

    target: T
    methods: frozenset[str]
    pattern: re.Pattern[str]
    rank: tuple[int, ...]


@dataclass(frozen=True)
class Match[T]:
    """The function for a request, and the values of the template's parameters."""

    target: T
    params: dict[str, str]


class RouteTable[T]:
    """The routes of one app."""

    def __init__(self, routes: Iterable[Route[T]]) -> None:
        self._routes = sorted(routes, key=lambda route: route.rank)

    def find(self, method: str, path: str) -> Match[T] | None:
        """The best route for a method and a raw (percent-encoded) path, or None."""
        for route in self._routes:
            match = route.pattern.fullmatch(path.strip("/"))
            if match is not None and (not route.methods or method.upper() in route.methods):
                params = {name: unquote(text) for name, text in match.groupdict().items()}
                return Match(route.target, params)
        return None


def compile_route[T](target: T, template: str, methods: Iterable[str], prefix: str) -> Route[T]:
    """One route. Raises SettingError for a template that is not supported."""
    segments = [s for s in "/".join((prefix, template.strip("/"))).split("/") if s]
    parts = [_compile_segment(segment, template) for segment in segments]
    pattern = re.compile("/".join(text for text, _ in parts))
    return Route(
        target, frozenset(m.upper() for m in methods), pattern, tuple(rank for _, rank in parts)
    )


def _compile_segment(segment: str, template: str) -> tuple[str, int]:
    """A segment's pattern and its rank; the lower rank wins."""
    parameter = _PARAMETER.fullmatch(segment)
    if parameter is not None:
        return f"(?P<{parameter[1]}>[^/]+)", 1
    if "{" in segment or "}" in segment:
        raise SettingError(
            f"the route {template!r} has the segment {segment!r}, which the local host does not"
            " support"
        )
    return f"(?i:{re.escape(segment)})", 0
