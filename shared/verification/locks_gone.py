"""Once a day: has somebody removed the locks because of which repairs come back?

One list of locks for each group that such an incident names, however many incidents
name it. What cannot be read stays on the list of what needs somebody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from shared.arm_ids import fold, parse
from shared.facts import Absent, Lock, Unreadable
from shared.incident.listing import Wanted
from shared.incident.model import Incident
from shared.incident.status import Status
from shared.verification.coming_back import Record, end_return

MOST_INCIDENTS = 500
"""Of one day, the newest first; the others are looked at when those are done."""


class LockReader(Protocol):
    async def locks(self, scope: str) -> tuple[Lock, ...] | Absent | Unreadable: ...


async def look_at_standing_locks(
    record: Record, open_reader: Callable[[], Awaitable[LockReader]]
) -> str:
    """Returns what was found, for the app's log. Azure is asked only where an incident
    is on the list. The reader counts a lock that is off because of us as there. Raises
    StoreUnavailable, and whatever `open_reader` raises."""
    wanted = Wanted(status=Status.FIXED, somebody=True)
    page = await record.book.listing.page(wanted, MOST_INCIDENTS)
    if not page.summaries:
        return "no lock has to be removed"
    reader, free = await open_reader(), 0
    why_free: dict[str, str] = {}
    for incident in await record.book.of_page(page):
        scopes = _scopes_of(incident)
        for scope in scopes:
            if fold(scope) not in why_free:
                why_free[fold(scope)] = _judge(scope, await reader.locks(scope))
        reasons = [why_free[fold(scope)] for scope in scopes]
        if all(reasons):
            await end_return(record, incident.id, "; ".join(reasons))
            free += 1
    return f"{len(page.summaries)} repairs come back, of {free} of them the locks are gone"


def _scopes_of(incident: Incident) -> list[str]:
    locks = incident.returning.locks if incident.returning else ()
    return list(dict.fromkeys(lock_id.rsplit("/", 4)[0] for lock_id in locks))


def _judge(scope: str, locks: tuple[Lock, ...] | Absent | Unreadable) -> str:
    """Why nothing keeps Azure Backup from deleting restore points there; "" where a
    lock does, or may. A lock of another name that came in its stead counts."""
    name = parse(scope).name
    if isinstance(locks, Absent):
        return f"the group {name} is gone"
    if isinstance(locks, Unreadable) or any(lock.blocks_deletion for lock in locks):
        return ""
    return f"no lock is on {name} any more"
