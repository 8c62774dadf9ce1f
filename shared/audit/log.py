"""Appends to the audit log and reads it. There is no method that changes or removes an
entry."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, TypedDict, Unpack

from shared import clock
from shared.arm_ids import same
from shared.audit.chain import GENESIS, add_hash
from shared.audit.entry import PHASES, Entry
from shared.errors import RowExists, StoreUnavailable
from shared.store.contract import Row, Store

AUDIT = "audit"
ATTEMPTS = 200
LONGEST_DETAIL_CHARACTERS = 100_000
KNOWN_HEADS = 1000
"""How many chains' last entries are cached, to save reads. A cached one may be out of
date: then the insert fails and the chain is read again."""
_DIGITS = 8


class Fields(TypedDict):
    """What a writer says of an entry; the chain adds place, time and hashes."""

    incident: str
    vm: str
    kind: str
    target: str
    phase: str
    result: str
    actor: str
    correlation_id: str
    detail: Mapping[str, Any]


class AuditLog:
    """One chain per incident. Of writers that race for a place in it, the store's
    conditional insert lets one win."""

    def __init__(self, store: Store, on_append: Callable[[Entry], None] | None = None) -> None:
        """`on_append` receives each entry once it is stored; it must not raise."""
        self._store = store
        self._on_append = on_append
        self._heads: dict[str, Entry] = {}

    async def append(self, **fields: Unpack[Fields]) -> Entry:
        """Append an entry and return it as stored. Raises StoreUnavailable when it was
        not stored: then the caller must change nothing."""
        entry = await self._append(None, fields)
        if entry is None:
            raise TypeError("only a condition keeps an entry from being written")
        return entry

    async def append_if(
        self, still: Callable[[], Awaitable[bool]], **fields: Unpack[Fields]
    ) -> Entry | None:
        """As `append`, as long as `still`: it is asked again after the chain's end was
        read, so nothing comes between its answer and the entry. None: it said no."""
        return await self._append(still, fields)

    async def _append(
        self, still: Callable[[], Awaitable[bool]] | None, fields: Fields
    ) -> Entry | None:
        incident, phase = fields["incident"], fields["phase"]
        if phase not in PHASES:
            raise ValueError(f"phase is {phase!r}; one of {', '.join(PHASES)}")
        fields["detail"] = _bound_detail(fields["detail"])
        for _ in range(ATTEMPTS):
            head = self._heads.get(incident) or await self._find_head(incident)
            if still is not None and not await still():
                return None
            entry = add_hash(
                Entry(
                    seq=head.seq + 1 if head else 1,
                    at=clock.now(),
                    prev_hash=head.hash if head else GENESIS,
                    hash="",
                    **fields,
                )
            )
            if await self._take_place(entry):
                if self._on_append:
                    self._on_append(entry)
                return entry
            await asyncio.sleep(random.uniform(0, 0.02))
        raise StoreUnavailable(f"the audit chain of {incident} was written by too many at once")

    async def entries(
        self, *, incident: str | None = None, vm: str | None = None, since: str | None = None
    ) -> AsyncIterator[Entry]:
        """Entries incident by incident, the oldest incident first, each in the order of
        its chain. `since` is ISO 8601, inclusive."""
        async for row in self._store.query(AUDIT, incident):
            entry = _read_entry(row)
            if (vm is None or same(entry.vm, vm)) and (since is None or entry.at >= since):
                yield entry

    async def _take_place(self, entry: Entry) -> bool:
        """Insert the entry at its place in the chain. False: the place is taken, by
        another writer or by our own write whose answer was lost."""
        try:
            await self._store.insert(AUDIT, entry.incident, _make_key(entry.seq), entry.to_json())
        except RowExists:
            self._heads.pop(entry.incident, None)
            return False
        if len(self._heads) >= KNOWN_HEADS:
            self._heads.clear()
        self._heads[entry.incident] = entry
        return True

    async def _find_head(self, incident: str) -> Entry | None:
        """The last entry of a chain. Found by doubling steps and bisection, so that a
        long chain is not read whole."""
        last, step = 0, 1
        while await self._exists(incident, last + step):
            last, step = last + step, step * 2
        while step > 1:
            step //= 2
            if await self._exists(incident, last + step):
                last += step
        row = await self._store.get(AUDIT, incident, _make_key(last)) if last else None
        return _read_entry(row) if row else None

    async def _exists(self, incident: str, seq: int) -> bool:
        return await self._store.get(AUDIT, incident, _make_key(seq)) is not None


def oldest_first(entries: Iterable[Entry]) -> list[Entry]:
    """Entries of many incidents by time. Those of one incident keep their chain's order
    even where the writers' clocks disagree."""
    latest: dict[str, str] = {}

    def place(entry: Entry) -> str:
        latest[entry.incident] = max(latest.get(entry.incident, ""), entry.at)
        return latest[entry.incident]

    return sorted(entries, key=place)


def _read_entry(row: Row) -> Entry:
    return Entry.from_json(row.body)


def _make_key(seq: int) -> str:
    return f"{seq:0{_DIGITS}d}"


def _bound_detail(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """The detail as plain JSON values, as it will be read back; cut where it is too
    long: evidence comes from outside, where nothing limits it."""
    text = json.dumps(detail, ensure_ascii=False, allow_nan=False)
    if len(text) > LONGEST_DETAIL_CHARACTERS:
        return {"cut": True, "characters": len(text), "begins": text[:LONGEST_DETAIL_CHARACTERS]}
    plain: dict[str, Any] = json.loads(text)
    return plain
