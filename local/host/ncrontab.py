"""NCRONTAB, the schedule language of timerTrigger: {second} {minute} {hour} {day}
{month} {day of week}, in UTC. cronsim computes the times.

A field is `*`, a number or a list of numbers, which is all that the app uses. Anything
else is refused before cronsim sees it, because cronsim reads what NCRONTAB does not
know: five fields, `L`, `#`, and 7 for Sunday.
https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from local.host.errors import SettingError

_BOUNDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


@dataclass(frozen=True)
class Schedule:
    """When a timer fires."""

    text: str

    def next_after(self, moment: datetime) -> datetime:
        """The first time after `moment` (which is aware), in UTC.

        Raises SettingError where there is none within fifty years.
        """
        try:
            times = CronSim(self.text, moment.astimezone(UTC))
            # Cron fires where either day matches; NCRONTAB needs both.
            times.day_and = True
            return next(times)
        except (CronSimError, StopIteration) as error:
            raise SettingError(f"the schedule {self.text!r} never fires") from error


def parse(text: str) -> Schedule:
    """Read a schedule. Raises SettingError with the reason."""
    parts = text.split()
    if len(parts) != 6:
        raise SettingError(f"the schedule {text!r} needs six fields, it has {len(parts)}")
    for part, (low, high) in zip(parts, _BOUNDS, strict=True):
        for word in part.split(",") if part != "*" else []:
            if not (word.isascii() and word.isdecimal()) or not low <= int(word) <= high:
                raise SettingError(
                    f"the schedule {text!r} has {word!r} where * or {low} to {high} is meant"
                )
    return Schedule(text)
