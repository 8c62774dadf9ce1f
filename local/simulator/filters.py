"""OData filters as far as ARM's lists take them: `name eq 'value'` and `atScope()`,
joined by `and`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from local.simulator import errors
from local.simulator.ids import fold

_TERM = re.compile(r"\s*(\w+)\s+eq\s+'([^']*)'\s*", re.IGNORECASE | re.ASCII)
_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,2}):(\d{2}):(\d{2})(?: ([AP]M))?", re.IGNORECASE | re.ASCII
)


def parse(text: str, known: tuple[str, ...], functions: tuple[str, ...] = ()) -> dict[str, str]:
    """Values by name, in the casing of `known`, and "" by each function that is called.

    Raises ArmError 400 for anything else, and for a name that is given twice.
    """
    terms: dict[str, str] = {}
    for part in (
        re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE | re.ASCII) if text.strip() else []
    ):
        match = _TERM.fullmatch(part)
        named = match[1] if match else part.strip()
        name = next(
            (each for each in (known if match else functions) if fold(each) == fold(named)), None
        )
        if name is None or name in terms:
            raise errors.invalid_content(
                f"$filter {part!r} is none of {_choice(known, functions)}, each once"
            )
        terms[name] = match[2] if match else ""
    return terms


def _choice(known: tuple[str, ...], functions: tuple[str, ...]) -> str:
    return (
        ", ".join([*(f"{name} eq '…'" for name in known), *functions])
        or "those that this list takes: there are none"
    )


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
