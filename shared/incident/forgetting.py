"""Forgets incidents that the retention setting no longer keeps, and with each one the
rows that refer to it.

What names an incident, by table of the store, and what becomes of it when the incident
is forgotten:

| table | names it in | then |
|---|---|---|
| `claims` | the failure's owner | stays, marked: a late event opens nothing |
| `active` | who is at work on a VM | deleted; a holder that is gone has ended |
| `working` | the list of the unfinished | deleted; readers skip what is gone |
| `summaries` | the list for people | deleted; pages skip what is gone |
| `reviews` | what people said last | deleted |
| `incidents` | itself; `part_of` of others | deleted; `part_of` is shown as it is |
| `audit` | its chain | deleted last: an interrupted run is done again |
| `windows` | leader and members | its incidents are not forgotten |
| `locks` | who lifted a lock | its incidents are not forgotten |
| `fixes` | who fixed a cause on a VM | stays for the cooling time; the id is shown |
| `ordered` | which orders of a backup count today | stays; the id is not looked up |
| `limiter` | places of the last hour | stays for that hour; nobody looks the id up |
| `quarantine` | nothing | stays |
| `sweep` | nothing: the watermark | stays |

An incident that has not ended is never forgotten. The store may fail at any step, and
two runs may meet: each step can be done again, and the chain, by which an old incident
is found, is the last to go.
"""

from __future__ import annotations

from collections.abc import Collection

from shared.audit.log import AuditLog
from shared.audit.retention import announce, find_old_chains, remove_chain
from shared.incident import review as reviews
from shared.incident.book import IncidentBook
from shared.store.contract import Store


async def forget_old(
    store: Store, log: AuditLog, book: IncidentBook, before: str, in_use: Collection[str]
) -> list[str]:
    """Forget every incident that has ended and whose last entry is before that day
    (YYYY-MM-DD), but for those that a lock or a lock window names (`in_use`).

    Returns their ids. Raises StoreUnavailable: the next run goes on.
    """
    old = [
        each
        for each in await find_old_chains(store, before)
        if each not in in_use and await _is_over(book, each)
    ]
    if not old:
        return []
    await announce(log, before, len(old))
    await book.forget_claims(frozenset(old))
    forgotten = []
    for incident_id in old:
        if await _is_over(book, incident_id):  # else it was opened again meanwhile
            await book.forget(incident_id)
            await reviews.forget(store, incident_id)
            await remove_chain(store, incident_id)
            forgotten.append(incident_id)
    return forgotten


async def _is_over(book: IncidentBook, incident_id: str) -> bool:
    """True also where there is none: an earlier run was interrupted, or the chain
    belongs to no incident."""
    incident = await book.get(incident_id)
    return incident is None or incident.ended
