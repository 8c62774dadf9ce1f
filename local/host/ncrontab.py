"""NCRONTAB, the schedule language of timerTrigger: {second} {minute} {hour} {day}
{month} {day of week}, all UTC.

A field is `*`, a number or a list of numbers, which is all that the app uses; day and
day of week must both match, and Sunday is 0. Steps, ranges, names, five fields and
intervals are refused.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from local.host.errors import SettingError

_BOUNDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_DAYS_AHEAD = 9 * 366


@dataclass(frozen=True)
class Schedule:
    """When a timer fires."""

    text: str
    fields: tuple[frozenset[int], ...]

    def next_after(self, moment: datetime) -> datetime:
        """The first time after `moment` (which is aware); raises SettingError when
        there is none within nine years."""
        start = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        midnight = start.replace(hour=0, minute=0, second=0)
        days = (midnight + timedelta(days=number) for number in range(_DAYS_AHEAD))
        times = (
            time
            for day in days
            if self._has_day(day)
            for time in self._times_of(day)
            if time >= start
        )
        found = next(times, None)
        if found is None:
            raise SettingError(f"the schedule {self.text!r} never fires")
        return found

    def _has_day(self, day: datetime) -> bool:
        return (
            day.day in self.fields[3]
            and day.month in self.fields[4]
            and day.isoweekday() % 7 in self.fields[5]
        )

    def _times_of(self, day: datetime) -> list[datetime]:
        seconds, minutes, hours = (sorted(field) for field in self.fields[:3])
        return [
            day.replace(hour=h, minute=m, second=s) for h in hours for m in minutes for s in seconds
        ]


def parse(text: str) -> Schedule:
    """Read a schedule. Raises SettingError with the reason."""
    parts = text.split()
    if len(parts) != 6:
        raise SettingError(f"the schedule {text!r} needs six fields, it has {len(parts)}")
    return Schedule(
        text, tuple(_field(part, bounds, text) for part, bounds in zip(parts, _BOUNDS, strict=True))
    )


def _field(part: str, bounds: tuple[int, int], text: str) -> frozenset[int]:
    low, high = bounds
    if part == "*":
        return frozenset(range(low, high + 1))
    for word in part.split(","):
        if not word.isdecimal() or not low <= int(word) <= high:
            raise SettingError(
                f"the schedule {text!r} has {word!r} where * or {low} to {high} is meant"
            )
    return frozenset(int(word) for word in part.split(","))
