"""Rows of the lock ledger: written by their owner alone, one by one, and none that
cannot be read is skipped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, override

import pytest

from shared import clock
from shared.codec import to_json
from shared.errors import RowChanged, RowExists, StoreUnavailable
from shared.execution.lock_window.ledger import LOCKS, PARTITION, Hand, LockLedger, Wrote, key_of
from shared.execution.lock_window.lock_row import SCHEMA, LockRow, LockState, count_in
from shared.execution.lock_window.strange_rows import StrangeRow
from shared.store.contract import Body, Row
from shared.store.sqlite import SqliteStore
from tests.shared.execution.rows import GROUP, LOCK, NOW, OWNER, SOON, lock_on, row


class FailingStore(SqliteStore):
    """Answers no write while `lost` is left; `stored`: it keeps what it was sent."""

    lost = 0
    stored = True
    silent: asyncio.Event | None = None
    """While it is not set, a write waits."""

    @override
    async def replace(self, row: Row, body: Body) -> Row:
        if self.silent is not None:
            await self.silent.wait()
        if self.lost and not self.stored:
            self.lost -= 1
            raise StoreUnavailable("no answer")
        made = await super().replace(row, body)
        if self.lost:
            self.lost -= 1
            raise StoreUnavailable("no answer")
        return made


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FailingStore]:
    made = FailingStore(tmp_path / "store.db")
    yield made
    await made.close()


def to_sent(found: LockRow) -> LockRow | None:
    return replace(found, state=LockState.SENT) if found.state is LockState.PLANNED else None


def returning(found: LockRow) -> LockRow:
    return replace(found, state=LockState.RETURNING)


async def only(ledger: LockLedger) -> LockRow:
    (hand,) = await ledger.hands()
    return hand.row


# -- Writing


async def test_a_row_is_inserted_once(store: FailingStore) -> None:
    ledger = LockLedger(store)
    await ledger.insert(row(LockState.PLANNED))
    with pytest.raises(RowExists):
        await ledger.insert(row(LockState.PLANNED, owner="another", lock=lock_on(GROUP.upper())))
    assert await only(ledger) == row(LockState.PLANNED)


async def test_each_window_has_a_row_of_its_own_for_a_lock(store: FailingStore) -> None:
    ledger = LockLedger(store)
    await ledger.insert(row(window_id="w2", deadline=SOON))
    await ledger.insert(row(window_id="w1", deadline=NOW))
    assert [each.window_id for each in await ledger.of_lock(LOCK.id.upper())] == ["w1", "w2"]
    assert await ledger.of_lock(f"{LOCK.id}2") == []


async def test_open_rows_are_those_that_are_not_settled(store: FailingStore) -> None:
    ledger = LockLedger(store)
    for state in LockState:
        await ledger.insert(row(state, window_id=state.value))
    states = {each.state for each in await ledger.open_locks(GROUP.upper())}
    assert states == set(LockState) - {LockState.SETTLED}
    assert await ledger.open_locks(f"{GROUP}2") == []
    assert len(await ledger.hands()) == len(LockState)


async def test_the_owner_writes_and_nobody_else(store: FailingStore) -> None:
    hand = await LockLedger(store).insert(row(LockState.PLANNED))
    assert await hand.write("another", to_sent) is Wrote.ANOTHERS
    assert await hand.write(OWNER, to_sent) is Wrote.STORED
    assert (hand.row.state, hand.row.writes) == (LockState.SENT, 1)
    assert await hand.write(OWNER, to_sent) is Wrote.ANOTHERS, "its state no longer allows it"
    assert await only(LockLedger(store)) == hand.row


async def test_who_was_taken_over_learns_it_by_its_own_write(store: FailingStore) -> None:
    ledger = LockLedger(store)
    hand = await ledger.insert(row(LockState.PLANNED))
    (taker,) = await ledger.hands()
    assert await taker.force(lambda each: replace(each, owner="taker")) is Wrote.STORED
    assert await hand.write(OWNER, to_sent) is Wrote.ANOTHERS
    assert (await only(ledger)).state is LockState.PLANNED


async def test_the_owner_writes_again_over_a_change_that_left_it_the_owner(
    store: FailingStore,
) -> None:
    ledger = LockLedger(store)
    hand = await ledger.insert(row(LockState.PLANNED))
    (other,) = await ledger.hands()
    await other.force(lambda each: replace(each, problem="noted"))
    assert await hand.write(OWNER, to_sent) is Wrote.STORED
    found = await only(ledger)
    assert (found.state, found.problem, found.writes) == (LockState.SENT, "noted", 2)


async def test_a_row_that_is_gone_is_another_s(store: FailingStore) -> None:
    ledger = LockLedger(store)
    hand = await ledger.insert(row(LockState.PLANNED))
    (other,) = await ledger.hands()
    assert await other.remove(OWNER, LockState.PLANNED)
    assert await hand.force(returning) is Wrote.ANOTHERS
    assert not await hand.read_again()
    assert await hand.insert_again(returning(hand.row)) is Wrote.STORED
    assert (await only(ledger)).state is LockState.RETURNING
    assert await hand.insert_again(hand.row) is Wrote.SILENT, "it is there: write it over"


@pytest.mark.parametrize("stored", [True, False])
async def test_a_write_without_an_answer_is_silent_and_the_next_one_finds_out(
    store: FailingStore, stored: bool
) -> None:
    hand = await LockLedger(store).insert(row(LockState.PLANNED))
    store.lost, store.stored = 1, stored
    assert await hand.write(OWNER, to_sent) is Wrote.SILENT
    assert hand.row.state is LockState.PLANNED
    assert (await only(LockLedger(store))).state is (
        LockState.SENT if stored else LockState.PLANNED
    )
    assert await hand.write(OWNER, returning) is Wrote.STORED
    assert (await only(LockLedger(store))).state is LockState.RETURNING
    assert hand.row.writes == (2 if stored else 1)


async def test_own_writes_that_cannot_be_told_apart_are_not_made_twice(
    store: FailingStore,
) -> None:
    """SENT is written from PLANNED only: with the answer lost, it counts as refused."""
    hand = await LockLedger(store).insert(row(LockState.PLANNED))
    store.lost = 1
    assert await hand.write(OWNER, to_sent) is Wrote.SILENT
    assert await hand.write(OWNER, to_sent) is Wrote.ANOTHERS
    assert hand.row.state is LockState.SENT


async def test_a_write_goes_on_past_its_time_and_the_next_one_waits_for_it(
    store: FailingStore,
) -> None:
    hand = await LockLedger(store).insert(row(LockState.PLANNED))
    store.silent = asyncio.Event()
    assert await hand.write(OWNER, to_sent, 0.01) is Wrote.SILENT
    assert await hand.write(OWNER, returning, 0.01) is Wrote.SILENT, "not begun: it waits"
    store.silent.set()
    assert await hand.write(OWNER, returning) is Wrote.STORED
    assert (hand.row.state, hand.row.writes) == (LockState.RETURNING, 2)


async def test_a_store_that_cannot_be_read_again_is_silent(
    store: FailingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = LockLedger(store)
    hand = await ledger.insert(row(LockState.PLANNED))
    (other,) = await ledger.hands()
    await other.force(lambda each: replace(each, owner="taker"))

    async def get(*_: Any) -> None:
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(store, "get", get)
    assert await hand.write(OWNER, to_sent) is Wrote.SILENT


@pytest.mark.parametrize(
    ("owner", "state", "removed"),
    [
        (OWNER, LockState.PLANNED, True),
        ("another", LockState.PLANNED, False),
        (OWNER, LockState.SENT, False),
    ],
)
async def test_a_row_is_taken_away_by_its_owner_in_the_state_it_names(
    store: FailingStore, owner: str, state: LockState, removed: bool
) -> None:
    ledger = LockLedger(store)
    hand = await ledger.insert(row(state))
    assert await hand.remove(owner, LockState.PLANNED) is removed
    assert bool(await ledger.hands()) is not removed


async def test_a_row_that_became_another_s_is_not_taken_away(store: FailingStore) -> None:
    ledger = LockLedger(store)
    hand = await ledger.insert(row(LockState.PLANNED))
    (other,) = await ledger.hands()
    await other.force(lambda each: replace(each, owner="taker"))
    assert not await hand.remove(OWNER, LockState.PLANNED)
    assert (await only(ledger)).owner == "taker"


# -- What cannot be read


def broken(name: str) -> Body:
    body: dict[str, Any] = to_json(row())
    return {
        "of another version": body | {"schema": SCHEMA + 1},
        "without a version": {key: each for key, each in body.items() if key != "schema"},
        "without its lock": body | {"lock": None},
        "with half of its lock": body | {"lock": {"id": LOCK.id}},
        "in no state": body | {"state": "lost"},
        "with a text for a number": body | {"epoch": "first"},
        "with a time that is none": body | {"noted_at": "soon"},
        "watched, without its end": body | {"state": "watched", "watch_since": NOW},
        "settled, nobody knows when": body | {"state": "settled"},
        "without a deadline": body | {"deadline": ""},
        "settled, of another version": body | {"schema": 2, "state": "settled"},
        "planned, of another version": body | {"schema": 2, "state": "planned"},
        "nothing of a row": {"schema": "x", "group_id": 7, "incident_id": None},
        "empty": {},
    }[name]


BROKEN: dict[str, tuple[bool, bool]] = {
    "of another version": (True, True),
    "without a version": (True, True),
    "without its lock": (False, True),
    "with half of its lock": (False, True),
    "in no state": (True, True),
    "with a text for a number": (True, True),
    "with a time that is none": (True, True),
    "watched, without its end": (True, True),
    "settled, nobody knows when": (True, False),
    "without a deadline": (True, True),
    "settled, of another version": (True, False),
    "planned, of another version": (True, False),
    "nothing of a row": (False, True),
    "empty": (False, True),
}
"""Whether its body is known, and whether its lock may be off."""


@pytest.mark.parametrize("name", BROKEN)
async def test_a_row_that_cannot_be_read_is_found_beside_the_others(
    store: FailingStore, name: str
) -> None:
    ledger = LockLedger(store)
    await store.insert(LOCKS, PARTITION, "a", broken(name))
    await ledger.insert(row())
    await store.insert(LOCKS, PARTITION, "zz", broken(name))
    assert [type(each) for each in [each async for each in ledger.read()]] == [
        StrangeRow,
        Hand,
        StrangeRow,
    ]
    assert await ledger.open_locks() == [row()], "the row that can be read"
    first, _ = await ledger.strange()
    assert (first.lock is not None, first.may_be_off) == BROKEN[name]
    assert first.lock in (None, LOCK)
    assert first.reason
    assert first.name == f"{LOCKS}/{PARTITION}/a"
    assert first.group_id in (GROUP, "") and isinstance(first.incident_id, str)


async def test_it_is_no_row_to_write(store: FailingStore) -> None:
    ledger = LockLedger(store)
    hand = await ledger.insert(row())
    (place,) = [each async for each in store.query(LOCKS)]
    await store.replace(place, broken("of another version"))
    assert await hand.force(returning) is Wrote.ANOTHERS
    assert not await hand.read_again()
    (found,) = await ledger.strange()
    assert found.place.body == broken("of another version")


async def test_exactly_the_row_that_was_read_is_forgotten(store: FailingStore) -> None:
    ledger = LockLedger(store)
    await store.insert(LOCKS, PARTITION, "a", broken("empty"))
    (found,) = await ledger.strange()
    written = await store.replace(found.place, {"more": 1})
    with pytest.raises(RowChanged):
        await ledger.forget(found)
    await ledger.forget(replace(found, place=written))
    assert await ledger.strange() == []


# -- What a row says of itself

ROWS: dict[str, tuple[LockRow, bool, bool]] = {
    "off": (row(), False, False),
    "off, and not back": (row(problem="403"), True, True),
    "returning": (row(LockState.RETURNING), False, False),
    "a person is needed": (row(LockState.NEEDS_PERSON), True, True),
    "watched": (row(LockState.WATCHED), False, False),
    "watched, and absent": (row(LockState.WATCHED, problem="403"), True, True),
    "settled": (row(LockState.SETTLED), False, False),
    "settled, of an old problem": (row(LockState.SETTLED, problem="403"), False, False),
    "settled, and missing": (row(LockState.SETTLED, missing_since=NOW), False, True),
}


@pytest.mark.parametrize("name", ROWS)
def test_who_is_needed(name: str) -> None:
    found, red, needs_somebody = ROWS[name]
    assert (found.red, found.needs_somebody) == (red, needs_somebody)


def test_the_body_that_is_put_back_is_the_last_one_on_record() -> None:
    other = replace(LOCK, notes="a person's")
    assert (row().body, row(noted=other).body) == (LOCK, other)


@pytest.mark.parametrize(
    ("noted_at", "young"), [("", False), (NOW, True), ("2025-12-31T23:59:00.000000Z", False)]
)
def test_a_body_is_young_while_a_read_may_be_older(
    monkeypatch: pytest.MonkeyPatch, noted_at: str, young: bool
) -> None:
    monkeypatch.setattr(clock, "now", lambda: "2026-01-01T00:00:30.000000Z")
    assert row(noted_at=noted_at).is_young(60) is young


COUNTED: dict[str, tuple[Callable[[], tuple[Any, ...]], str, int]] = {
    "off": (lambda: ((), [row()]), GROUP, 1),
    "off, and below": (lambda: ((), [row()]), f"{GROUP}/providers/P/t/n", 1),
    "seen and in a row": (lambda: ([LOCK], [row(lock=lock_on(GROUP.upper()))]), GROUP, 1),
    "in rows of two windows": (lambda: ((), [row(), row(window_id="w2")]), GROUP, 1),
    "of another group": (lambda: ((), [row()]), f"{GROUP}2", 0),
    "of a resource in the group": (
        lambda: ((), [row(lock=lock_on(f"{GROUP}/providers/P/t/n"))]),
        GROUP,
        0,
    ),
}


@pytest.mark.parametrize("name", COUNTED)
def test_a_lock_that_is_off_because_of_us_counts_as_on(name: str) -> None:
    given, scope, count = COUNTED[name]
    assert len(count_in(*given(), scope)) == count


def test_what_azure_shows_goes_before_what_was_planned() -> None:
    changed = replace(LOCK, notes="changed since")
    assert count_in([changed], [row()], GROUP) == (changed,)


def test_keys_differ_by_window_and_lock() -> None:
    keys = {key_of(row(window_id=w, lock=lock_on(name=n))) for w in "ab" for n in "cd"}
    assert len(keys) == 4
