"""What diagnosis is given: it reads Azure and changes nothing there."""

from __future__ import annotations

from dataclasses import dataclass

from shared.audit.journal import Journal
from shared.azure.reader import ArmReader
from shared.azure.vm_log import VmLog
from shared.diagnosis.checkers.contract import Reader
from shared.incident.book import IncidentBook
from shared.incident.closing import Closing
from shared.incident.waiting import Waits


@dataclass(frozen=True, slots=True)
class Diagnosis:
    book: IncidentBook
    journal: Journal
    closing: Closing
    waits: Waits
    reader: ArmReader
    checker_reader: Reader
    """What checkers read through: locks that are off because of us count as there."""
    log: VmLog
    """What the workspace has of a VM: evidence only."""
    mode: str
    """Of the installation; see `shared.plan.policy`."""
    minimum_linux_agent: str
    stuck_extension_seconds: float
    """After how long in transition an extension is stuck."""
