"""The quick part of the fault matrix; `make faults` runs the whole and writes
docs/reliability.md."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults import matrix

pytestmark = pytest.mark.timeout(600)  # one test of many cells, slow where others run as well


def test_every_sixteenth_cell_keeps_every_promise() -> None:
    everything = list(matrix.cells(asyncio.run(matrix.boundaries())))
    assert len(everything) > 500
    assert len({cell.name for cell in everything}) == len(everything)
    results = matrix.run_cells(everything[:: matrix.STEP], jobs=1, progress=False)
    broken = {
        result.name: (problem, matrix.repeat(result.name))
        for result in results
        if (problem := matrix.wrong(result))
    }
    assert broken == {}
