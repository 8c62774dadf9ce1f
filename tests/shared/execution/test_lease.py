"""The lease of one execution: lost for good once its heartbeat is late or somebody
else's, by the slower of its two clocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.errors import StoreUnavailable
from shared.execution.lock_window import lease as leases
from shared.execution.lock_window.lease import Lease
from shared.execution.lock_window.times import Times
from shared.execution.lock_window.windows import Beat, Heartbeat, Held
from tests.shared.execution.bench import Bench, once
from tests.shared.execution.rows import GROUP, OWNER, window

TIMES = Times(lease=15, write=6, watch=300, late=90, stale=120, grace=15, patience=60, window=600)
LONGEST = TIMES.longest_silence


class Clocks:
    """Of this machine, as the test says."""

    def __init__(self) -> None:
        self.monotonic = self.wall = 0.0

    def pass_by(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds

    def read(self) -> tuple[float, float]:
        return self.monotonic, self.wall


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr(leases, "read_clocks", made.read)
    return made


async def opened(bench: Bench) -> tuple[Held, Beat]:
    made = await bench.windows.open(window())
    assert made is not None
    return made


def lease_of(bench: Bench, made: tuple[Held, Beat], times: Times = TIMES) -> Lease:
    return Lease(bench.windows, times, made[0].window, made[1], (0.0, 0.0))


async def beats(
    lease: Lease,
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Let it beat so often, each as soon as it is due; or until it is lost."""
    done, left, beat = asyncio.Event(), count, bench.windows.beat

    async def counted(given: Beat) -> Beat | None:
        nonlocal left
        left -= 1
        if left < 0:
            done.set()
            await asyncio.Event().wait()  # no further one
        return await beat(given)

    monkeypatch.setattr(bench.windows, "beat", counted)
    async with lease:
        assert lease._task is not None
        await asyncio.sleep(0)  # it waits for its first beat
        meanwhile()
        enough = asyncio.create_task(once(done))
        await asyncio.wait({lease._task, enough}, return_when=asyncio.FIRST_COMPLETED)
        enough.cancel()


QUICK = replace(TIMES, lease=0.015, write=0)
"""A beat each 2 ms; the clock is the test's."""


@pytest.mark.parametrize(
    ("monotonic", "wall", "holds"),
    [
        (LONGEST, LONGEST, True),
        (LONGEST + 1, 0.0, False),
        (0.0, LONGEST + 1, False),
        (LONGEST + 1, LONGEST + 1, False),
    ],
)
async def test_it_holds_as_long_as_both_clocks_say(
    bench: Bench, clocks: Clocks, monotonic: float, wall: float, holds: bool
) -> None:
    lease = lease_of(bench, await opened(bench))
    clocks.monotonic, clocks.wall = monotonic, wall
    assert lease.in_time is holds


async def test_one_that_ran_out_is_lost_whatever_a_clock_says_later(
    bench: Bench, clocks: Clocks
) -> None:
    lease = lease_of(bench, await opened(bench))
    clocks.pass_by(LONGEST + 1)
    assert not lease.in_time
    clocks.pass_by(-LONGEST)
    assert not lease.in_time


@pytest.mark.usefixtures("clocks")
async def test_a_beat_is_conditional_on_the_last_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner was frozen and taken over: it wakes within its time, as it thinks."""
    made = await opened(bench)
    taken = await bench.windows.take_over(*made, "taker")
    assert taken is not None
    lease = lease_of(bench, made, QUICK)
    await beats(lease, bench, monkeypatch, 1)
    assert not lease.in_time
    found = await bench.windows.heartbeat(GROUP)
    assert found is not None and found.heartbeat == Heartbeat("taker", 2)


@pytest.mark.usefixtures("clocks")
async def test_its_own_beat_whose_answer_was_lost_is_its_own(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await opened(bench)
    assert await bench.windows.beat(made[1]) is not None
    lease = lease_of(bench, made, QUICK)
    await beats(lease, bench, monkeypatch, 3)
    assert lease.in_time


async def test_a_beat_that_comes_too_late_revives_nothing(
    bench: Bench, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine slept; nobody has taken the window over yet."""
    lease = lease_of(bench, await opened(bench), QUICK)
    await beats(lease, bench, monkeypatch, 3, lambda: clocks.pass_by(LONGEST + 1))
    assert not lease.in_time
    clocks.pass_by(-LONGEST - 1)
    assert not lease.in_time


async def test_time_counts_from_when_the_beat_began(
    bench: Bench, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A negative limit of a write makes the silence long and the beats frequent.
    lease = lease_of(bench, await opened(bench), replace(TIMES, lease=0.075, write=-7))
    half = lease._times.longest_silence * 0.6
    on_beat(bench, monkeypatch, lambda: clocks.pass_by(half))
    await beats(lease, bench, monkeypatch, 1)
    assert lease.in_time
    clocks.pass_by(half)
    assert not lease.in_time


@pytest.mark.usefixtures("clocks")
async def test_a_store_that_does_not_answer_is_asked_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise StoreUnavailable("no answer")

    lease = lease_of(bench, await opened(bench), QUICK)
    on_beat(bench, monkeypatch, fail)
    await beats(lease, bench, monkeypatch, 3)
    found = await bench.windows.heartbeat(GROUP)
    assert lease.in_time and found is not None
    assert (found.heartbeat.token, found.heartbeat.count > 1) == (OWNER, True)


def on_beat(bench: Bench, monkeypatch: pytest.MonkeyPatch, does: Callable[[], Any]) -> None:
    """Before the next beat is written."""
    beat, left = bench.windows.beat, [does]

    async def after(given: Beat) -> Beat | None:
        if left:
            left.pop()()
        return await beat(given)

    monkeypatch.setattr(bench.windows, "beat", after)
