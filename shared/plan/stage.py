"""What planning is given: it reads Azure and changes nothing there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.audit.journal import Journal
from shared.azure.reader import ArmReader
from shared.incident.book import IncidentBook
from shared.incident.closing import Closing
from shared.incident.outcome import GroupHeld
from shared.incident.waiting import Waits
from shared.plan.cooling import CoolingTime
from shared.plan.limits import ChangeLimiter
from shared.plan.on_demand import OnDemandBackups

type AskGroup = Callable[[str, str], Awaitable[GroupHeld | None]]
"""(group id, incident id) -> why the group may not be unlocked for the incident now.
Raises StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class Planning:
    book: IncidentBook
    journal: Journal
    closing: Closing
    waits: Waits
    reader: ArmReader
    limiter: ChangeLimiter
    cooling: CoolingTime
    backups: OnDemandBackups
    held: AskGroup
    mode: str
    """Of the installation; see `shared.plan.policy`."""
    retry_after_seconds: float
    """The pause before a second try."""
