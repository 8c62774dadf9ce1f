"""How much the app says by itself: log records and bytes of one repair, and of an hour
in which nothing happens."""

from __future__ import annotations

import importlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

import functions.guardian as guardian_shell
import functions.sweep as sweep_shell
from shared.audit import telemetry
from tests.faults.azure import locked_groups
from tests.faults.host import Client
from tests.faults.settings import PATIENT_ALONE
from tests.faults.world import PROCESS, World

pytestmark = pytest.mark.timeout(120)
REPAIR_RECORDS, REPAIR_BYTES = 30, 15_000
"""One of its own for each audit entry, and what the intake says."""
HOUR_RECORDS, HOUR_BYTES = 10, 1_000
OURS = ("root", telemetry.LOGGER)


class Kept(logging.Handler):
    """What the app says; the simulator speaks for Azure."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "simulator":
            self.records.append(record)

    @property
    def bytes(self) -> int:
        return sum(len(record.getMessage().encode()) for record in self.records)

    @property
    def by_logger(self) -> Counter[str]:
        return Counter(record.name for record in self.records)


@contextmanager
def as_in_the_worker() -> Iterator[Kept]:
    """The root logger at INFO with one handler, and the app loaded."""
    root, kept = logging.getLogger(), Kept()
    http, level = logging.getLogger(telemetry.HTTP_LOGGER), root.level
    before = http.level
    root.setLevel(logging.INFO)
    root.addHandler(kept)
    http.setLevel(logging.NOTSET)
    importlib.reload(importlib.import_module("function_app"))
    try:
        yield kept
    finally:
        root.removeHandler(kept)
        root.setLevel(level)
        http.setLevel(before)


@asynccontextmanager
async def one_group(folder: Path) -> AsyncIterator[tuple[World, SimpleNamespace]]:
    state, failures = locked_groups({"rg-one": 1})
    async with World(folder, environment=PATIENT_ALONE) as world:
        world.simulator.world.replace_state(state)
        yield world, SimpleNamespace(event=failures[0].event)


async def test_one_repair_says_what_it_did_and_no_more(tmp_path: Path) -> None:
    with as_in_the_worker() as kept:
        async with one_group(tmp_path) as (world, failure):
            await world.deliver(failure.event)
            await world.rest(1)
            entries = [entry async for entry in world.onlooker.audit.entries()]
            sent = len(world.simulator.world.requests)
    assert sent > REPAIR_RECORDS, "each of them would be two records"
    assert set(kept.by_logger) <= set(OURS), kept.by_logger
    assert kept.by_logger[telemetry.LOGGER] == len(entries)
    assert len(kept.records) <= REPAIR_RECORDS and kept.bytes <= REPAIR_BYTES, (
        len(kept.records),
        kept.bytes,
    )


async def test_an_idle_hour_says_almost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """60 rounds of the guardian and two sweeps."""
    monkeypatch.setattr(sweep_shell, "the_app", PROCESS.get)
    with as_in_the_worker() as kept:
        async with one_group(tmp_path) as (world, _):
            PROCESS.set(world.process)
            client = Client(world.host)
            for _ in range(60):
                await guardian_shell.guardian._function.get_user_function().client_function(
                    None, client
                )
            for _ in range(2):
                await sweep_shell.sweep._function.get_user_function().client_function(None, client)
    assert set(kept.by_logger) <= set(OURS), kept.by_logger
    assert len(kept.records) <= HOUR_RECORDS and kept.bytes <= HOUR_BYTES, [
        each.getMessage() for each in kept.records
    ]


async def test_without_it_the_dumps_would_be_there(tmp_path: Path) -> None:
    """So the count above is not of a handler that hears nothing."""
    with as_in_the_worker() as kept:
        logging.getLogger(telemetry.HTTP_LOGGER).setLevel(logging.NOTSET)
        async with one_group(tmp_path) as (world, failure):
            await world.deliver(failure.event)
            await world.rest(1)
    assert kept.by_logger[telemetry.HTTP_LOGGER] > REPAIR_RECORDS
