"""Daily heads: one entry a day that binds every chain of that day, so that nothing can
be cut off or left out afterwards.

A head is an entry of the chain `heads`, made once the day is over. Its root is the
SHA-256 over one line for each incident that was written to on that day, sorted:
incident, number and hash of its last entry of that day. Whoever holds one head (see
seals.py) can tell whether the log still is what it was.
https://learn.microsoft.com/azure/storage/blobs/immutable-storage-overview
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from shared.audit.chain import Broken
from shared.audit.entry import Entry
from shared.audit.log import AuditLog

HEADS = "heads"
KIND, RETENTION = "head", "retention"
ACTOR = "azure-backup-remediator"
SETTLED_MINUTES = 10
"""How long after midnight (UTC) a day counts as over: for writers whose clocks are
behind."""


class Days:
    """Entries as they are read, and what the heads say of their days. Of each day only
    the last place in each chain is kept."""

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
        """The root of a day (YYYY-MM-DD) and how many chains it binds. The chain of
        heads itself is not among them."""
        chains = self._last.get(day, {})
        lines = "".join(
            f"{incident} {seq} {hash_}\n" for incident, (seq, hash_) in sorted(chains.items())
        )
        return hashlib.sha256(lines.encode()).hexdigest(), len(chains)

    def broken(self) -> Broken | None:
        """The first head that the entries do not bear out; None when all do. Days
        before a recorded retention are not asked for."""
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
                told = (
                    f"the entries of {day} are not those that it bound: {head.detail.get('chains')}"
                    f" chains then, {chains} now"
                )
                return Broken(HEADS, head.seq, told)
        return None


def check_heads(entries: Iterable[Entry]) -> Broken | None:
    """The first head that the entries do not bear out; None when all do."""
    days = Days()
    for entry in entries:
        days.add(entry)
    return days.broken()


async def make_due(log: AuditLog, now: datetime) -> list[Entry]:
    """Bind every day that is over and not bound yet, up to the first entry of the log.
    Safe to run twice at once."""
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
                    result=f"{chains} chains of {day} bound",
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
    """The day after the last one bound, or the day of the oldest incident's first
    entry; None while there is none."""
    if bound:
        return date.fromisoformat(max(bound)) + timedelta(days=1)
    async for entry in log.entries():
        if entry.incident != HEADS:
            return date.fromisoformat(entry.at[:10])
    return None
