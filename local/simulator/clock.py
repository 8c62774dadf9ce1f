"""Time in the forms that Azure writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_YEAR_1 = datetime(1, 1, 1, tzinfo=UTC)


def now() -> datetime:
    return datetime.now(UTC)


def compute_time(moment: datetime) -> str:
    """2025-11-17T09:45:29.999527+00:00, as the compute provider writes it."""
    return moment.isoformat()


def backup_time(moment: datetime) -> str:
    """2017-08-03T05:31:07.014604Z, as Azure Backup writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def ticks(moment: datetime) -> int:
    """.NET's ticks of 100 ns since the start of the year 1."""
    return (moment - _YEAR_1) // timedelta(microseconds=1) * 10


def duration(span: timedelta) -> str:
    """PT65.2000000S; a negative span is written as 0."""
    return f"PT{max(span.total_seconds(), 0):.7f}S"


def parse(text: str) -> datetime | None:
    """An ISO 8601 time, or None for any other text. Without a zone it is UTC; Azure's
    seventh decimal is cut off."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
