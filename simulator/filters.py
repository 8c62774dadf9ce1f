"""OData filters as Azure Backup understands them: `name eq 'value'`, joined by `and`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from simulator import errors
from simulator.ids import fold

_TERM = re.compile(r"\s*(\w+)\s+eq\s+'([^']*)'\s*", re.IGNORECASE | re.ASCII)
_TIME = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,2}):(\d{2}):(\d{2})(?: ([AP]M))?", re.IGNORECASE | re.ASCII)


def parse(text: str, known: tuple[str, ...]) -> dict[str, str]:
    """Values by name, in the casing of `known`. Raises ArmError 400 for anything else."""
    terms: dict[str, str] = {}
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE | re.ASCII) if text.strip() else []:
        match = _TERM.fullmatch(part)
        name = next((each for each in known if match and fold(each) == fold(match[1])), None)
        if match is None or name is None:
            raise errors.invalid_content(f"$filter {part!r} is none of {', '.join(known)} eq '…'")
        terms[name] = match[2]
    return terms


def time(text: str) -> datetime:
    """`2016-01-01 00:00:00 AM`, the provider's own odd form. Raises ArmError 400."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise errors.invalid_content(f"{text!r} is not a time such as '2016-01-01 00:00:00 AM'")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    half = (match[7] or "").upper()
    if half == "PM" and hour < 12:
        hour += 12
    elif half == "AM" and hour == 12:
        hour = 0
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise errors.invalid_content(f"{text!r}: {error}") from error
