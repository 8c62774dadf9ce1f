"""What other stages are handed until each takes what it needs as arguments."""

from __future__ import annotations

from dataclasses import dataclass

from shared.audit.journal import Journal
from shared.audit.log import AuditLog
from shared.azure.reader import ArmReader
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.windows import LockWindows
from shared.incident.book import IncidentBook
from shared.incident.closing import Closing
from shared.incident.waiting import Waits
from shared.plan.cooling import CoolingTime
from shared.plan.limits import ChangeLimiter
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Tools:
    settings: Settings
    reader: ArmReader
    audit: AuditLog
    journal: Journal
    closing: Closing
    waits: Waits
    book: IncidentBook
    ledger: LockLedger
    windows: LockWindows
    limiter: ChangeLimiter
    cooling: CoolingTime
