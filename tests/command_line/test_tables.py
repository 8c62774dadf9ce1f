"""What a person copies out of a table stands in it whole, at any usual width."""

from __future__ import annotations

import io

import pytest
from click.testing import CliRunner
from rich.console import Console

from command_line import console
from command_line.main import remediator
from local import scenarios


@pytest.mark.parametrize("width", [console.WIDTH_ELSEWHERE, 80])
def test_every_scenario_is_listed_by_its_whole_name(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "WIDTH_ELSEWHERE", width)
    result = CliRunner().invoke(remediator, ["scenarios"])
    assert result.exit_code == 0 and "…" not in result.output
    listed = [line.split("│")[1].strip() for line in result.output.splitlines() if "│" in line]
    assert [name for name in listed if name] == scenarios.names()


@pytest.mark.parametrize("width", [150, 80, 40])
def test_nothing_of_a_row_is_cut_off(width: int) -> None:
    table = console.make_table("Id", "What", "Result")
    words = ("20260131T020501-11111111", "x" * 90, "a sentence of some words")
    table.add_row(*words)
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    assert words[0] in out.getvalue() and "…" not in out.getvalue()
    assert out.getvalue().count("x") == 90
