"""What the query for locks that are not back finds, in Python: no test runs KQL, the
parser only binds it. test_lock_queries.py compares the conditions of the two."""

from __future__ import annotations

from collections.abc import Iterable

from shared.arm_ids import fold
from shared.audit.entry import Entry
from shared.incident.model import RESTORE

NOT_BACK, MISSING = "not back yet", "is not there"
DONE = "done"
ENDS = ("left ", "nothing to put back", "put back")
"""Of notes: the second outcome of an intent is one."""


def is_off(entry: Entry) -> bool:
    told = entry.result.startswith(NOT_BACK) or MISSING in entry.result
    return entry.phase == "intent" or told


def is_over(entry: Entry) -> bool:
    ended = entry.result == DONE or entry.result.startswith(ENDS)
    return entry.phase == "outcome" or ended


def find_not_back(entries: Iterable[Entry]) -> dict[str, str]:
    """Folded id of each lock that is listed, to since when it is off. The alert rule
    takes those that are off for 15 minutes."""
    of_locks: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.kind == RESTORE:
            of_locks.setdefault(fold(entry.target), []).append(entry)
    found = {lock: _find_since(own) for lock, own in of_locks.items()}
    return {lock: since for lock, since in found.items() if since}


def _find_since(entries: list[Entry]) -> str:
    over_at = max((each.at for each in entries if is_over(each)), default="")
    return min((each.at for each in entries if is_off(each) and each.at > over_at), default="")
