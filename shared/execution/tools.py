"""What the executor works with, and the one way to make a change: intent, call, outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.audit.log import AuditLog
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter
from shared.errors import AzureCallFailed
from shared.execution.ledger import LockLedger
from shared.execution.limiter import ChangeLimiter
from shared.incident.book import IncidentBook
from shared.incident.model import Incident
from shared.settings import Settings

ACTOR = "azure-backup-remediator"


@dataclass(frozen=True, slots=True)
class Tools:
    settings: Settings
    reader: ArmReader
    writer: ArmWriter
    audit: AuditLog
    book: IncidentBook
    ledger: LockLedger
    limiter: ChangeLimiter


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How a step ended: done, failed (tried in Azure, did not work), refused (a guard said no), or busy (ask again later)."""

    result: str
    detail: str
    manual_steps: tuple[str, ...] = field(default=())

    @property
    def done(self) -> bool:
        return self.result == "done"


async def note(
    tools: Tools, incident: Incident, kind: str, result: str, *, target: str = "", detail: Mapping[str, Any] | None = None
) -> None:
    """Write down something that was found or decided; nothing was changed by it."""
    await _write(tools, incident, kind, target or incident.vm_id, "note", result, "", detail)


async def change(
    tools: Tools,
    incident: Incident,
    kind: str,
    target: str,
    call: Callable[[], Awaitable[str]],
    detail: Mapping[str, Any] | None = None,
) -> str:
    """Write the intent, make the call, write the outcome. Returns ARM's correlation id.

    If the intent cannot be written nothing is called. Raises what the call raises, after its outcome is written.
    """
    await _write(tools, incident, kind, target, "intent", "begun", "", detail)
    try:
        correlation_id = await call()
    except AzureCallFailed as error:
        told = {"code": error.code, "status": error.status}
        await _write(tools, incident, kind, target, "outcome", f"failed: {error}", error.correlation_id, told)
        raise
    await _write(tools, incident, kind, target, "outcome", "done", correlation_id, None)
    return correlation_id


async def _write(
    tools: Tools,
    incident: Incident,
    kind: str,
    target: str,
    phase: Any,
    result: str,
    correlation_id: str,
    detail: Mapping[str, Any] | None,
) -> None:
    await tools.audit.append(
        incident=incident.id,
        vm=incident.vm_id,
        kind=kind,
        target=target,
        phase=phase,
        result=result,
        actor=ACTOR,
        correlation_id=correlation_id,
        detail=detail or {},
    )
