"""NCRONTAB: when schedules fire, and which are none."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from local.host.errors import SettingError
from local.host.ncrontab import parse

NEXT = [
    # schedule, after, next; 2026-01-01 is a Thursday
    ("0 * * * * *", "2026-01-01T00:00:00", "2026-01-01T00:01:00"),
    ("0 10,40 * * * *", "2026-01-01T00:10:00", "2026-01-01T00:40:00"),
    ("0 40,10 * * * *", "2026-01-01T00:40:00", "2026-01-01T01:10:00"),
    ("* * * * * *", "2026-01-01T00:00:00", "2026-01-01T00:00:01"),
    ("30 15 0 * * *", "2026-12-31T00:15:30", "2027-01-01T00:15:30"),
    ("0 30 9 * * 1,2,3,4,5", "2026-01-02T09:30:00", "2026-01-05T09:30:00"),
    ("0 0 0 * * 0", "2026-01-01T00:00:00", "2026-01-04T00:00:00"),
    ("0 0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
    ("0 0 0 13 * 5", "2026-01-01T00:00:00", "2026-02-13T00:00:00"),
    ("0 0 0 1 1,7 *", "2026-01-01T00:00:00", "2026-07-01T00:00:00"),
    ("0 0 0 31 * *", "2026-02-01T00:00:00", "2026-03-31T00:00:00"),
    ("0 0 0 29 2 1", "2026-01-01T00:00:00", "2044-02-29T00:00:00"),
    ("0 0 0 1,15 * 1,2", "2026-01-01T00:00:00", "2026-06-01T00:00:00"),
]
WRONG = [
    "", "* * * *", "* * * * * * *", "*/5 * * * *", "00:05:00", "often", "@daily",
    "60 * * * * *", "* 60 * * * *", "* * 24 * * *", "* * * 0 * *", "* * * 32 * *", "* * * * 0 *",
    "* * * * 13 *", "* * * * * 7", "* * * * * 1,7", "-1 * * * * *", "1, * * * * *", "1,* * * * * *",
    "* * * * * MON", "* * * * JAN *", "0 */5 * * * *", "5-10 * * * * *", "0 0 0 1 * ?",
    "0 0 0 L * *", "0 0 0 LW * *", "0 0 0 * * 5L", "0 0 0 * * 1#2", "٣ * * * * *",
]  # fmt: skip
"""What NCRONTAB refuses, what only the library knows, and what the app does not use."""


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("schedule", "after", "expected"), NEXT)
def test_next(schedule, after, expected):
    assert parse(schedule).next_after(moment(after)) == moment(expected)


def test_parts_of_a_second_do_not_skip_one():
    assert parse("* * * * * *").next_after(
        moment("2026-01-01T00:00:00") + timedelta(milliseconds=999)
    ) == moment("2026-01-01T00:00:01")


def test_times_of_another_zone_are_the_same_times():
    after = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert parse("0 0 0 * * *").next_after(after) == moment("2026-01-01T00:00:00")


@pytest.mark.parametrize("schedule", WRONG)
def test_wrong(schedule):
    with pytest.raises(SettingError, match="schedule"):
        parse(schedule)


@pytest.mark.parametrize("schedule", ["0 0 0 30 2 *", "0 0 0 30 2 1", "0 0 0 31 4,6,9,11 0"])
def test_a_day_that_never_comes(schedule):
    with pytest.raises(SettingError, match="never fires"):
        parse(schedule).next_after(moment("2026-01-01T00:00:00"))
