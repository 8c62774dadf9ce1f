"""Plants one bug: finds its function by name, in whatever file it is, and replaces one
fragment of it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOMS = ("functions", "shared", "command_line")
"""Where bugs are planted: what is deployed, and what operators trust."""


class NotPlanted(Exception):
    """The anchor is not there exactly once, or the replacement changes nothing. Says
    which mutant and why.
    """


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    """What is wrong then, for a person."""
    where: str
    """`function` or `Class.method`; `module:function` where several files have that
    name.
    """
    fragment: str
    """Source text that the function has exactly once, whatever its line breaks."""
    replacement: str
    tests: tuple[str, ...]
    """pytest node ids. At least one of them has to fail."""


@dataclass(frozen=True, slots=True)
class Planted:
    path: Path
    """Relative to the root."""
    text: str
    """The whole file with the bug in it."""


@dataclass(frozen=True, slots=True)
class Function:
    path: Path
    first: int
    last: int
    """Line numbers, from 1, decorators included."""


class Sources:
    """The functions of a tree by qualified name, as on disk when it is made."""

    def __init__(self, root: Path) -> None:
        self._texts: dict[Path, str] = {}
        self._functions: dict[str, list[Function]] = {}
        for room in ROOMS:
            for path in sorted((root / room).rglob("*.py")):
                self._read(path, path.relative_to(root))

    def _read(self, path: Path, name: Path) -> None:
        self._texts[name] = path.read_text(encoding="utf-8")
        for qualified, node in _functions(ast.parse(self._texts[name])):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            function = Function(name, first, node.end_lineno or node.lineno)
            self._functions.setdefault(qualified, []).append(function)

    def plant(self, mutant: Mutant) -> Planted:
        """Raises NotPlanted."""
        function = self._find(mutant)
        lines = self._texts[function.path].splitlines(keepends=True)
        body = "".join(lines[function.first - 1 : function.last])
        spans = list(_spans(body, mutant.fragment))
        if len(spans) != 1:
            raise NotPlanted(
                f"{mutant.name}: {mutant.where} has {len(spans)} times {mutant.fragment!r}"
            )
        first, end = spans[0]
        changed = body[:first] + mutant.replacement.strip() + body[end:]
        text = "".join([*lines[: function.first - 1], changed, *lines[function.last :]])
        _check(mutant, self._texts[function.path], text)
        return Planted(function.path, text)

    def _find(self, mutant: Mutant) -> Function:
        module, _, qualified = mutant.where.rpartition(":")
        found = [
            each for each in self._functions.get(qualified, []) if module in ("", each.path.stem)
        ]
        if len(found) != 1:
            places = ", ".join(str(each.path) for each in found) or "nowhere"
            raise NotPlanted(f"{mutant.name}: {mutant.where} is found {len(found)} times: {places}")
        return found[0]


def _spans(body: str, fragment: str) -> Iterator[tuple[int, int]]:
    """Where the fragment stands in the body, white space aside: a formatter may break
    its lines anew."""
    places = [place for place, letter in enumerate(body) if not letter.isspace()]
    letters, wanted = "".join(body.split()), "".join(fragment.split())
    found = letters.find(wanted)
    while wanted and found >= 0:
        yield places[found], places[found + len(wanted) - 1] + 1
        found = letters.find(wanted, found + 1)


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Functions of the module and methods of its classes; one within another belongs to
    the outer one.
    """
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{each.name}", each


def _check(mutant: Mutant, before: str, after: str) -> None:
    try:
        changed = ast.dump(ast.parse(after)) != ast.dump(ast.parse(before))
    except SyntaxError as error:
        raise NotPlanted(f"{mutant.name}: the replacement is no Python: {error}") from error
    if not changed:
        raise NotPlanted(f"{mutant.name}: the replacement changes nothing")
