"""Make the scenario files from the table in cases.py: `python -m simulator.scenarios.build`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from simulator import scenarios, validation
from simulator.scenarios import cases


def files() -> dict[str, str]:
    """Every scenario's file name and text. Raises StateError when a row describes a state that cannot be."""
    made = {}
    for case in cases.CASES:
        document = cases.document(case)
        validation.load(document)
        made[f"{case.name}.json"] = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    return made


def write(folder: Path = scenarios.FOLDER) -> list[str]:
    """Write all files, remove those that no row makes, and return the scenarios that were written, sorted."""
    made = files()
    for path in folder.glob("*.json"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(name.removesuffix(".json") for name in made)


if __name__ == "__main__":
    written = write()
    sys.stdout.write(f"{len(written)} scenarios in {scenarios.FOLDER}\n")
