"""Incidents for people: newest first, narrowed by what they look for, a page at a time.

Each incident has one small row beside it, in the partition of its month (one partition
that takes every write does not scale), with a key that sorts newest first in every
store. It is written with the incident; the incident is the truth, and a row that is
missing or old is mended at the incident's next change.
https://learn.microsoft.com/azure/storage/tables/table-storage-design-guidelines
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from shared.arm_ids import fold
from shared.codec import from_json, to_json
from shared.errors import RowExists
from shared.incident.model import Incident, Verdict
from shared.incident.status import Status
from shared.store.contract import Body, Row, Store
from shared.store.update import remove, update

SUMMARIES, MONTHS = "summaries", "months"
"""The table, and the partition in it that names the months there are."""
MOST_READ = 5_000
"""Rows that one page reads at most; a filter that finds little stops there, and the
page offers to go on."""
LONGEST_REASON = 240
NOT_REVIEWED = "none"
_TOP = 10**14
_MONTH_DIGITS = 7  # of 15: eight more hold day and time
_KEY = re.compile(r"[0-9]{15}-[!-~]+")


@dataclass(frozen=True, slots=True)
class Summary:
    id: str
    status: str
    vm_id: str
    error_code: str
    causes: tuple[str, ...]
    """Confirmed ones."""
    changed: tuple[str, ...]
    """Kinds of the changes that were made."""
    opened_at: str
    closed_at: str
    job_id: str
    reason: str
    review: str = ""
    """State of the newest review, "" while there is none."""
    review_seq: int = 0
    """Place of that review in the incident's chain."""
    lock_stays: bool = False
    """It is fixed, and somebody has to remove a lock before the failure returns."""

    @property
    def vm(self) -> str:
        return self.vm_id.rsplit("/", 1)[-1]

    @property
    def needs_somebody(self) -> bool:
        return self.status == Status.NEEDS_PERSON or self.lock_stays

    @property
    def group(self) -> str:
        parts = self.vm_id.split("/")
        return parts[4] if len(parts) > 4 else ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A person's filter; "" lets everything through."""

    status: str = ""
    vm: str = ""
    """Part of the VM's name."""
    group: str = ""
    code: str = ""
    cause: str = ""
    changed: str = ""
    """A kind of change, or "any"."""
    since: str = ""
    until: str = ""
    """ISO 8601, compared with the time of opening."""
    review: str = ""
    """State of the newest review, or "none" where there is none."""
    somebody: bool = False
    """Only what somebody has to act on: it is with a person, or comes back under a lock
    that stays."""

    def takes(self, summary: Summary) -> bool:
        return (
            self.status in ("", summary.status)
            and fold(self.vm) in fold(summary.vm)
            and fold(self.group) in ("", fold(summary.group))
            and fold(self.code) in ("", fold(summary.error_code))
            and (not self.cause or self.cause in summary.causes)
            and (
                not self.changed
                or (
                    bool(summary.changed)
                    if self.changed == "any"
                    else self.changed in summary.changed
                )
            )
            and self.review in ("", summary.review or NOT_REVIEWED)
            and (not self.somebody or summary.needs_somebody)
            and (not self.since or summary.opened_at >= self.since)
            and (not self.until or summary.opened_at <= self.until)
        )

    @property
    def narrow(self) -> bool:
        return self != Wanted()


@dataclass(frozen=True, slots=True)
class Page:
    summaries: tuple[Summary, ...]
    after: str
    """Where the next page begins; "" when there is none."""


def summary_of(incident: Incident) -> Summary:
    return Summary(
        id=incident.id,
        status=incident.status.value,
        vm_id=incident.vm_id,
        error_code=incident.error_code,
        causes=tuple(each.cause for each in incident.findings if each.verdict is Verdict.CONFIRMED),
        changed=tuple(
            dict.fromkeys(each.kind for each in incident.all_actions if each.outcome == "done")
        ),
        opened_at=incident.opened_at,
        closed_at=incident.closed_at,
        job_id=incident.job_id,
        reason=incident.reason[:LONGEST_REASON],
        lock_stays=incident.lock_stays,
    )


def key_of(incident_id: str) -> str:
    """Newest first: ids begin with the time of opening."""
    digits = "".join(char for char in incident_id[:15] if char.isdecimal()) or "0"
    return f"{_TOP - int(digits):015d}-{incident_id}"


def month_of(key: str) -> str:
    """The partition of a key: its first digits, which stand for year and month and sort
    newest first as well. Raises ValueError for a text that is no key."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"no place in the list: {key[:80]!r}")
    return key[:_MONTH_DIGITS]


def _with_review(made: Summary, before: Summary | None) -> Summary:
    return replace(made, review=before.review, review_seq=before.review_seq) if before else made


class Listing:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._months: set[str] = set()

    async def put(self, incident: Incident) -> None:
        """Write the incident's row as the incident now is; its newest review stays.
        Raises StoreUnavailable."""
        made = summary_of(incident)
        await self._write(key_of(incident.id), lambda before: _with_review(made, before))

    async def reviewed(self, incident: Incident, state: str, seq: int) -> None:
        """Show this review, of the entry `seq`, unless a later one is shown.
        Raises StoreUnavailable."""
        made = replace(summary_of(incident), review=state, review_seq=seq)

        def newer(before: Summary | None) -> Summary:
            if before is None:
                return made
            return (
                before
                if before.review_seq >= seq
                else replace(before, review=state, review_seq=seq)
            )

        await self._write(key_of(incident.id), newer)

    async def _write(self, key: str, make: Callable[[Summary | None], Summary]) -> None:
        month = month_of(key)
        await self._name_month(month)

        async def apply(body: Body | None) -> Body:
            return dict(to_json(make(from_json(Summary, body) if body else None)))

        await update(self._store, SUMMARIES, month, key, apply)

    async def _name_month(self, month: str) -> None:
        """Name the month before its first row, so that no month can be missing."""
        if month not in self._months:
            with suppress(RowExists):
                await self._store.insert(SUMMARIES, MONTHS, month, {})
            self._months.add(month)

    async def forget(self, incident_id: str) -> None:
        key = key_of(incident_id)
        await remove(self._store, SUMMARIES, month_of(key), key)

    async def page(self, wanted: Wanted, size: int, after: str = "") -> Page:
        """At most `size` that the filter lets through, after the place `after` of an
        earlier page. Raises ValueError for a place that is none, and StoreUnavailable.
        """
        found: list[Summary] = []
        read, last = 0, ""
        async for row in self._rows(after, None if wanted.narrow else size + 1):
            if len(found) == size or read == MOST_READ:
                return Page(tuple(found), last)
            read, last = read + 1, row.key
            summary = from_json(Summary, row.body)
            if wanted.takes(summary):
                found.append(summary)
        return Page(tuple(found), "")

    async def _rows(self, after: str, limit: int | None) -> AsyncIterator[Row]:
        """Newest first, month by month; `limit`: no more of one month than that."""
        begin = month_of(after) if after else ""
        async for month in self._store.query(SUMMARIES, MONTHS):
            if month.key >= begin:
                place = after if month.key == begin else None
                async for row in self._store.query(SUMMARIES, month.key, after=place, limit=limit):
                    yield row
