"""Time as text: ISO 8601, UTC, with microseconds and Z, so that it sorts as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def now() -> str:
    return as_text(datetime.now(UTC))


def as_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def as_time(text: str) -> datetime:
    """Raises ValueError for what is no ISO 8601 time."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def after(text: str, seconds: float) -> str:
    return as_text(as_time(text) + timedelta(seconds=seconds))


def normal(text: str) -> str:
    """Somebody else's ISO 8601 time as we write it, so that it sorts with ours; "" for
    what is none."""
    try:
        return as_text(as_time(text))
    except ValueError:
        return ""
