"""OData filters of ARM's lists: `name eq 'value'` and functions such as `atScope()`,
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
    """The values by name, in the casing of `known`, and "" for each function that is
    called.

    Raises ArmError 400 for anything else, and for a name that comes twice.
    """
    terms: dict[str, str] = {}
    if not text.strip():
        return terms
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE | re.ASCII):
        match = _TERM.fullmatch(part)
        choice = {fold(name): name for name in (known if match else functions)}
        name = choice.get(fold(match[1] if match else part.strip()))
        if name is None or name in terms:
            raise errors.invalid_content(
                f"$filter {part!r} is none of {_list_terms(known, functions)}, each once"
            )
        terms[name] = match[2] if match else ""
    return terms


def _list_terms(known: tuple[str, ...], functions: tuple[str, ...]) -> str:
    terms = [*(f"{name} eq '…'" for name in known), *functions]
    return ", ".join(terms) or "those that this list takes: there are none"


def parse_time(text: str) -> datetime:
    """A time such as `2016-01-01 00:00:00 AM`, Azure Backup's own odd form. Raises
    ArmError 400."""
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
