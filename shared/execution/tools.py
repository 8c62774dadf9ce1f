"""What the executor works with, and the one way to make a change: intent, call,
outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.audit.journal import Journal
from shared.audit.log import AuditLog
from shared.azure.one_look import OneLook
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter
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
    writer: ArmWriter
    audit: AuditLog
    journal: Journal
    closing: Closing
    waits: Waits
    book: IncidentBook
    ledger: LockLedger
    windows: LockWindows
    limiter: ChangeLimiter
    cooling: CoolingTime


def for_one_look(tools: Tools) -> Tools:
    """The same tools with a reader that asks once for what several ask. Not to be kept
    longer than the look."""
    return replace(tools, reader=OneLook(tools.reader.clients))
