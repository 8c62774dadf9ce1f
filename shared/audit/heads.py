"""Daily heads: one entry a day that binds every chain of that day, so that nothing can
be cut off or left out afterwards without a trace.

A head is an entry of the chain `heads`, written once the day is over. Its root is the
SHA-256 over one line for each incident with entries on that day, sorted: incident,
number and hash of its last entry of the day. With a copy of one head (see seals.py)
anybody can check that the log up to that day is unchanged.
https://learn.microsoft.com/azure/storage/blobs/immutable-storage-overview
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta

from shared.audit.chain import Broken
from shared.audit.entry import Entry
from shared.audit.journal import ACTOR
from shared.audit.log import AuditLog
from shared.counts import count_of

HEADS = "heads"
KIND, RETENTION = "head", "retention"
SETTLED_MINUTES = 10
"""How long after midnight (UTC) a day ends, for writers whose clocks are behind."""


class Days:
    """Compares entries, as they are read, with the heads of their days. It keeps only
    the last place in each chain of each day."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str, tuple[int, str]]] = {}
        self.heads: list[Entry] = []

    def add(self, entry: Entry) -> None:
        if entry.incident == HEADS:
            self.heads.append(entry)
            return
        chains = self._last.setdefault(entry.at[:10], {})
        if entry.seq > chains.get(entry.incident, (0, ""))[0]:
            chains[entry.incident] = (entry.seq, entry.hash)

    def root(self, day: str) -> tuple[str, int]:
        """The root of a day (YYYY-MM-DD) and the number of chains that it binds, the
        chain of heads excepted."""
        chains = self._last.get(day, {})
        lines = "".join(
            f"{incident} {seq} {hash_}\n" for incident, (seq, hash_) in sorted(chains.items())
        )
        return hashlib.sha256(lines.encode()).hexdigest(), len(chains)

    def broken(self) -> Broken | None:
        """The first head that the entries do not match; None when they match all. Days
        before a recorded retention are skipped."""
        kept_since = max(
            (
                str(entry.detail.get("before", ""))
                for entry in self.heads
                if entry.kind == RETENTION
            ),
            default="",
        )
        for head in self.heads:
            day = str(head.detail.get("day", ""))
            if head.kind != KIND or day < kept_since:
                continue
            root, chains = self.root(day)
            if (root, chains) != (head.detail.get("root"), head.detail.get("chains")):
                reason = (
                    f"the entries of {day} are not those that it bound; chains then:"
                    f" {head.detail.get('chains')}, now: {chains}"
                )
                return Broken(HEADS, head.seq, reason)
        return None


async def bind_days(log: AuditLog, now: datetime) -> list[Entry]:
    """Write the head of every day that is over and has none, from the log's first entry
    on. Returns the new heads. Idempotent, also when two run at once."""
    bound = {
        str(entry.detail["day"])
        async for entry in log.entries(incident=HEADS)
        if entry.kind == KIND
    }
    over = (now - timedelta(minutes=SETTLED_MINUTES)).astimezone(UTC).date() - timedelta(days=1)
    first = await _first_day(log, bound)
    made = []
    while first is not None and first <= over:
        day = first.isoformat()
        if day not in bound:
            root, chains = await _root_of(log, day)
            detail = {"day": day, "root": root, "chains": chains}
            made.append(
                await log.append(
                    incident=HEADS,
                    vm="",
                    kind=KIND,
                    target=day,
                    phase="note",
                    result=f"{count_of(chains, 'chain')} of {day} bound",
                    actor=ACTOR,
                    correlation_id="",
                    detail=detail,
                )
            )
        first += timedelta(days=1)
    return made


async def _root_of(log: AuditLog, day: str) -> tuple[str, int]:
    days = Days()
    async for entry in log.entries(since=day):
        if entry.at[:10] == day:
            days.add(entry)
    return days.root(day)


async def _first_day(log: AuditLog, bound: set[str]) -> date | None:
    """The day after the last head, else the day of the oldest incident's first entry;
    None for an empty log."""
    if bound:
        return date.fromisoformat(max(bound)) + timedelta(days=1)
    async for entry in log.entries():
        if entry.incident != HEADS:
            return date.fromisoformat(entry.at[:10])
    return None
