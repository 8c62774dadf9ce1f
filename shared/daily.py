"""Once a day: bind the day's chains into a head, seal heads where a container is set,
forget what is too old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.audit.heads import HEADS, bind_days
from shared.audit.log import AuditLog
from shared.audit.seals import open_seals, seal_all
from shared.counts import count_of
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.windows import LockWindows
from shared.incident.book import IncidentBook
from shared.incident.forgetting import forget_old
from shared.settings import Settings
from shared.store.contract import Store


async def close_days(settings: Settings, store: Store, log: AuditLog, book: IncidentBook) -> str:
    """Returns what was done, for the app's log. Safe to run twice at once. Raises
    StoreUnavailable, SettingsError."""
    now = datetime.now(UTC)
    made = await bind_days(log, now)
    sealed = await _seal(settings, log)
    forgotten: list[str] = []
    if settings.retention_days:
        before = (now.date() - timedelta(days=settings.retention_days)).isoformat()
        in_use = await incidents_with_locks(LockLedger(store), LockWindows(store))
        forgotten = await forget_old(store, log, book, before, in_use)
    days, incidents = count_of(len(made), "day"), count_of(len(forgotten), "incident")
    return f"{days} bound, {sealed} sealed, {incidents} forgotten"


async def _seal(settings: Settings, log: AuditLog) -> int:
    """How many heads were sealed; 0 where no container is set."""
    if not settings.seals:
        return 0
    seals = open_seals(settings.seals, settings.cloud)
    try:
        return await seal_all(seals, log.entries(incident=HEADS))
    finally:
        await seals.close()


async def incidents_with_locks(ledger: LockLedger, windows: LockWindows) -> frozenset[str]:
    """Ids of the incidents that the lock ledger or a lock window names: whoever puts
    the lock back looks them up."""
    hands, unreadable = await ledger.read_all()
    found = {hand.row.incident_id for hand in hands}
    found |= {strange.incident_id for strange in unreadable}
    for held in await windows.all():
        found |= {held.window.leader, *(member.incident_id for member in held.window.members)}
    return frozenset(found)
