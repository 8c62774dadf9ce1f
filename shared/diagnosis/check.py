"""One checker, for one cause. Fanned out side by side, so each reads for itself."""

from __future__ import annotations

from shared.diagnosis.checkers.contract import Subject
from shared.diagnosis.examine import examine
from shared.execution.lock_window.seen_locks import LedgerAwareReader
from shared.execution.tools import Tools
from shared.incident.model import Finding, Incident


async def check(tools: Tools, incident: Incident, failed_at: str, slug: str) -> Finding:
    """The finding of one cause."""
    subject = Subject(
        incident.vm_id,
        failed_at,
        tools.settings.minimum_linux_agent,
        incident.code_now,
        incident.item_id,
    )
    return await examine(slug, subject, LedgerAwareReader(tools.reader, tools.ledger))
