"""Retry-After, as RFC 9110 10.2.3 has it: seconds, or the date at which to come again."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from math import ceil

from shared import clock

MOST_SECONDS = 3600
"""More is cut to this. ARM's contract has 600 at most, Compute's documents 1200."""


def whole_seconds(text: str) -> int | None:
    """How long to wait, 0 for a date that is over; None for what is neither: that is no
    advice."""
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
