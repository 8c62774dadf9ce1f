"""Every KQL query that is shipped, printed or sent: the one place that knows where they
are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.scenarios import parts
from shared import arm_ids
from shared.azure import graph, log_queries

ROOT = Path(__file__).resolve().parents[2]
NOT_SHIPPED = {"tests", "node_modules", "__pycache__", "dist", "build"}
WORKBOOK = ROOT / "infra/workbook.json"
SENT = "shared/azure/log_queries.py"
ASKED = "shared/azure/graph.py"
"""Both build their queries, so these are taken as they are sent."""
_SINCE, _UNTIL = datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
_FENCED = re.compile(r"^```(?:kusto|kql)\n(.*?)\n```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)", re.MULTILINE)


def shipped() -> dict[str, str]:
    """Name (where it is, and its title there) to text."""
    return dict([*_of_pages(), *_of_files(), *_of_workbook(), *_sent()])


def files(*suffixes: str) -> list[Path]:
    """The project's files without its tests and without what set-up and runs make."""
    found = (
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not any(map(_made_or_tests, path.relative_to(ROOT).parts))
    )
    return sorted(path for path in found if not suffixes or path.suffix in suffixes)


def _made_or_tests(part: str) -> bool:
    return part in NOT_SHIPPED or part.startswith(".") or part.endswith(".egg-info")


def _of_pages() -> Iterator[tuple[str, str]]:
    for path in files(".md"):
        page = path.read_text(encoding="utf-8")
        for block in _FENCED.finditer(page):
            yield f"{_name(path)}: {_HEADING.findall(page[: block.start()])[-1]}", block[1]


def _of_files() -> Iterator[tuple[str, str]]:
    for path in files(".kql"):
        yield _name(path), path.read_text(encoding="utf-8")


def _of_workbook() -> Iterator[tuple[str, str]]:
    for holder in _holders(json.loads(WORKBOOK.read_text(encoding="utf-8"))):
        yield f"{_name(WORKBOOK)}: {holder['title']}", holder["query"]


def _holders(value: Any) -> Iterator[dict[str, Any]]:
    """Every object below `value` that has a query."""
    if isinstance(value, dict) and "query" in value:
        yield value
    for below in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from _holders(below)


def _sent() -> Iterator[tuple[str, str]]:
    for table in log_queries.TABLES:
        yield f"{SENT}: {table.name}", table.query(_SINCE, _UNTIL, 1000)
    vm = arm_ids.parse(parts.machine_id("rg-app", "vm1"))
    yield f"{SENT}: one VM", log_queries.build_vm_query(vm, _SINCE, _UNTIL, 200)
    yield f"{ASKED}: the collections of a VM", graph.build_query(vm)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
