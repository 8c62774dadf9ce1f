"""What the product does not do yet as the documents say, by the work that will do it.

The one list of exceptions. A row that misses anything else fails; so does one that is
listed here and misses it no more: take it out then.
"""

from __future__ import annotations

NOT_YET: dict[str, dict[str, str]] = {}
"""Work -> row -> what it misses: numbers of causes, or "remedy"."""


def misses_of(row: str) -> set[str]:
    """What this row may miss, and must."""
    return {what for rows in NOT_YET.values() for what in rows.get(row, "").split()}
