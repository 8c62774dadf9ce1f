"""The facts that the checkers of one diagnosis judge: each is read once, and goes on
record with the incident.

The gathering has the checkers run over a reader that remembers each answer, so it reads
what they ask for, and asks for nothing else. Each checker then judges the record, in an
activity of its own. What only one open cause needs, the network's rules and routes, is
left to that checker. A fact that the record does not have is read when it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from shared import clock
from shared.arm_ids import fold
from shared.azure.one_look import Reads, name_fact
from shared.codec import from_json, to_json
from shared.diagnosis.checkers.contract import Reader
from shared.facts import (
    Absent,
    Extension,
    Lock,
    RestorePointCollection,
    Unreadable,
    VirtualMachine,
)
from shared.incident.model import FactsOnRecord, Incident
from shared.network_facts import AppliedGroup, Route
from shared.settings import TAG
from shared.vault_facts import BackupPolicy, ProtectedItem

KEPT_SECONDS = 300.0
"""A diagnosis that begins later than this after the gathering reads anew."""
JUST_SECONDS = 120.0
"""Within it the looks between diagnosis and fence are spared. What a change rests on is
read again right before it, however recent the diagnosis is."""
MOST_CHARACTERS = 100_000
"""Of the record as JSON. A fact with which it would be longer is left out, and read
again by the checker that needs it."""
_ENDS = {"absent": Absent, "unreadable": Unreadable}


class GatheredFacts:
    """A reader over facts on record, which reads through `reader` what is not there.

    `network`: whether rules and routes may be read.
    """

    def __init__(
        self, reader: Reader, record: Mapping[str, str] | None = None, *, network: bool = True
    ) -> None:
        self._reader = reader
        self._record = record or {}
        self._network = network
        self._reads = Reads()

    async def virtual_machine(self, vm_id: str) -> VirtualMachine | Absent | Unreadable:
        return await self._once("VM", VirtualMachine, self._reader.virtual_machine, vm_id)

    async def extensions(self, vm_id: str) -> tuple[Extension, ...] | Absent | Unreadable:
        kind = tuple[Extension, ...]
        return await self._once("extensions", kind, self._reader.extensions, vm_id)

    async def extension(self, extension_id: str) -> Extension | Absent | Unreadable:
        return await self._once("extension", Extension, self._reader.extension, extension_id)

    async def restore_point_collections(
        self, vm_id: str
    ) -> tuple[RestorePointCollection, ...] | Absent | Unreadable:
        read, kind = self._reader.restore_point_collections, tuple[RestorePointCollection, ...]
        return await self._once("restore point collections", kind, read, vm_id)

    async def locks(
        self, scope: str, *, below: bool = False
    ) -> tuple[Lock, ...] | Absent | Unreadable:
        read = partial(self._reader.locks, below=below)
        what = "locks at, above and below" if below else "locks at and above"
        return await self._once(what, tuple[Lock, ...], read, scope)

    async def protected_item(self, item_id: str) -> ProtectedItem | Absent | Unreadable:
        return await self._once("item", ProtectedItem, self._reader.protected_item, item_id)

    async def backup_policy(self, policy_id: str) -> BackupPolicy | Absent | Unreadable:
        return await self._once("policy", BackupPolicy, self._reader.backup_policy, policy_id)

    async def effective_groups(
        self, interface_id: str
    ) -> tuple[AppliedGroup, ...] | Absent | Unreadable:
        if not self._network:
            return Unreadable("the effective rules", "they are left to the checker")
        return await self._reader.effective_groups(interface_id)

    async def effective_routes(self, interface_id: str) -> tuple[Route, ...] | Absent | Unreadable:
        if not self._network:
            return Unreadable("the effective routes", "they are left to the checker")
        return await self._reader.effective_routes(interface_id)

    def to_record(self, failed_at: str) -> FactsOnRecord:
        """What was read, of a VM no tags but ours: others may hold anything."""
        record: dict[str, str] = {}
        room = MOST_CHARACTERS
        for key, read in self._reads.asked.items():
            text = _to_text(read.result())
            if len(text) <= room:
                record[key] = text
                room -= len(text)
        return FactsOnRecord(failed_at, clock.now(), record)

    async def _once[T](
        self, what: str, kind: Any, read: Callable[[str], Awaitable[T]], of: str
    ) -> T:
        key = name_fact(what, of)
        if key in self._record:
            known: T = _from_text(kind, self._record[key])
            return known
        return await self._reads.once(what, of, read)


def recorded(incident: Incident, failed_at: str, reader: Reader) -> GatheredFacts:
    """A reader over the incident's facts, where they are of this failure and recent."""
    facts = incident.facts
    if facts is None or not _is_recent(facts, failed_at, facts.read_at, KEPT_SECONDS):
        return GatheredFacts(reader)
    return GatheredFacts(reader, facts.read)


def is_just_diagnosed(incident: Incident, failed_at: str = "") -> bool:
    """Whether it was seen only just, in the diagnosis of this failure, that no later
    backup ended and no job of the VM runs: who makes a change looks again right before
    it, and nobody in between."""
    facts = incident.facts
    return facts is not None and _is_recent(facts, failed_at, facts.jobs_at, JUST_SECONDS)


def _is_recent(facts: FactsOnRecord, failed_at: str, since: str, seconds: float) -> bool:
    if failed_at and clock.normal(facts.failed_at) != clock.normal(failed_at):
        return False
    return bool(since) and clock.now() <= clock.after(since, seconds)


def _to_text(fact: Any) -> str:
    if isinstance(fact, VirtualMachine):
        ours = {name: value for name, value in fact.tags.items() if fold(name) == TAG}
        fact = replace(fact, tags=ours)
    ended = next((name for name, kind in _ENDS.items() if isinstance(fact, kind)), "fact")
    return json.dumps({ended: to_json(fact)}, ensure_ascii=False)


def _from_text(kind: Any, text: str) -> Any:
    """Raises NotUsable."""
    (ended, value), *_ = json.loads(text).items()
    return from_json(_ENDS.get(ended, kind), value)
