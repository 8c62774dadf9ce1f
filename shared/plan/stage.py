"""What planning is given: it reads Azure and changes nothing there."""

from __future__ import annotations

from dataclasses import dataclass

from shared.audit.journal import Journal
from shared.azure.reader import ArmReader
from shared.incident.book import IncidentBook
from shared.incident.closing import Closing
from shared.incident.waiting import Waits
from shared.plan.cooling import CoolingTime
from shared.plan.limits import ChangeLimiter


@dataclass(frozen=True, slots=True)
class Planning:
    book: IncidentBook
    journal: Journal
    closing: Closing
    waits: Waits
    reader: ArmReader
    limiter: ChangeLimiter
    cooling: CoolingTime
    mode: str
    """Of the installation; see `shared.plan.policy`."""
