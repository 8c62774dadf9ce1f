"""The journal: one audit chain an incident, and the three things written to it.

A note says what was found or decided. An intent is written ahead of a change, its
outcome after it; an intent without an outcome belongs to a process that died, or that
is still at work. docs/audit-format.md has the format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from shared.arm_ids import fold
from shared.audit.log import AuditLog, Fields
from shared.errors import AzureCallFailed

ACTOR = "azure-backup-remediator"
NOT_BEGUN = "not begun: "
"""How the outcome of a change begins that was not sent after all."""
PROCESS_ENDED = "not known: the process ended before the answer was on record"
"""Outcome of an intent whose process died before it could write one."""
RETRY, ATTEMPT = "retry", "attempt"
"""Kind of the note that a person wants a new attempt, and the name of its number in the
note's detail."""
type Detail = Mapping[str, Any] | None


class Chain(Protocol):
    """The audit chain that an entry goes to: an incident, or what is known of it."""

    @property
    def id(self) -> str: ...

    @property
    def vm_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ChainOf:
    """The chain of an incident of which only this is known."""

    id: str
    vm_id: str


@dataclass(frozen=True, slots=True)
class Journal:
    """Every method raises StoreUnavailable when the entry could not be stored."""

    log: AuditLog

    async def note(
        self,
        chain: Chain,
        kind: str,
        result: str,
        *,
        target: str = "",
        correlation_id: str = "",
        detail: Detail = None,
        actor: str = ACTOR,
    ) -> None:
        """Record what was found or decided, by this product or a person, or a further
        answer of Azure about a change whose intent is on record; `correlation_id`:
        ARM's, of that answer."""
        chosen = target or chain.vm_id
        fields = _build(chain, kind, chosen, "note", result, correlation_id, detail)
        fields["actor"] = actor
        await self.log.append(**fields)

    async def intent(
        self, chain: Chain, kind: str, target: str, detail: Detail = None, result: str = "begun"
    ) -> None:
        """Record what is about to be changed. Where this raises, it must not be."""
        await self.log.append(**_build(chain, kind, target, "intent", result, "", detail))

    async def outcome(
        self,
        chain: Chain,
        kind: str,
        target: str,
        result: str,
        correlation_id: str,
        detail: Detail = None,
    ) -> None:
        """Record how a change ended. `correlation_id`: ARM's, "" where it gave none.

        Each intent has one outcome: where another execution gave it one, this is a
        note.
        """

        async def is_open() -> bool:
            return (kind, fold(target)) in await self.open_intents(chain.id)

        fields = _build(chain, kind, target, "outcome", result, correlation_id, detail)
        if await self.log.append_if(is_open, **fields) is None:
            await self.note(
                chain, kind, result, target=target, correlation_id=correlation_id, detail=detail
            )

    async def failed(self, chain: Chain, kind: str, target: str, error: AzureCallFailed) -> None:
        """Record that Azure refused a change, or that its outcome is not known."""
        detail = {"code": error.code, "status": error.status, "policies": list(error.policies)}
        known = "not known" if error.may_have_happened else "failed"
        result = f"{known}: {error}"
        await self.outcome(chain, kind, target, result, error.correlation_id, detail)

    async def open_intents(self, chain_id: str) -> set[tuple[str, str]]:
        """(kind, folded target) of every intent that has no outcome yet."""
        return set(await self._read_open(chain_id))

    async def _read_open(self, chain_id: str) -> dict[tuple[str, str], str]:
        """As `open_intents`, each with its target as it is written there."""
        begun: dict[tuple[str, str], int] = {}
        written: dict[tuple[str, str], str] = {}
        async for entry in self.log.entries(incident=chain_id):
            if entry.phase in ("intent", "outcome"):
                key = (entry.kind, fold(entry.target))
                begun[key] = begun.get(key, 0) + (1 if entry.phase == "intent" else -1)
                written.setdefault(key, entry.target)
        return {key: written[key] for key, left in begun.items() if left > 0}

    async def close_intents(
        self, chain: Chain, result: str, wanted: Callable[[str, str], bool]
    ) -> None:
        """Give this outcome to each open intent that is `wanted`, by its kind and its
        folded target."""
        found = await self._read_open(chain.id)
        for (kind, folded), target in sorted(found.items()):
            if wanted(kind, folded):
                await self.outcome(chain, kind, target, result, "")

    async def intended(self, chain_id: str) -> set[str]:
        """Folded targets of all intents of the newest attempt, but for those whose
        request was not sent: what was about to be changed in it."""
        found: Counter[str] = Counter()
        attempt = 1
        async for entry in self.log.entries(incident=chain_id):
            if entry.phase == "intent":
                found[fold(entry.target)] += 1
            elif entry.phase == "outcome" and entry.result.startswith(NOT_BEGUN):
                found[fold(entry.target)] -= 1
            # Of two who asked for the same attempt the second may write after it began.
            elif entry.kind == RETRY and entry.detail.get(ATTEMPT, 0) > attempt:
                attempt = entry.detail[ATTEMPT]
                found.clear()
        return {target for target, count in found.items() if count > 0}


def _build(
    chain: Chain,
    kind: str,
    target: str,
    phase: str,
    result: str,
    correlation_id: str,
    detail: Detail,
) -> Fields:
    return Fields(
        incident=chain.id,
        vm=chain.vm_id,
        kind=kind,
        target=target,
        phase=phase,
        result=result,
        actor=ACTOR,
        correlation_id=correlation_id,
        detail=detail or {},
    )
