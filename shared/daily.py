"""Once a day: bind the day's chains into a head, seal heads where a container is set,
forget what is too old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.audit.heads import HEADS, bind_days
from shared.audit.log import AuditLog
from shared.audit.seals import open_seals, seal_all
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.windows import LockWindows
from shared.incident.book import IncidentBook
from shared.incident.forgetting import forget_old
from shared.settings import Settings
from shared.store.contract import Store


async def close_days(settings: Settings, store: Store, log: AuditLog, book: IncidentBook) -> str:
    """What was done, for the log. Safe to run twice at once. Raises StoreUnavailable,
    SettingsError."""
    now = datetime.now(UTC)
    made = await bind_days(log, now)
    sealed = 0
    if settings.seals:
        seals = open_seals(settings.seals, settings.cloud)
        try:
            sealed = await seal_all(seals, log.entries(incident=HEADS))
        finally:
            await seals.close()
    forgotten: list[str] = []
    if settings.retention_days:
        before = (now.date() - timedelta(days=settings.retention_days)).isoformat()
        forgotten = await forget_old(
            store, log, book, LockLedger(store), LockWindows(store), before
        )
    return f"{len(made)} days bound, {sealed} sealed, {len(forgotten)} incidents forgotten"
