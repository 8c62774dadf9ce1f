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
from shared.incident.listing import Summary

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


def unlocked_minutes(entries: Iterable[Entry]) -> dict[str, float]:
    """By day, newest first: from the lifting of a lock to its put-back."""
    off: dict[tuple[str, str], str] = {}
    days: dict[str, float] = {}
    for entry in entries:
        key = (entry.incident, fold(entry.target))
        if (entry.kind, entry.phase, entry.result) == ("lift_lock", "outcome", "done"):
            off[key] = entry.at
        elif (entry.kind, entry.phase) == ("restore_lock", "outcome") and key in off:
            seconds = (clock.as_time(entry.at) - clock.as_time(off.pop(key))).total_seconds()
            days[entry.at[:10]] = days.get(entry.at[:10], 0.0) + max(0.0, seconds) / 60
    return dict(sorted(days.items(), reverse=True))
