"""How results of intents and outcomes begin: the table in docs/audit-format.md against
what the code writes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.execution.lock_window import words
from shared.incident.outcome import Outcome

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/audit-format.md").read_text(encoding="utf-8")
SECTION = PAGE.split("## Results")[1].split("\nAn intent without")[0]
FIRST_CELLS = re.findall(r"^\| (`.*?) \|", SECTION, re.MULTILINE)
BEGINNINGS = [each for cell in FIRST_CELLS for each in re.findall(r"`([^`]+)`", cell)]
ROOMS = ("audit", "execution", "incident", "verification")
"""Those that write intents and outcomes."""
ARGUMENTS = {
    "intent": 4,
    "outcome": 3,
    "close_intents": 1,
    "_end_intent": 2,
    "_close_intent": 1,
    "_take_away": 1,
    "_settle": 0,
    "_end": 1,
}
"""Functions that write an intent or an outcome, and which argument is its result."""
NO_OUTCOMES = {words.DONE, words.PUT_BACK}
"""Of the words about locks: as they are, and what begins a note."""


def is_listed(result: str) -> bool:
    listed = (each.removesuffix("…") for each in BEGINNINGS)
    exact = {each for each in BEGINNINGS if not each.endswith("…")}
    return result in exact or any(result.startswith(each) for each in listed if each not in exact)


def texts_in(node: ast.expr, names: dict[str, ast.expr]) -> Iterator[str]:
    """How the text may begin: a constant, an f-string's first part, either end of a
    condition, or a name of those."""
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.JoinedStr(values=[ast.Constant(value=str() as text), *_]):
            yield text
        case ast.JoinedStr(values=[ast.FormattedValue(value=ast.Name(id=name)), *_]):
            yield from [getattr(words, name)] if hasattr(words, name) else []
        case ast.IfExp(body=body, orelse=orelse):
            yield from texts_in(body, names)
            yield from texts_in(orelse, names)
        case ast.Name(id=name) if name in names:
            yield from texts_in(names[name], {})
        case ast.Name(id=name) if isinstance(found := getattr(words, name, None), str):
            yield found
        case ast.Name(id="PROCESS_ENDED"):
            yield "not known: "


def written_results() -> Iterator[tuple[str, str]]:
    """Where it is written, and how it begins."""
    for path in sorted(each for room in ROOMS for each in (ROOT / "shared" / room).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            names = {
                target.id: node.value
                for node in ast.walk(function)
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                name = getattr(call.func, "attr", getattr(call.func, "id", ""))
                place = ARGUMENTS.get(name)
                if place is not None and len(call.args) > place:
                    for text in texts_in(call.args[place], names):
                        yield f"{path.name}: {function.name}", text


WRITTEN = sorted(set(written_results()))


def test_the_table_is_read() -> None:
    assert {"begun", "done", "failed: …", "not begun: …", "left off: …"} <= set(BEGINNINGS)
    assert len(WRITTEN) > 12


@pytest.mark.parametrize(("where", "result"), WRITTEN)
def test_each_result_that_is_written_begins_as_listed(where: str, result: str) -> None:
    assert is_listed(result), where


def test_each_word_about_a_lock_is_listed() -> None:
    found = {
        value for name, value in vars(words).items() if name.isupper() and isinstance(value, str)
    }
    assert len(found) > 6
    assert {each for each in found - NO_OUTCOMES if not is_listed(f"{each}: x")} == set()


def test_each_beginning_that_is_listed_is_written() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "shared").rglob("*.py"))
    of_steps = {f"{each}: …" for each in Outcome}
    for each in BEGINNINGS:
        assert each in of_steps or each.rstrip("… ").rstrip(":") in code, each


@pytest.mark.parametrize("result", ["", "begun now", "it failed", "put back: answered", "deleted"])
def test_another_beginning_is_not_listed(result: str) -> None:
    assert not is_listed(result)
