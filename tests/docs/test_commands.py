"""What `make` runs beside the tests: each command loads, so that no renaming breaks it
unseen."""

from __future__ import annotations

import importlib

import pytest

from tests.docs.test_docs import ROOT

COMMANDS = (
    "tests.browser.bench_pages",
    "tests.cli.__main__",
    "tests.docs.tables",
    "tests.faults.bench_deaths",
    "tests.faults.bench_heartbeats",
    "tests.faults.bench_histories",
    "tests.faults.bench_windows",
    "tests.faults.matrix",
    "tests.model.__main__",
    "tests.mutants.__main__",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_it_loads(command: str) -> None:
    assert importlib.import_module(command).main


def test_each_is_called_by_make() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    called = [name for name in COMMANDS if name.removesuffix(".__main__") in makefile]
    assert called == list(COMMANDS)
