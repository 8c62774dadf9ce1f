"""The pages that show what `make bench` measured hold its numbers."""

from __future__ import annotations

import pytest

from tests.docs.tables import Table
from tests.faults import bench_deaths, bench_heartbeats
from tests.faults.bench_windows import FOLDER


@pytest.mark.parametrize(
    "table", [bench_deaths.TABLE, bench_heartbeats.TABLE], ids=lambda table: table.name
)
def test_the_table_of_the_manual_is_what_was_measured(table: Table) -> None:
    assert table.read() == table.make(), "run: make bench"


def test_the_page_is_what_was_measured() -> None:
    deaths = bench_deaths.describe(bench_deaths.read_found())
    beats = bench_heartbeats.describe(bench_heartbeats.read_found())
    assert (FOLDER / "deaths.md").read_text(encoding="utf-8") == deaths
    assert (FOLDER / "heartbeats.md").read_text(encoding="utf-8") == beats
