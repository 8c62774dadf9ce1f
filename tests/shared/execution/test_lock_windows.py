"""Who has a lock window: one owner at a time, known by its conditional heartbeat, and
nobody writes over what another one wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared import clock
from shared.execution.lock_window.gathering import Gathering
from shared.execution.lock_window.windows import (
    CLOSING,
    GATHERING,
    OPEN,
    Beat,
    Held,
    LockWindows,
    Member,
    is_of,
)
from shared.incident.book import IncidentBook
from shared.store.sqlite import SqliteStore
from tests.shared.execution.rows import GROUP, LATER, NOW, OWNER, SOON, window


@pytest.fixture
async def windows(tmp_path: Path) -> AsyncIterator[LockWindows]:
    store = SqliteStore(tmp_path / "store.db")
    yield LockWindows(store)
    await store.close()


async def opened(windows: LockWindows, state: str = OPEN) -> tuple[Held, Beat]:
    found = await windows.open(window(state))
    assert found is not None
    return found


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
    assert window(state).may_join() is may


async def test_one_window_a_group_and_no_move_over_what_another_wrote(
    windows: LockWindows,
) -> None:
    held, _ = await opened(windows, GATHERING)
    assert await windows.open(window(group_id=GROUP.upper(), id="w2", token="another")) is None
    joined = await windows.join(held, Member("second", ("c2",)))
    assert joined is not None
    assert await windows.move(held, replace(held.window, state=OPEN)) is None, (
        "somebody joined since it was read"
    )
    (found,) = await windows.all()
    assert found.window == joined.window, "with the heartbeat beside it, which is no window"


async def test_a_window_is_ended_by_its_owner_with_its_heartbeat(windows: LockWindows) -> None:
    held, _ = await opened(windows)
    assert not await windows.end(replace(held.window, token="another"))
    assert not await windows.end(replace(held.window, id="an older one"))
    assert await windows.end(held.window)
    assert (await windows.all(), await windows.heartbeat(GROUP)) == ([], None)
    assert not await windows.end(held.window), "it is gone"
    assert await windows.open(window(id="w2")) is not None


async def test_a_window_that_somebody_joins_just_now_is_not_ended(
    windows: LockWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, _ = await opened(windows)
    read = windows.get

    async def read_before_somebody_joins(group_id: str) -> Held | None:
        found = await read(group_id)
        assert found is not None
        assert await windows.join(found, Member("second", ("c2",))) is not None
        return found

    monkeypatch.setattr(windows, "get", read_before_somebody_joins)
    assert not await windows.end(held.window)
    (found,) = await windows.all()
    assert len(found.window.members) == 2


async def test_each_heartbeat_follows_the_last_one(windows: LockWindows) -> None:
    _, first = await opened(windows)
    second = await windows.beat(first)
    assert second is not None
    assert [first.heartbeat.count, second.heartbeat.count] == [1, 2]
    assert await windows.beat(first) is None, "not over what was written since"
    found = await windows.heartbeat(GROUP)
    assert found is not None and found.heartbeat == second.heartbeat


async def test_who_joins_does_not_compete_with_the_heartbeat(windows: LockWindows) -> None:
    held, beat = await opened(windows, GATHERING)
    assert await windows.join(held, Member("second", ("c2",))) is not None
    assert await windows.beat(beat) is not None


async def test_after_a_take_over_the_former_owner_writes_nothing(windows: LockWindows) -> None:
    held, beat = await opened(windows)
    taken = await windows.take_over(held, beat, "taker")
    assert taken is not None
    assert (taken[0].window.state, taken[0].window.epoch) == (CLOSING, 2)
    assert is_of(taken[0], "w1", "taker") and not is_of(taken[0], "w1", OWNER)
    assert await windows.beat(beat) is None
    assert await windows.move(held, replace(held.window, state=CLOSING)) is None
    assert not await windows.end(held.window)
    assert await windows.beat(taken[1]) is not None


async def test_an_owner_that_beats_is_not_taken_over(windows: LockWindows) -> None:
    held, seen = await opened(windows)
    beat = await windows.beat(seen)
    assert beat is not None
    assert await windows.take_over(held, seen, "taker") is None
    assert await windows.beat(beat) is not None, "nothing of the take-over was written"
    (found,) = await windows.all()
    assert found.window == held.window


async def test_a_window_that_was_written_since_is_not_taken_over(windows: LockWindows) -> None:
    held, beat = await opened(windows)
    await windows.move(held, replace(held.window, state=CLOSING))
    assert await windows.take_over(held, beat, "taker") is None
    assert await windows.beat(beat) is not None


async def test_of_two_takers_one_becomes_the_owner(windows: LockWindows) -> None:
    held, beat = await opened(windows)
    tokens = ("one", "other")
    taken = await asyncio.gather(*(windows.take_over(held, beat, each) for each in tokens))
    (winner,) = (each for each in taken if each is not None)
    (found,) = await windows.all()
    assert (found.window.token, found.window.epoch) == (winner[0].window.token, 2)


@pytest.mark.parametrize("taken", [True, False])
async def test_whoever_gathers_does_not_open_what_was_taken_over(
    windows: LockWindows, taken: bool
) -> None:
    """It was frozen while it gathered."""
    held, beat = await opened(windows, GATHERING)
    if taken:
        assert await windows.take_over(held, beat, "taker") is not None
    gathering = Gathering(IncidentBook(windows._store), windows, 0.0, 600.0)
    found = await gathering.open_window(held)
    now = await windows.get(GROUP)
    assert now is not None
    assert (found is None, now.window.state) == (taken, CLOSING if taken else OPEN)


async def test_a_window_without_a_heartbeat_is_taken_over_with_one(windows: LockWindows) -> None:
    held, beat = await opened(windows)
    await windows._store.delete(beat.row)
    taken = await windows.take_over(held, None, "taker")
    assert taken is not None and taken[1].heartbeat.token == "taker"
    assert await windows.take_over(held, None, "late") is None


def test_no_window_is_nobody_s() -> None:
    assert not is_of(None, "w1", OWNER)
