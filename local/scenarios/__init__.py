"""Scenarios: states with the event that starts them, and what the product is expected
to make of them.

{"title", "description", "resources": [...], "event": {…}, "expect": {"status", "cause",
"actions", "backup"}}. `backup` is what becomes of a backup that is triggered in that
state: Completed or an error code; null where there is no VM. Those that come with the
simulator are the rows of the table in cases.py, put together when one is asked for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from local.scenarios import cases
from local.simulator.errors import SimulatorError

SHAPE: dict[str, tuple[type, str]] = {
    "title": (str, "text"),
    "resources": (list, "list"),
    "event": (dict, "object"),
    "expect": (dict, "object"),
}
"""What a scenario holds; a file that holds only resources is a state."""


class ScenarioError(SimulatorError):
    """There is no such scenario, or its file cannot be read; the message lists what
    there is."""


def names() -> list[str]:
    """The scenarios that come with the simulator, sorted."""
    return sorted(case.name for case in cases.CASES)


def load(name_or_path: str) -> dict[str, Any]:
    """A scenario by name, or a JSON file of that form, or of GET /_sim/state, by path.

    Raises ScenarioError.
    """
    case = next((each for each in cases.CASES if each.name == name_or_path), None)
    if case is not None:
        return cases.document(case)
    try:
        document = json.loads(Path(name_or_path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ScenarioError(
            f"{_reason(name_or_path, error)}. There are: {', '.join(names())}"
        ) from error
    if problem := _problem(document):
        raise ScenarioError(f"{name_or_path} {problem}. There are: {', '.join(names())}")
    return dict(document)


def load_whole(name_or_path: str) -> dict[str, Any]:
    """A scenario that can be run: with the event that starts it and what is expected.
    Raises ScenarioError."""
    document = load(name_or_path)
    if lacking := [name for name in ("title", "event", "expect") if name not in document]:
        raise ScenarioError(
            f"{name_or_path} has no {' and no '.join(lacking)}: a scenario has {', '.join(SHAPE)}"
        )
    return document


def _problem(document: Any) -> str:
    """What keeps the document from being a scenario or a state, or ""."""
    if not isinstance(document, dict) or not isinstance(document.get("resources"), list):
        return "has no resources"
    for name, (kind, word) in SHAPE.items():
        if name in document and not isinstance(document[name], kind):
            return f"has a {name} that is no {word}"
    expect = document.get("expect", {"status": ""})
    if not isinstance(expect.get("status"), str):
        return "expects no status"
    if not isinstance(expect.get("cause"), str | None):
        return "expects a cause that is no text"
    actions = expect.get("actions", [])
    if not isinstance(actions, list) or not all(isinstance(each, str) for each in actions):
        return "expects actions that are no list of texts"
    return ""


def _reason(name: str, error: OSError | ValueError | RecursionError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"no scenario {name!r}"
    return f"scenario {name!r} cannot be read: {error}"
