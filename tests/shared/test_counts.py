"""One thing is one thing, in whatever is told to people."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from shared.counts import count_of

ROOT = Path(__file__).resolve().parents[2]
COUNTED = (
    "lock|day|hour|incident|chain|event|subscription|vault|window|record|function|failed backup"
)


@pytest.mark.parametrize(
    ("number", "noun", "plural", "told"),
    [
        (0, "lock", "", "0 locks"),
        (1, "lock", "", "1 lock"),
        (2, "lock", "", "2 locks"),
        (1, "entry", "entries", "1 entry"),
        (1_200, "entry", "entries", "1,200 entries"),
    ],
)
def test_a_number_with_its_noun(number: int, noun: str, plural: str, told: str) -> None:
    assert count_of(number, noun, plural) == told


def counted(path: Path) -> set[str]:
    """Nouns in the plural right behind a value of an f-string that is no constant."""
    found = set()
    for text in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(text, ast.JoinedStr):
            continue
        for value, after in zip(text.values, text.values[1:], strict=False):
            if not isinstance(value, ast.FormattedValue) or not isinstance(after, ast.Constant):
                continue
            noun = re.match(rf" ((?:{COUNTED})s)\b", str(after.value))
            if noun and not ast.unparse(value.value).isupper():
                found.add(noun[1])
    return found


@pytest.mark.parametrize("room", ["shared", "functions", "command_line"])
def test_no_count_has_its_noun_in_the_plural_always(room: str) -> None:
    for path in sorted((ROOT / room).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        left = counted(path)
        assert not left, f"{name}: {left}: use count_of"
