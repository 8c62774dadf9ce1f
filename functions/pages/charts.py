"""Numbers for the overview page, and the sizes of their bars: the template draws them
as SVG, with the numbers in a table below each chart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from shared import clock
from shared.arm_ids import fold
from shared.audit.entry import Entry
from shared.execution.lock_window.words import (
    DONE,
    GROUP_GONE,
    LEFT_OFF,
    NOTHING_TO_PUT_BACK,
    PUT_BACK,
)
from shared.incident.listing import Summary
from shared.incident.model import LIFT, RESTORE

BAR_PIXELS, ROW_PIXELS, LABEL_PIXELS = 360, 26, 300
REPAIR_STEPS = ((10, "< 10"), (60, "10 – 60"), (360, "60 – 360"), (float("inf"), "> 360"))
"""Upper ends, in minutes."""


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    value: float
    y: int
    width: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars from the top down."""

    name: str
    unit: str
    bars: tuple[Bar, ...]

    @property
    def height(self) -> int:
        """In pixels."""
        return ROW_PIXELS * len(self.bars) + 4


def draw(name: str, unit: str, values: Mapping[str, float]) -> Chart:
    most = max(values.values(), default=0) or 1
    bars = (
        Bar(label, round(value, 1), ROW_PIXELS * row, BAR_PIXELS * value / most)
        for row, (label, value) in enumerate(values.items())
    )
    return Chart(name, unit, tuple(bars))


def count_codes(summaries: Iterable[Summary], unknown: str) -> dict[str, float]:
    return dict(Counter(each.error_code or unknown for each in summaries).most_common())


def count_endings(summaries: Iterable[Summary]) -> dict[str, float]:
    return dict(Counter(each.status for each in summaries).most_common())


def minutes_to_repair(summaries: Iterable[Summary]) -> list[float]:
    """From opening to the verified end, of the incidents that were fixed."""
    fixed = [each for each in summaries if each.status == "fixed" and each.closed_at]
    return [
        (clock.as_time(each.closed_at) - clock.as_time(each.opened_at)).total_seconds() / 60
        for each in fixed
    ]


def count_repairs(minutes: list[float]) -> dict[str, float]:
    """How many took how long; empty where nothing was repaired."""
    counted = dict.fromkeys((label for _, label in REPAIR_STEPS), 0.0)
    for each in minutes:
        counted[next(label for most, label in REPAIR_STEPS if each < most)] += 1
    return counted if minutes else {}


def median_of(minutes: list[float]) -> str:
    return f"{median(minutes):.1f}" if minutes else "–"


@dataclass(slots=True)
class Lift:
    """One removal of a lock, by its audit entries; "" while one is not there."""

    off_at: str
    """Its intent, written right before."""
    lifted: bool = False
    """Or may have been."""
    back_at: str = ""
    left_off_at: str = ""

    def add(self, entry: Entry) -> None:
        """A later entry about the same lock in the same chain."""
        if entry.kind == LIFT:
            took_off = entry.result == DONE or entry.result.startswith("not known")
            self.lifted = self.lifted or (entry.phase == "outcome" and took_off)
        elif entry.result == DONE or entry.result.startswith(BACK):
            self.back_at = self.back_at or entry.at
        elif entry.result.startswith(LEFT_OFF):
            self.left_off_at = self.left_off_at or entry.at

    def end(self, now: str) -> str:
        """Until when it counts as off: one that a person left off counts until it is
        back, or until that day ends."""
        end_of_day = f"{self.left_off_at[:10]}T23:59:59.999999Z" if self.left_off_at else now
        return min(self.back_at or now, end_of_day)


BACK = (PUT_BACK, "left alone", GROUP_GONE, NOTHING_TO_PUT_BACK, "answered ")
"""How results of `restore_lock` begin, beside `done`, that end the time without the
lock."""


def find_lifts(entries: Iterable[Entry]) -> list[Lift]:
    """Locks that were lifted, or may have been. `entries`: of each incident in the
    order of its chain. The query "Unlocked minutes" (docs/queries.md) finds the same.
    """
    lifts: list[Lift] = []
    newest: dict[tuple[str, str], Lift] = {}
    for entry in entries:
        key = (entry.incident, fold(entry.target))
        if (entry.kind, entry.phase) == (LIFT, "intent"):
            newest[key] = Lift(entry.at)
            lifts.append(newest[key])
        elif entry.kind in (LIFT, RESTORE) and key in newest:
            newest[key].add(entry)
    return [lift for lift in lifts if lift.lifted]


def count_seconds(lift: Lift, now: str) -> float:
    off = clock.as_time(lift.end(now)) - clock.as_time(lift.off_at)
    return max(0.0, off.total_seconds())


def unlocked_minutes(entries: Iterable[Entry], now: str) -> dict[str, float]:
    """By the day on which it ended, newest first: how long locks were off."""
    days: dict[str, float] = {}
    for lift in find_lifts(entries):
        day = lift.end(now)[:10]
        days[day] = days.get(day, 0.0) + count_seconds(lift, now) / 60
    return dict(sorted(days.items(), reverse=True))
