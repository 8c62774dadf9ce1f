"""The limit of changes an hour: counted when something acts, all places at once, oldest
first, over all instances."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared import clock
from shared.plan.limits import KEY, PARTITION, TABLE, ChangeLimiter, Ticket
from shared.store.sqlite import SqliteStore

T0 = "2026-01-01T00:00:00.000000Z"
PATIENCE = 600


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.time = T0

    def now(self) -> str:
        return self.time

    def later(self, seconds: float) -> None:
        self.time = clock.after(self.time, seconds)


@pytest.fixture
def turned(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(clock, "now", made.now)
    return made


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path / "remediator.db")
    yield made
    await made.close()


def ticket(name: str, places: int = 1, since: str = T0, cause: str = "c") -> Ticket:
    return Ticket(name, cause, places, since)


def at(seconds: float) -> str:
    return clock.after(T0, seconds)


async def test_places_are_free_again_an_hour_after_they_were_taken(
    store: SqliteStore, turned: Clock
) -> None:
    limiter = ChangeLimiter(store, 2, PATIENCE)
    assert await limiter.take(ticket("a")) == ""
    turned.later(60)
    assert await limiter.take(ticket("b", since=at(60))) == ""
    turned.later(60)
    assert await limiter.take(ticket("c", since=at(120))) == at(3600)
    turned.time = at(3600)
    assert await limiter.take(ticket("c", since=at(120))) == ""
    assert await limiter.take(ticket("d", since=at(3600))) == at(3660)


async def test_the_same_plan_is_counted_once_and_another_cause_anew(
    store: SqliteStore, turned: Clock
) -> None:
    limiter = ChangeLimiter(store, 2, PATIENCE)
    for _ in range(3):
        assert await limiter.take(ticket("a")) == ""
    assert await limiter.take(ticket("a", cause="another")) == ""
    assert await limiter.take(ticket("b")) == at(3600)
    turned.later(60)
    assert await limiter.take(ticket("a")) == "", (
        "an activity that is run again has its places already"
    )


@pytest.mark.parametrize(
    ("places", "limit", "ever"), [(1, 0, False), (1, 1, True), (3, 2, False), (2, 2, True)]
)
async def test_a_plan_that_can_never_have_its_places(
    store: SqliteStore, places: int, limit: int, ever: bool
) -> None:
    assert ChangeLimiter(store, limit, PATIENCE).could_ever_take(ticket("a", places)) is ever


async def test_all_places_or_none_and_nobody_overtakes_an_older_one(
    store: SqliteStore, turned: Clock
) -> None:
    limiter = ChangeLimiter(store, 3, PATIENCE)
    assert await limiter.take(ticket("first", 2)) == ""
    turned.later(60)
    assert await limiter.take(ticket("three", 3, at(60))) == at(3600)
    assert await limiter.take(ticket("one", 1, at(61))) != "", (
        "one place is free, and an older one waits for it"
    )
    turned.time = at(3599)
    await limiter.line_up(ticket("three", 3, at(60)))
    turned.time = at(3600)
    assert await limiter.take(ticket("one", 1, at(61))) == at(7200)
    assert await limiter.take(ticket("three", 3, at(60))) == ""
    assert await limiter.take(ticket("one", 1, at(61))) == at(7200)


async def test_it_is_the_one_that_has_waited_longest_whoever_asks_first(
    store: SqliteStore, turned: Clock
) -> None:
    limiter = ChangeLimiter(store, 1, PATIENCE)
    assert await limiter.take(ticket("first")) == ""
    for name, since in (("young", 20), ("old", 10)):
        assert await limiter.line_up(ticket(name, since=at(since))) != ""
    turned.time = at(3600)
    for name, since in (("young", 20), ("old", 10)):
        await limiter.line_up(ticket(name, since=at(since)))  # both are awake
    assert await limiter.take(ticket("new", since=at(3600))) != ""
    assert await limiter.take(ticket("young", since=at(20))) != ""
    assert await limiter.take(ticket("old", since=at(10))) == ""


async def test_who_died_in_line_holds_the_others_up_for_a_bounded_time(
    store: SqliteStore, turned: Clock
) -> None:
    limiter = ChangeLimiter(store, 1, PATIENCE)
    assert await limiter.take(ticket("first")) == ""
    assert await limiter.line_up(ticket("dead", since=at(1))) != ""
    turned.time = at(3600)
    assert await limiter.take(ticket("second", since=at(3600))) == "", (
        "an hour of silence is longer than the patience"
    )
    turned.later(1)
    assert await limiter.line_up(ticket("dead", since=at(1))) != "", (
        "it was not dead: back in line by its age"
    )
    turned.later(3600)
    await limiter.line_up(ticket("dead", since=at(1)))
    assert await limiter.take(ticket("third", since=at(3700))) != ""
    turned.later(PATIENCE + 1)
    assert await limiter.take(ticket("third", since=at(3700))) == ""


async def test_who_leaves_the_line_holds_nobody_up(store: SqliteStore, turned: Clock) -> None:
    limiter = ChangeLimiter(store, 1, PATIENCE)
    assert await limiter.take(ticket("first")) == ""
    turned.time = at(3599)
    await limiter.line_up(ticket("old", since=at(1)))
    await limiter.line_up(ticket("young", since=at(2)))
    await limiter.leave("old")
    turned.time = at(3600)
    assert await limiter.take(ticket("young", since=at(2))) == ""


async def test_a_plan_that_changed_nothing_gives_its_places_back(store: SqliteStore) -> None:
    limiter = ChangeLimiter(store, 2, PATIENCE)
    assert await limiter.take(ticket("a", 2)) == ""
    await limiter.give_back("a", "another cause")
    assert await limiter.take(ticket("b")) != ""
    await limiter.give_back("a", "c")
    await limiter.leave("b")
    assert await limiter.take(ticket("c", 2)) == ""


async def test_the_turn_is_expected_when_those_before_have_had_theirs(
    store: SqliteStore, turned: Clock
) -> None:
    limiter = ChangeLimiter(store, 2, PATIENCE)
    assert await limiter.take(ticket("a")) == ""
    turned.time = at(600)
    assert await limiter.take(ticket("b", since=at(600))) == ""
    expected = [await limiter.take(ticket(f"w{n}", since=at(600 + n))) for n in range(1, 6)]
    assert expected == [at(3600), at(4200), at(7200), at(7800), at(10800)]


async def test_a_limit_that_was_lowered_holds(store: SqliteStore, turned: Clock) -> None:
    for n in range(3):
        turned.time = at(n * 60)
        assert await ChangeLimiter(store, 3, PATIENCE).take(ticket(f"i{n}")) == ""
    assert await ChangeLimiter(store, 1, PATIENCE).take(ticket("next")) == at(120 + 3600)


@pytest.mark.usefixtures("turned")
async def test_a_row_of_an_earlier_version_still_counts(store: SqliteStore) -> None:
    await store.insert(TABLE, PARTITION, KEY, {"begun": {"i0/backup_extension": T0}})
    assert await ChangeLimiter(store, 1, PATIENCE).take(ticket("a")) == at(3600)


async def test_many_at_once_take_no_more_than_there_is(store: SqliteStore) -> None:
    limiters = [ChangeLimiter(store, 5, PATIENCE) for _ in range(4)]
    asked = (limiters[n % 4].take(ticket(f"i{n:02}", since=clock.now())) for n in range(20))
    answers = await asyncio.gather(*asked)
    assert answers.count("") <= 5
    row = await store.get(TABLE, PARTITION, KEY)
    assert row is not None and len(row.body["begun"]) == answers.count("")


async def test_a_night_of_300_failures_ends_within_its_hours(
    store: SqliteStore, turned: Clock
) -> None:
    """Each asks again when it is told to, or after eight minutes. All have acted after
    five hours, the oldest first, never more than 60 within an hour."""
    limiter, pause = ChangeLimiter(store, 60, 480 + 300), 480
    waiting = {f"i{n:03}": at(n) for n in range(300)}
    asks = dict(waiting)
    acted: list[tuple[str, str]] = []
    while waiting:
        name = min(asks, key=lambda each: (asks[each], each))
        turned.time = max(turned.time, asks[name])
        expected = await limiter.take(ticket(name, since=waiting[name]))
        if expected:
            asks[name] = min(expected, clock.after(turned.time, pause))
            continue
        acted.append((name, turned.time))
        del waiting[name], asks[name]
    assert [name for name, _ in acted] == sorted(name for name, _ in acted)
    assert all(
        later >= clock.after(begun, 3600)
        for (_, begun), (_, later) in zip(acted, acted[60:], strict=False)
    )
    assert acted[-1][1] <= at(4 * 3600 + 300 + pause)
