"""Scenarios: a state of Azure, the event that starts the product, and the end that is
expected.

{"title", "description", "resources": […], "event": {…}, "expect": {"status", "cause",
"actions", "backup"}}. `backup` is the result of a backup that is triggered in that
state: Completed or an error code, null when there is no VM. The built-in scenarios are
the rows of the table in cases.py; a document is built when it is loaded.
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
"""Fields of a scenario, with type and the word for it; a file with only resources is a
state."""


class ScenarioError(SimulatorError):
    """There is no such scenario, or its file cannot be read; the message lists the
    built-in ones."""


def names() -> list[str]:
    """The built-in scenarios, sorted."""
    return sorted(case.name for case in cases.CASES)


def load(name_or_path: str) -> dict[str, Any]:
    """A built-in scenario by its name, or a JSON file with a scenario or a state (as
    GET /_sim/state answers it) by its path. Raises ScenarioError."""
    for case in cases.CASES:
        if case.name == name_or_path:
            return cases.build_document(case)
    try:
        document = json.loads(Path(name_or_path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ScenarioError(
            f"{_explain(name_or_path, error)}. There are: {', '.join(names())}"
        ) from error
    if problem := _find_problem(document):
        raise ScenarioError(f"{name_or_path} {problem}. There are: {', '.join(names())}")
    return dict(document)


def load_whole(name_or_path: str) -> dict[str, Any]:
    """A scenario that can be run: it has an event and an expected end. Raises
    ScenarioError."""
    document = load(name_or_path)
    if missing := [name for name in ("title", "event", "expect") if name not in document]:
        raise ScenarioError(
            f"{name_or_path} has no {' and no '.join(missing)}: a scenario has {', '.join(SHAPE)}"
        )
    return document


def _find_problem(document: Any) -> str:
    """Why the document is neither a scenario nor a state; "" when it is one."""
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
    if not isinstance(actions, list) or not all(isinstance(action, str) for action in actions):
        return "expects actions that are no list of texts"
    return ""


def _explain(name: str, error: OSError | ValueError | RecursionError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"no scenario {name!r}"
    return f"scenario {name!r} cannot be read: {error}"
