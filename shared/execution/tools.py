"""What the executor works with, and the one way to make a change: intent, call,
outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from shared.arm_ids import fold
from shared.audit.log import AuditLog
from shared.azure.one_look import OneLook
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter
from shared.errors import AzureCallFailed
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.windows import LockWindows
from shared.incident.book import IncidentBook
from shared.plan.cooling import CoolingTime
from shared.plan.limits import ChangeLimiter
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
    windows: LockWindows
    limiter: ChangeLimiter
    cooling: CoolingTime


def for_one_look(tools: Tools) -> Tools:
    """The same tools with a reader that asks once for what several ask. Not to be kept
    longer than the look."""
    return replace(tools, reader=OneLook(tools.reader.clients))


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How a step ended: done, failed (tried in Azure, did not work), refused (a guard
    said no), busy (ask again soon), or waiting (a job of the VM runs: nothing was
    changed, plan anew once it has ended)."""

    result: str
    detail: str
    manual_steps: tuple[str, ...] = field(default=())

    @property
    def done(self) -> bool:
        return self.result == "done"


class Chain(Protocol):
    """Whose audit chain an entry goes to: an incident, or what is known of it."""

    @property
    def id(self) -> str: ...

    @property
    def vm_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ChainOf:
    id: str
    vm_id: str


@dataclass(frozen=True, slots=True)
class Journal:
    """One audit chain to write to: what code is given that needs to put a change on
    record and nothing else of Tools."""

    audit: AuditLog
    chain: Chain

    async def intent(
        self, kind: str, target: str, detail: Mapping[str, Any] | None = None, result: str = "begun"
    ) -> None:
        """Write down what is about to be changed. Raises StoreUnavailable: then it must
        not be."""
        await self._write(kind, target, "intent", result, "", detail)

    async def outcome(
        self,
        kind: str,
        target: str,
        result: str,
        correlation_id: str,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down how a change ended."""
        await self._write(kind, target, "outcome", result, correlation_id, detail)

    async def failed(self, kind: str, target: str, error: AzureCallFailed) -> None:
        """Write down that Azure refused a change, or that nobody knows whether it was
        made."""
        detail = {"code": error.code, "status": error.status, "policies": list(error.policies)}
        says = "not known" if error.may_have_happened else "failed"
        await self.outcome(kind, target, f"{says}: {error}", error.correlation_id, detail)

    async def note(
        self, kind: str, result: str, target: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Write down something that was found or decided; nothing was changed by it."""
        await self._write(kind, target, "note", result, "", detail)

    async def _write(
        self,
        kind: str,
        target: str,
        phase: str,
        result: str,
        correlation_id: str,
        detail: Mapping[str, Any] | None,
    ) -> None:
        await self.audit.append(
            incident=self.chain.id,
            vm=self.chain.vm_id,
            kind=kind,
            target=target,
            phase=phase,
            result=result,
            actor=ACTOR,
            correlation_id=correlation_id,
            detail=detail or {},
        )


async def note(
    tools: Tools,
    chain: Chain,
    kind: str,
    result: str,
    *,
    target: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down something that was found or decided; nothing was changed by it."""
    await Journal(tools.audit, chain).note(kind, result, target or chain.vm_id, detail)


async def intent(
    tools: Tools,
    chain: Chain,
    kind: str,
    target: str,
    detail: Mapping[str, Any] | None = None,
    result: str = "begun",
) -> None:
    """Write down what is about to be changed. Raises StoreUnavailable: then it must not
    be."""
    await Journal(tools.audit, chain).intent(kind, target, detail, result)


async def outcome(
    tools: Tools,
    chain: Chain,
    kind: str,
    target: str,
    result: str,
    correlation_id: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down how a change ended."""
    await Journal(tools.audit, chain).outcome(kind, target, result, correlation_id, detail)


async def failed(
    tools: Tools, chain: Chain, kind: str, target: str, error: AzureCallFailed
) -> None:
    """Write down that Azure refused a change, or that nobody knows whether it was made."""
    await Journal(tools.audit, chain).failed(kind, target, error)


async def change(
    tools: Tools,
    chain: Chain,
    kind: str,
    target: str,
    call: Callable[[], Awaitable[str]],
    detail: Mapping[str, Any] | None = None,
) -> str:
    """Write the intent, make the call, write the outcome. Returns ARM's correlation id.

    If the intent cannot be written nothing is called. Raises what the call raises,
    after its outcome is written.
    """
    await intent(tools, chain, kind, target, detail)
    try:
        correlation_id = await call()
    except AzureCallFailed as error:
        await failed(tools, chain, kind, target, error)
        raise
    await outcome(tools, chain, kind, target, "done", correlation_id)
    return correlation_id


async def open_intents(tools: Tools, chain_id: str) -> set[tuple[str, str]]:
    """(kind, target) of every intent that has no outcome yet: its process died, or is
    still at work."""
    begun: dict[tuple[str, str], int] = {}
    async for entry in tools.audit.entries(incident=chain_id):
        if entry.phase in ("intent", "outcome"):
            key = (entry.kind, fold(entry.target))
            begun[key] = begun.get(key, 0) + (1 if entry.phase == "intent" else -1)
    return {key for key, left in begun.items() if left > 0}


async def intended(tools: Tools, chain_id: str) -> set[str]:
    """Targets of all intents, folded: what was ever about to be changed."""
    return {
        fold(entry.target)
        async for entry in tools.audit.entries(incident=chain_id)
        if entry.phase == "intent"
    }
