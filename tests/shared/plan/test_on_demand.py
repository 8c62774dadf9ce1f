"""The counter of on-demand backups: three a VM and UTC day, each counted once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared import clock
from shared.plan.on_demand import OnDemandBackups
from shared.store.sqlite import SqliteStore
from tests.shared.plan.test_deciding import VM

NEXT_DAY = "2026-01-02T00:00:00.000000Z"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path / "remediator.db")
    yield made
    await made.close()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.set, self.patch = "2026-01-01T10:00:00.000000Z", monkeypatch
        monkeypatch.setattr(clock, "now", lambda: self.set)


async def test_the_fourth_of_a_day_waits_for_the_next(store: SqliteStore, at: Clock) -> None:
    backups = OnDemandBackups(store, 3)
    for order in ("a", "b", "c"):
        assert await backups.find_turn(VM) == ""
        assert await backups.count(VM, order) == ""
    assert await backups.find_turn(VM.upper()) == NEXT_DAY
    assert await backups.count(VM, "d") == NEXT_DAY
    assert await backups.find_turn(VM + "0") == "", "another VM has its own"
    at.set = "2026-01-01T23:59:59.999999Z"
    assert await backups.find_turn(VM) == NEXT_DAY
    at.set = NEXT_DAY
    assert await backups.find_turn(VM) == ""
    assert await backups.count(VM, "d") == ""


@pytest.mark.usefixtures("at")
async def test_an_order_that_is_sent_again_counts_once(store: SqliteStore) -> None:
    backups = OnDemandBackups(store, 3)
    for order in ("a", "a", "b", "a", "b"):
        assert await backups.count(VM, order) == ""
    assert await backups.count(VM, "c") == ""
    assert [await backups.count(VM, order) for order in ("c", "b", "a")] == ["", "", ""]
    assert await backups.count(VM, "d") == NEXT_DAY


async def test_an_order_that_is_sent_on_two_days_counts_on_both(
    store: SqliteStore, at: Clock
) -> None:
    backups = OnDemandBackups(store, 1)
    assert await backups.count(VM, "a") == ""
    at.set = NEXT_DAY
    assert await backups.count(VM, "a") == ""
    assert await backups.count(VM, "b") != ""


@pytest.mark.usefixtures("at")
@pytest.mark.parametrize(
    ("per_day", "ordered", "free"),
    [(3, 0, True), (3, 1, True), (3, 2, False), (3, 3, False), (1, 0, True), (1, 1, False)],
)
async def test_a_second_try_leaves_one_for_the_backup_that_verifies_a_fix(
    store: SqliteStore, per_day: int, ordered: int, free: bool
) -> None:
    backups = OnDemandBackups(store, per_day)
    for number in range(ordered):
        await backups.count(VM, str(number))
    assert (await backups.find_turn(VM, leaves_one=True) == "") is free


@pytest.mark.usefixtures("at")
async def test_of_ten_at_once_three_are_allowed(store: SqliteStore) -> None:
    backups = OnDemandBackups(store, 3)
    answers = await asyncio.gather(*(backups.count(VM, str(number)) for number in range(10)))
    assert sorted(answers) == [""] * 3 + [NEXT_DAY] * 7
