"""Times as text: ISO 8601 in UTC with microseconds and Z, which sorts as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def now() -> str:
    return as_text(datetime.now(UTC))


def as_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def as_time(text: str) -> datetime:
    """An ISO 8601 time, in UTC where it has no zone. Else it raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def after(text: str, seconds: float) -> str:
    return as_text(as_time(text) + timedelta(seconds=seconds))


def for_people(text: str) -> str:
    """A time of ours as people read it, to the second; "" for none."""
    return f"{text[:19].replace('T', ' ')} UTC" if text else ""


def normal(text: str) -> str:
    """Any ISO 8601 time in our own format, so that it sorts with ours; "" for anything
    else."""
    try:
        return as_text(as_time(text))
    except (ValueError, OverflowError):  # the year 1 in a zone is before all UTC
        return ""
