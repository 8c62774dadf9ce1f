"""What verification is given: it reads Azure, and asks execution for the new backup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.audit.journal import Journal
from shared.azure.reader import ArmReader
from shared.execution.backup import Refusal
from shared.incident.book import IncidentBook
from shared.incident.closing import Closing
from shared.incident.model import Incident


class Orders(Protocol):
    """What verification asks of execution."""

    async def order_backup(self, incident: Incident) -> str | Refusal:
        """Id of the backup job to follow, ordered once; or why there is none now."""


@dataclass(frozen=True, slots=True)
class Verifying:
    book: IncidentBook
    journal: Journal
    closing: Closing
    reader: ArmReader
    orders: Orders
    job_poll_seconds: float
    longest_pause_seconds: float
    job_wait_hours: float
