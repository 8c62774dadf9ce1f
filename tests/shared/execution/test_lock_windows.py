"""The rules of a lock window and of its ledger, as the store keeps them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared import clock
from shared.execution.lock_window.ledger import LockLedger, OpenLock
from shared.execution.lock_window.windows import (
    CLOSING,
    GATHERING,
    OPEN,
    LockWindows,
    Member,
    Window,
)
from shared.facts import Lock
from shared.store.sqlite import SqliteStore

GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
NOW, SOON, LATER = (
    "2026-01-01T00:00:00.000000Z",
    "2026-01-01T00:01:00.000000Z",
    "2026-01-01T00:02:00.000000Z",
)
WINDOW = Window(GROUP, "leader", OPEN, NOW, SOON, LATER, (Member("leader", ("c1",)),))
LOCK = Lock(
    f"{GROUP}/providers/Microsoft.Authorization/locks/keep", "keep", "CanNotDelete", "why", ()
)
ENTRY = OpenLock(LOCK, GROUP, "first", "vm", "c1", SOON)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path / "store.db")
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("state", "now", "may"),
    [
        (GATHERING, NOW, True),
        (GATHERING, LATER, True),
        (OPEN, NOW, True),
        (OPEN, SOON, False),
        (OPEN, LATER, False),
        (CLOSING, NOW, False),
        (CLOSING, LATER, False),
    ],
)
def test_who_may_join(monkeypatch: pytest.MonkeyPatch, state: str, now: str, may: bool) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)
    assert replace(WINDOW, state=state).may_join() is may


async def test_one_window_a_group_and_no_move_over_what_another_wrote(store: SqliteStore) -> None:
    windows = LockWindows(store)
    held = await windows.open(replace(WINDOW, state=GATHERING))
    assert held is not None
    assert await windows.open(replace(WINDOW, group_id=GROUP.upper(), leader="another")) is None
    joined = await windows.join(held, Member("second", ("c2",)))
    assert joined is not None
    assert await windows.move(held, replace(held.window, state=OPEN)) is None, (
        "somebody joined since it was read"
    )
    assert not await windows.end(held)
    assert await windows.end(joined)
    assert await windows.all() == []


async def test_the_ledger_keeps_the_first_body_and_one_settles_it(store: SqliteStore) -> None:
    ledger = LockLedger(store)
    assert await ledger.record(ENTRY) == ENTRY
    again = replace(
        ENTRY, lock=replace(LOCK, id=LOCK.id.upper(), notes="changed since"), incident_id="second"
    )
    assert await ledger.record(again) == ENTRY
    assert await ledger.open_locks(GROUP.upper()) == [ENTRY]
    assert await ledger.open_locks(GROUP + "2") == []
    assert [await ledger.mark_back(ENTRY), await ledger.mark_back(ENTRY)] == [True, False]
    await ledger.settle(ENTRY)
    assert await ledger.open_locks() == []
    assert not await ledger.mark_back(ENTRY)


async def test_a_failed_attempt_is_counted_and_does_not_undo_that_it_is_back(
    store: SqliteStore,
) -> None:
    ledger = LockLedger(store)
    await ledger.record(ENTRY)
    first = await ledger.count_failure(ENTRY, "403")
    assert (first.attempts, first.problem) == (1, "403")
    assert await ledger.open_locks() == [first]
    await ledger.mark_back(first)
    await ledger.count_failure(first, "403 again")
    (kept,) = await ledger.open_locks()
    assert kept.state == "back"
