"""Scenarios: states with the event that starts them, and what the product is expected to make of them.

{"title", "description", "resources": [...], "event": {…}, "expect": {"status", "cause", "actions", "backup"}}.
`backup` is what becomes of a backup that is triggered in that state: Completed or an error code; null where there is no VM.
The files are made from the table in cases.py by `python -m simulator.scenarios.build`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from simulator.errors import SimulatorError

FOLDER = Path(__file__).parent


class ScenarioError(SimulatorError):
    """There is no such scenario, or its file cannot be read; the message lists what there is."""


def names() -> list[str]:
    """The scenarios that come with the simulator, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name_or_path: str) -> dict[str, Any]:
    """A scenario by name, or any JSON file of that form by path. Raises ScenarioError."""
    path = FOLDER / f"{name_or_path}.json" if name_or_path in names() else Path(name_or_path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScenarioError(f"{_reason(name_or_path, error)}. There are: {', '.join(names())}") from error
    if not isinstance(document, dict) or not isinstance(document.get("resources"), list):
        raise ScenarioError(f"{path} has no resources. There are: {', '.join(names())}")
    return document


def _reason(name: str, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"no scenario {name!r}"
    return f"scenario {name!r} cannot be read: {error}"
