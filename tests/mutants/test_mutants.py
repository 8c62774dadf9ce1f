"""The tool finds anchors wherever they move, refuses what it cannot plant, and tells
noticed from survived. `make mutants` runs the table.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants.__main__ import END, ROOT, START, control, misplaced, said, table, write
from tests.mutants.plant import Mutant, NotPlanted, Sources
from tests.mutants.table import MUTANTS
from tests.mutants.trial import Copy

CODE = '''
def over(limit, found):
    """Whether found is over the limit."""
    return found > limit


class Guard:
    def asks(self, mode):
        if mode == "auto":
            return True
        return False
'''
TESTS = """
import pytest
from shared.rules.guards import Guard, over

def test_over():
    assert not over(1, 1)

def test_weak():
    assert over(1, 3)

@pytest.mark.parametrize("mode", ["auto"])
def test_asks(mode):
    assert Guard().asks(mode)

def test_skipped():
    pytest.skip("not here")
"""
OVER = Mutant(
    "off by one", "over", "found > limit", "found >= limit", ("tests/test_guards.py::test_over",)
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    files = {"shared/rules/guards.py": CODE, "tests/test_guards.py": TESTS}
    files |= {
        f"{room}/__init__.py": "" for room in ("shared", "shared/rules", "functions", "tests")
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_every_bug_of_the_table_can_be_planted() -> None:
    assert misplaced(ROOT, MUTANTS) == []
    assert len(MUTANTS) >= 40


def test_a_function_that_moves_keeps_its_mutants(tree: Path) -> None:
    (tree / "shared/rules/guards.py").rename(tree / "functions/elsewhere.py")
    planted = Sources(tree).plant(OVER)
    assert planted.path == Path("functions/elsewhere.py")
    assert planted.text == CODE.replace("found > limit", "found >= limit")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"where": "under"}, "found 0 times"),
        ({"where": "Guard.over"}, "found 0 times"),
        ({"where": "elsewhere:over"}, "found 0 times"),
        ({"fragment": "found < limit"}, "has 0 times"),
        ({"fragment": "limit"}, "has 3 times"),
        ({"replacement": "found > (limit)"}, "changes nothing"),
        ({"replacement": "found >"}, "no Python"),
    ],
)
def test_what_cannot_be_planted_says_why(tree: Path, changed: dict[str, str], told: str) -> None:
    with pytest.raises(NotPlanted, match=f"off by one.*{told}"):
        Sources(tree).plant(replace(OVER, **changed))


def test_a_name_in_two_files_needs_the_file_s_name(tree: Path) -> None:
    (tree / "functions/copied.py").write_text(CODE)
    with pytest.raises(
        NotPlanted, match="found 2 times: functions/copied.py, shared/rules/guards.py"
    ):
        Sources(tree).plant(OVER)
    assert Sources(tree).plant(replace(OVER, where="copied:over")).path == Path(
        "functions/copied.py"
    )


def test_a_table_that_cannot_be_right_is_told(tree: Path) -> None:
    nothing = replace(OVER, name="without tests", tests=())
    gone = replace(
        OVER, name="gone", tests=("tests/test_guards.py::test_gone[x]", "tests/none.py::test_x")
    )
    assert misplaced(tree, [OVER, OVER, nothing, gone]) == [
        "off by one: the name is there twice",
        "without tests: no test is named",
        "gone: there is no tests/test_guards.py::test_gone[x]",
        "gone: there is no tests/none.py::test_x",
    ]


def test_a_bug_is_noticed_survives_or_has_no_verdict(tree: Path, tmp_path: Path) -> None:
    weak = replace(OVER, name="weak", tests=("tests/test_guards.py::test_weak",))
    mode = Mutant("mode", "Guard.asks", '"auto"', '"observe"', ("tests/test_guards.py::test_asks",))
    copy = Copy(tree, tmp_path / "copy")
    found = {mutant.name: copy.trial(mutant) for mutant in (OVER, weak, mode)}
    assert {name: each.noticed_by for name, each in found.items()} == {
        "off by one": "tests/test_guards.py::test_over",
        "weak": "",
        "mode": "tests/test_guards.py::test_asks[auto]",
    }
    assert [name for name, each in found.items() if each.survived] == ["weak"]
    assert "SURVIVED weak" in said(found["weak"])
    assert "3 planted, 2 noticed" in table(list(found.values()))
    for changed in (
        {"tests": ("tests/test_guards.py::test_none",)},
        {"tests": ("tests/test_guards.py::test_over", "--bogus")},
    ):
        verdict = copy.trial(replace(OVER, **changed))
        assert verdict.problem and not verdict.noticed_by and not verdict.survived
    assert (
        (tree / "shared/rules/guards.py").read_text()
        == (tmp_path / "copy/shared/rules/guards.py").read_text()
        == CODE
    )


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("test_asks", ""),
        ("test_asks[auto]", ""),
        ("test_asks[other]", "not found"),
        ("test_skipped", "did not run"),
        ("test_broken", "test_broken"),
    ],
)
def test_tests_that_prove_nothing_are_told(
    tree: Path, tmp_path: Path, test: str, told: str
) -> None:
    path = tree / "tests/test_guards.py"
    path.write_text(f"{TESTS}\n\ndef test_broken():\n    assert False\n")
    problem = control(
        [Copy(tree, tmp_path / "copy")], [replace(OVER, tests=(f"tests/test_guards.py::{test}",))]
    )
    assert told in problem
    assert bool(problem) == bool(told)


def test_the_table_goes_between_its_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{START}\nold\n{END}\nafter\n")
    write(page, "new")
    assert page.read_text() == f"before\n{START}\nnew\n{END}\nafter\n"
