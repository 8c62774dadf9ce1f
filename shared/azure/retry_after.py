"""Retry-After as in RFC 9110, 10.2.3: seconds, or the date of the next attempt."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from math import ceil

from shared import clock

MOST_SECONDS = 3600
"""Longer waits are cut to this. ARM's contract allows 600, Compute's documents 1200."""


def read_retry_after(text: str) -> int | None:
    """Whole seconds to wait, 0 for a date in the past; None for anything else."""
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return min(int(text), MOST_SECONDS) if len(text) < 10 else MOST_SECONDS
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    left = ceil((moment - clock.as_time(clock.now())).total_seconds())
    return max(0, min(MOST_SECONDS, left))
