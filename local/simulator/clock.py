"""Time as ARM writes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    return datetime.now(UTC)


def compute_time(moment: datetime) -> str:
    """2025-11-17T09:45:29.999527+00:00, as the compute provider writes it."""
    return moment.isoformat()


def backup_time(moment: datetime) -> str:
    """2017-08-03T05:31:07.014604Z, as Azure Backup writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def duration(span: timedelta) -> str:
    return f"PT{max(span.total_seconds(), 0):.7f}S"


def parse(text: str) -> datetime | None:
    """An ISO 8601 time, or None when it is none. Without a zone it is UTC; Azure's
    seventh decimal is cut."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
