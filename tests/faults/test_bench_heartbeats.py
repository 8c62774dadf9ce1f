"""What the benchmark of heartbeats sees in the rows of the windows."""

from __future__ import annotations

from shared.execution.lock_window.windows import (
    CLOSING,
    HEARTBEAT,
    OPEN,
    WINDOW,
    WINDOWS,
)
from shared.store.contract import Row
from tests.faults.bench_heartbeats import Watched


def beat(group: str, token: str, count: int) -> Row:
    return Row(WINDOWS, group, HEARTBEAT, {"token": token, "count": count}, "")


def window(group: str, state: str, epoch: int) -> Row:
    return Row(WINDOWS, group, WINDOW, {"state": state, "epoch": epoch}, "")


def test_a_gap_is_between_two_counts_of_one_owner() -> None:
    seen = Watched()
    seen.take([beat("a", "one", 1), beat("b", "two", 7)], 0.0)
    seen.take([beat("a", "one", 1), beat("b", "two", 8)], 2.0)
    seen.take([beat("a", "one", 3), beat("b", "taker", 9)], 5.0)
    assert (seen.longest_gap, seen.heartbeats) == (5.0, 3)


def test_windows_that_were_open_at_once_are_counted_and_a_taker_is_seen() -> None:
    seen = Watched()
    seen.take([window("a", OPEN, 1), window("b", OPEN, 1), beat("a", "one", 1)], 0.0)
    seen.take([window("a", OPEN, 1), window("b", CLOSING, 2)], 0.1)
    assert (seen.most_open, seen.highest_epoch) == (2, 2)
