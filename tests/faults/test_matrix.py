"""The quick part of the fault matrix; `make faults` runs the whole and writes
docs/reliability.md."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults import matrix
from tests.faults.harsh import HARSH_COLUMNS
from tests.faults.strikes import STRIKES

pytestmark = pytest.mark.timeout(600)  # one test of many cells, slow where others run as well


def test_every_fortieth_cell_keeps_every_promise() -> None:
    everything = asyncio.run(matrix.everything())
    assert len(everything) > 700
    assert len({cell.name for cell in everything}) == len(everything)
    results = matrix.run_cells(everything[:: matrix.STEP], jobs=1, progress=False)
    broken = {
        result.name: (problem, matrix.repeat(result))
        for result in results
        if (problem := matrix.wrong(result))
    }
    assert broken == {}


def test_each_harsh_column_has_cells_around_every_write_of_a_lock() -> None:
    everything = asyncio.run(matrix.everything())
    harsh = [cell for cell in everything if cell.column in HARSH_COLUMNS]
    assert {cell.column for cell in harsh} == set(HARSH_COLUMNS)
    assert {fault.kind for cell in harsh for fault in cell.faults.values()} <= set(STRIKES)
    at = {cell.place[0] for cell in harsh if isinstance(cell.place, tuple)}
    assert at >= {"before ARM DELETE locks", "before ARM PUT locks", "before ARM GET locks"}
    assert at >= {"activity carry_out_unit", "activity start_backup"}


def test_a_failure_says_how_to_repeat_it() -> None:
    result = matrix.Judged("a name", "frozen", True, (), {}, "", 0.0)
    assert "matrix --cell 'a name'" in matrix.repeat(result)


def test_the_numbers_replace_those_of_before(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- matrix -->\nold\n<!-- /matrix -->\nafter\n")
    for numbers in ("first", "second"):
        matrix.write(page, numbers)
    assert page.read_text() == "before\n<!-- matrix -->\nsecond\n<!-- /matrix -->\nafter\n"
