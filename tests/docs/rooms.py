"""The table of rooms in ARCHITECTURE.md: lines of Python, and how many other rooms
import each room and are imported by it.

The tests import every room, so they do not count among those that import it.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import grimp

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("functions", "shared", "infra", "command_line", "local", "tests")
ROOMS_INSIDE = (
    "functions/pages",
    "shared/catalogue.py",
    "shared/diagnosis/checkers",
    "shared/execution/fixes",
    "shared/execution/lock_window",
    "infra/check",
)
A_ROOM_EACH = ("shared", "local")
"""Here each folder is a room, and the single files are one together."""
ORDER = (
    "functions",
    "shared/catalogue.py",
    "shared/*.py",
    "shared/events",
    "shared/intake",
    "shared/incident",
    "shared/diagnosis",
    "shared/plan",
    "shared/execution",
    "shared/verification",
    "shared/audit",
    "shared/store",
    "shared/azure",
    "infra",
    "command_line",
    "local/*.py",
    "local",
    "tests",
)
"""As a reader meets them; a room inside another follows it."""


def rooms() -> list[str]:
    """Every room of the tree, in the order of the table."""
    return sorted({room_of(path) for path in _files()}, key=lambda room: (_place(room), room))


def room_of(path: PurePosixPath) -> str:
    """`path`: a Python file, relative to the project."""
    for room in ROOMS_INSIDE:
        if path.is_relative_to(room):
            return room
    top = path.parts[0]
    if top not in A_ROOM_EACH:
        return top
    return f"{top}/{path.parts[1]}" if len(path.parts) > 2 else f"{top}/*.py"


def table() -> str:
    lines = dict.fromkeys(rooms(), 0)
    for path in _files():
        lines[room_of(path)] += len((ROOT / path).read_text(encoding="utf-8").splitlines())
    imports = room_imports()
    of_product = {(importer, imported) for importer, imported in imports if importer != "tests"}
    rows = [
        f"| `{room}` | {lines[room]:,} | {sum(imported == room for _, imported in of_product)}"
        f" | {sum(importer == room for importer, _ in imports)} |"
        for room in lines
    ]
    head = "| room | lines | rooms that import it | rooms that it imports |"
    return "\n".join([head, "|---|---:|---:|---:|", *rows])


def room_imports() -> set[tuple[str, str]]:
    """(importer, imported) for every two rooms with an import between them, also one
    inside a function."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    rooms_of = {module: room_of(_path_of(module)) for module in graph.modules}
    found = {
        (rooms_of[importer], rooms_of[imported])
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    }
    return {(one, other) for one, other in found if one != other}


def _files() -> list[PurePosixPath]:
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return [
        PurePosixPath(path.relative_to(ROOT).as_posix())
        for path in found
        if "node_modules" not in path.parts
    ]


def _path_of(module: str) -> PurePosixPath:
    path = PurePosixPath(*module.split("."))
    return path / "__init__.py" if (ROOT / path).is_dir() else path.with_suffix(".py")


def _place(room: str) -> int:
    places = [number for number, each in enumerate(ORDER) if f"{room}/".startswith(f"{each}/")]
    return max(places, default=len(ORDER))
