"""The lock protocol holds within the bounds, each simplification breaks, and the page
says so. `python -m tests.model` explores more.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.model import first_design, simplifications
from tests.model.__main__ import main
from tests.model.cases import BETTER, CASES, HOLDS, NOT_PROMISED, SIMPLER, Case
from tests.model.explore import Result, count_restless, explore
from tests.model.page import END, START, tell_breaking, tell_holding, write_tables
from tests.model.protocol import Protocol
from tests.model.simplifications import Believe204, IdenticalIsDone
from tests.model.state import Bounds, Times

REMEDY = "run: python -m tests.model --write docs/lock-protocol.md"
PAGE = Path(__file__).resolve().parents[2] / "docs/lock-protocol.md"


def list_quick(cases: tuple[Case, ...]) -> list[object]:
    return [pytest.param(case, id=case.name) for case in cases if not case.deep]


def is_on_page(row: str) -> bool:
    return row in PAGE.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("case", list_quick(HOLDS))
def test_every_invariant_holds(case: Case) -> None:
    result = explore(case.protocol(), case.bounds)
    assert not result.broken, "\n".join(result.history)
    assert is_on_page(tell_holding(case, result)), REMEDY


@pytest.mark.parametrize("case", list_quick(SIMPLER + BETTER + NOT_PROMISED))
def test_what_is_left_out_is_missed(case: Case) -> None:
    result = explore(case.protocol(), case.bounds)
    assert result.broken == case.broken
    assert is_on_page(tell_breaking(case, result)), REMEDY


@pytest.mark.parametrize(
    "bounds",
    [
        Bounds(faults=1, acts=1),
        Bounds(freezes=1),
        Bounds(faults=1, locks=2),
        Bounds(faults=1, windows=2),
        Bounds(faults=1, second=True),
    ],
)
def test_every_history_can_come_to_rest(bounds: Bounds) -> None:
    assert count_restless(Protocol(), bounds) == 0


def test_each_protocol_that_breaks_is_explored() -> None:
    """But `Believe204` and `SecondLiftsToo`, which lose a lock only together."""
    written = {
        each
        for module in (simplifications, first_design)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Protocol) and each is not Protocol
    }
    explored = {case.protocol for case in CASES}
    assert {each.__name__ for each in written - explored} == {"Believe204", "SecondLiftsToo"}


def test_a_204_that_is_believed_is_made_up_for_by_the_other_rules() -> None:
    assert not explore(Believe204(), Bounds(faults=2)).broken


def test_the_history_of_what_breaks_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    """C1: no fault, one GET that is too old."""
    assert main(["--only", "IdenticalIsDone-0-0-0-1-1-0"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()[-4:]]
    assert lines == [
        "ARM: DELETE of the owner lands, answered 200",
        "owner: DELETE: 200, OFF stored",
        "owner: RETURNING stored",
        "owner: reads it identical, SETTLED",
    ]


def test_the_watch_is_as_short_as_it_may_be() -> None:
    """Q ≥ L + R + one write: one tick less loses a lock, whatever L and R are."""

    class Enough(Protocol):
        times = Times(late=2, stale=1, watch=4)

    class TooShort(Protocol):
        times = Times(late=2, stale=1, watch=3)

    assert not explore(Enough(), Bounds(faults=2)).broken
    assert explore(TooShort(), Bounds(faults=1)).broken == "a lock that we took off is not back"


def test_the_command_fails_where_a_case_ends_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(IdenticalIsDone, Bounds())
    monkeypatch.setattr("tests.model.__main__.CASES", (case,))
    assert main([]) == 1


def test_the_tables_are_written_between_their_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{START}\nold\n{END}\nafter\n", encoding="utf-8")
    write_tables(page, "new")
    assert page.read_text(encoding="utf-8") == f"before\n{START}\nnew\n{END}\nafter\n"
    assert tell_breaking(Case(IdenticalIsDone, Bounds()), Result()).count("|") == 7
