"""Forgets incidents that the retention setting no longer keeps, and with each whatever
refers to it.

What names an incident, by table of the store, and what becomes of it:

| table | names it in | when the incident is forgotten |
|---|---|---|
| `claims` | the failure's owner | stays, marked `forgotten`: a late event opens nothing |
| `active` | who is at work on a VM | deleted; a reader takes a holder that is not there for ended |
| `working` | the list of the unfinished | deleted; a reader passes over what is not there |
| `summaries` | the list for people | deleted; pages pass over what is not there |
| `reviews` | what people said last | deleted |
| `incidents` | the incident itself; `part_of` of another one | deleted; `part_of` is told to people as it is |
| `audit` | its chain | deleted last, so that a run that was cut off is done again |
| `windows` | leader and members | an incident that is named here is not forgotten |
| `locks` | who lifted a lock | an incident that is named here is not forgotten |
| `fixes` | who fixed a cause on a VM | stays for the cooling time: it is about the VM, and the id is only told |
| `limiter` | tickets of the last hour | stays for that hour: nobody looks the incident up |
| `quarantine` | nothing: an event in it has no incident | stays |
| `sweep` | nothing: the watermark | stays |

An incident that has not ended is never forgotten. The store may fail at any step, and
two runs may meet: each step can be done again, and the chain, by which an old incident
is found, is the last to go.
"""

from __future__ import annotations

from shared.audit.log import AuditLog
from shared.audit.retention import announce, find_old_chains, remove_chain
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.windows import LockWindows
from shared.incident import review as reviews
from shared.incident.book import IncidentBook
from shared.store.contract import Store


async def forget_old(
    store: Store,
    log: AuditLog,
    book: IncidentBook,
    ledger: LockLedger,
    windows: LockWindows,
    before: str,
) -> list[str]:
    """Forget every incident that has ended and whose last entry is before that day
    (YYYY-MM-DD); their ids. Raises StoreUnavailable: the next run goes on."""
    in_use = await _in_use(ledger, windows)
    old = [
        each
        for each in await find_old_chains(store, before)
        if each not in in_use and await _is_over(book, each)
    ]
    if not old:
        return []
    await announce(log, before, len(old))
    await book.forget_claims(frozenset(old))
    for incident_id in old:
        await book.forget(incident_id)
        await reviews.forget(store, incident_id)
        await remove_chain(store, incident_id)
    return old


async def _in_use(ledger: LockLedger, windows: LockWindows) -> set[str]:
    found = {entry.incident_id for entry in await ledger.open_locks()}
    for held in await windows.all():
        found |= {held.window.leader, *(member.incident_id for member in held.window.members)}
    return found


async def _is_over(book: IncidentBook, incident_id: str) -> bool:
    """Also where it is not there: an earlier run was cut off, or the chain is no
    incident's."""
    incident = await book.get(incident_id)
    return incident is None or incident.ended
