"""NCRONTAB, the schedule language of timerTrigger: {second} {minute} {hour} {day} {month} {day of week}, all UTC.

As NCrontab does it: five fields mean second 0; day and day of week must both match; Sunday is 0; names of months and
days may be used. A TimeSpan such as 00:05:00 is taken as an interval.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from local_host.errors import SettingError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_BOUNDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_YEARS_AHEAD = 9
_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})")


@dataclass(frozen=True)
class Schedule:
    """When a timer fires. `interval` is set for a TimeSpan, else the six sets are."""

    text: str
    fields: tuple[frozenset[int], ...] = ()
    interval: timedelta | None = None

    def next_after(self, moment: datetime) -> datetime:
        """The first time after `moment` (which is aware); raises SettingError when there is none within nine years."""
        if self.interval is not None:
            return moment + self.interval
        start = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        for year in range(start.year, start.year + _YEARS_AHEAD):
            for month in sorted(self.fields[4]):
                if (year, month) >= (start.year, start.month):
                    found = self._in_month(year, month, start)
                    if found is not None:
                        return found
        raise SettingError(f"the schedule {self.text!r} never fires")

    def _in_month(self, year: int, month: int, start: datetime) -> datetime | None:
        for number in range(1, monthrange(year, month)[1] + 1):
            day = datetime(year, month, number, tzinfo=UTC)
            if number not in self.fields[3] or day.isoweekday() % 7 not in self.fields[5]:
                continue
            if day.date() >= start.date():
                found = self._in_day(day, start)
                if found is not None:
                    return found
        return None

    def _in_day(self, day: datetime, start: datetime) -> datetime | None:
        times = (
            day.replace(hour=hour, minute=minute, second=second)
            for hour in sorted(self.fields[2])
            for minute in sorted(self.fields[1])
            for second in sorted(self.fields[0])
        )
        return next((moment for moment in times if moment >= start), None)


def parse(text: str) -> Schedule:
    """Read a schedule. Raises SettingError with the reason."""
    span = _TIME_SPAN.fullmatch(text.strip())
    if span is not None:
        days, hours, minutes, seconds = (int(part or 0) for part in span.groups())
        interval = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if not interval:
            raise SettingError(f"the schedule {text!r} is an interval of nothing")
        return Schedule(text, interval=interval)
    parts = text.split()
    if len(parts) == 5:
        parts = ["0", *parts]
    if len(parts) != 6:
        raise SettingError(f"the schedule {text!r} needs six fields, it has {len(parts)}")
    names = ((), (), (), (), _MONTHS, _DAYS)
    return Schedule(text, tuple(_field(p, b, n, text) for p, b, n in zip(parts, _BOUNDS, names, strict=True)))


def _field(part: str, bounds: tuple[int, int], names: tuple[str, ...], text: str) -> frozenset[int]:
    values: set[int] = set()
    for item in part.split(","):
        span, slash, step_text = item.partition("/")
        step = int(step_text) if step_text.isdecimal() else 0
        if slash and step < 1:
            raise SettingError(f"the schedule {text!r} has the step {step_text!r}")
        low, high = _span(span, bounds, names, text, open_ended=bool(slash))
        values.update(range(low, high + 1, step or 1))
    return frozenset(values)


def _span(span: str, bounds: tuple[int, int], names: tuple[str, ...], text: str, *, open_ended: bool) -> tuple[int, int]:
    if span == "*":
        return bounds
    first, dash, last = span.partition("-")
    low = _value(first, bounds, names, text)
    high = _value(last, bounds, names, text) if dash else (bounds[1] if open_ended else low)
    if high < low:
        raise SettingError(f"the schedule {text!r} has the range {span!r}, which runs backwards")
    return low, high


def _value(word: str, bounds: tuple[int, int], names: tuple[str, ...], text: str) -> int:
    lower = word.lower()
    if lower in names:
        return names.index(lower) + bounds[0]
    if not word.isdecimal() or not bounds[0] <= int(word) <= bounds[1]:
        raise SettingError(f"the schedule {text!r} has {word!r} where {bounds[0]} to {bounds[1]} is meant")
    return int(word)
