"""Which locks the Activity Log shows as left off: a deletion of ours is the last thing
that happened to them. Each is compared with the lock itself, now.

A deletion is ours by the correlation id of an answer that is on record, else by our
principal's object id in the claims, else by the caller. How the log names a managed
identity is not established (docs/limits.md): what tells neither way is unknown, which
is never ours and never fine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from command_line.activity_log import LockEvent, LogRead, read_locks
from shared import clock
from shared.arm_ids import fold, group_of, same
from shared.audit.log import AuditLog
from shared.azure.reader import ArmReader
from shared.codec import from_json
from shared.counts import count_of
from shared.errors import NotUsable
from shared.execution.executor import Execution
from shared.execution.lock_window.lock_row import LockRow
from shared.execution.lock_window.words import by_hand
from shared.facts import Absent, Lock, Unreadable
from shared.incident.model import LIFT, RESTORE

RIGHT = "sign in as somebody with Reader on the subscription"
OLDEST_READ_SECONDS = 120.0
"""A lock that is read this soon after its deletion may be an old reading."""


class Whose(StrEnum):
    OURS = "ours"
    OTHERS = "somebody else's"
    UNKNOWN = "not known whose"


@dataclass(frozen=True, slots=True)
class OnRecord:
    """What our own audit log says of locks. Keys and ids are in lower case."""

    correlation_ids: frozenset[str]
    bodies: Mapping[str, Lock]
    """The last one that was written down before a lock was to be lifted, by its id."""


@dataclass(frozen=True, slots=True)
class LeftOff:
    """The last deletion of a lock, no write after it."""

    lock_id: str
    deleted_at: str
    written_at: str
    """The last write of anybody before; "": none in the time that was read."""
    whose: Whose
    why: str
    """Why it counts as that."""


@dataclass(frozen=True, slots=True)
class Verdict:
    left_off: LeftOff
    now: str
    by_hand: str
    """The command that puts the lock back; "" where its body is not on record."""
    wrong: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self.left_off) | {
            "now": self.now,
            "by_hand": self.by_hand,
            "wrong": self.wrong,
        }


async def read_record(log: AuditLog) -> OnRecord:
    """Raises StoreUnavailable. An entry without a body that can be read has none."""
    ids: set[str] = set()
    bodies: dict[str, Lock] = {}
    async for entry in log.entries():
        if entry.kind in (LIFT, RESTORE):
            ids.add(fold(entry.correlation_id))
        if entry.kind == LIFT and entry.phase == "intent":
            body = _read_body(entry.detail.get("lock"))
            if body is not None:
                bodies[fold(entry.target)] = body
    return OnRecord(frozenset(ids - {""}), bodies)


def _read_body(wire: Any) -> Lock | None:
    try:
        return from_json(Lock, wire)
    except NotUsable:
        return None


def find_left_off(read: LogRead, correlation_ids: Collection[str], principal: str) -> list[LeftOff]:
    """Locks whose last write is not later than a deletion of ours, or of nobody knows
    whom, and whose resource group was not deleted later. By id."""
    by_lock: dict[str, list[LockEvent]] = {}
    for event in read.events:
        by_lock.setdefault(event.lock_id, []).append(event)
    found = [
        _judge(by_lock[lock], read.groups_gone, correlation_ids, principal)
        for lock in sorted(by_lock)
    ]
    return [each for each in found if each is not None]


def _judge(
    events: list[LockEvent],
    groups_gone: Mapping[str, str],
    correlation_ids: Collection[str],
    principal: str,
) -> LeftOff | None:
    written_at = max((each.at for each in events if not each.deleted), default="")
    unwritten: dict[Whose, tuple[LockEvent, str]] = {}
    for event in events:
        # At the same moment either may have been the last.
        if event.deleted and event.at >= written_at:
            whose, why = tell_whose(event, correlation_ids, principal)
            unwritten[whose] = (event, why)
    for whose in (Whose.OURS, Whose.UNKNOWN):
        if whose in unwritten:
            event, why = unwritten[whose]
            if _group_gone_at(event.lock_id, groups_gone) > event.at:
                return None
            return LeftOff(event.lock_id, event.at, written_at, whose, why)
    return None


def tell_whose(
    event: LockEvent, correlation_ids: Collection[str], principal: str
) -> tuple[Whose, str]:
    """Whose this deletion is, and by what. `principal`: our object id, or ""."""
    if fold(event.correlation_id) in correlation_ids:
        return Whose.OURS, "its correlation id is on record"
    if not principal:
        return Whose.UNKNOWN, "its correlation id is not on record, and no --principal was given"
    if event.object_id:
        whose = Whose.OURS if same(event.object_id, principal) else Whose.OTHERS
        return whose, f"its claims name the object id {event.object_id}"
    if same(event.caller, principal):
        return Whose.OURS, f"its caller is {event.caller}"
    if "@" in event.caller:
        return Whose.OTHERS, f"its caller is {event.caller}"
    return Whose.UNKNOWN, f"it names no object id, and its caller is {event.caller or 'empty'}"


def _group_gone_at(lock_id: str, groups_gone: Mapping[str, str]) -> str:
    try:
        return groups_gone.get(fold(group_of(lock_id)), "")
    except NotUsable:  # of the subscription
        return ""


@dataclass(frozen=True, slots=True)
class LogCheck:
    """`problem`: why the log could not be read, or ""."""

    problem: str
    read: LogRead | None
    verdicts: tuple[Verdict, ...] = ()

    @property
    def wrong(self) -> bool:
        incomplete = self.read is None or bool(self.read.not_understood)
        return incomplete or any(each.wrong for each in self.verdicts)

    def to_json(self) -> dict[str, Any]:
        read = self.read
        return {
            "problem": self.problem,
            "since": read.since if read else "",
            "complete_until": read.complete_until if read else "",
            "records": read.records if read else 0,
            "deletions": read.deletions if read else 0,
            "not_understood": list(read.not_understood) if read else [],
            "locks": [each.to_json() for each in self.verdicts],
        }

    def to_lines(self) -> Iterator[str]:
        """For people. Each command stands on a line of its own, to be copied."""
        if self.read is None:
            yield f"The Activity Log is not known: {self.problem}"
            return
        for each in self.verdicts:
            yield from _describe(each)
        for problem in self.read.not_understood:
            yield f"not understood: {problem}"
        records = count_of(self.read.records, "record")
        yield (
            f"Activity Log since {self.read.since}: {records}; deletions of"
            f" locks: {self.read.deletions}; not written again: {len(self.verdicts)}. Complete"
            f" until {self.read.complete_until}; later records may be missing."
        )


def _describe(verdict: Verdict) -> Iterator[str]:
    left_off = verdict.left_off
    written = left_off.written_at or "not in this time"
    yield f"{verdict.now}: {left_off.lock_id}"
    yield f"  deleted at {left_off.deleted_at}, written last: {written}"
    yield f"  the deletion is {left_off.whose}: {left_off.why}"
    if verdict.wrong and not verdict.by_hand:
        yield "  its body is not on record here; look in an export of the audit log (lift_lock)"
    if verdict.by_hand:
        yield verdict.by_hand


async def check_log(execution: Execution, days: int, principal: str) -> LogCheck:
    """Read the log of the last `days` days, and look at each lock that it shows as left
    off. Raises StoreUnavailable."""
    read = await read_locks(execution.reader.clients, days)
    if isinstance(read, Unreadable):
        return LogCheck(f"{read.why}; {RIGHT}", None)
    record = await read_record(execution.journal.log)
    opened = {fold(entry.lock.id): entry for entry in await execution.ledger.open_locks()}
    left_off = find_left_off(read, record.correlation_ids, principal)
    return LogCheck(
        "",
        read,
        tuple([await compare(execution.reader, each, record, opened) for each in left_off]),
    )


async def compare(
    reader: ArmReader, left_off: LeftOff, record: OnRecord, opened: Mapping[str, LockRow]
) -> Verdict:
    """Look at the lock itself. `opened`: open locks of the ledger, by id in lower
    case."""
    entry = opened.get(left_off.lock_id)
    body = entry.lock if entry else record.bodies.get(left_off.lock_id)
    found = await reader.lock(body.id if body else left_off.lock_id)
    now, wrong = _describe_now(left_off, found, entry, body)
    command = by_hand(body) if body is not None and not isinstance(found, Lock) else ""
    return Verdict(left_off, now, command, wrong)


def _describe_now(
    left_off: LeftOff,
    found: Lock | Absent | Unreadable,
    entry: LockRow | None,
    body: Lock | None,
) -> tuple[str, bool]:
    """What it is now, in words, and whether that is wrong."""
    if isinstance(found, Unreadable):
        return f"not known ({found.reason})", True
    if isinstance(found, Lock):
        if clock.after(left_off.deleted_at, OLDEST_READ_SECONDS) > clock.now():
            return "there, but that may be an old reading: ask again in two minutes", True
        changed = body is not None and not found.same_content(body)
        how = ", with another content than it had" if changed else ""
        return f"there{how}; the record of its write may be yet to come", False
    if entry is not None and not entry.overdue:
        return f"off, and in the ledger: back by {entry.deadline} at the latest", False
    return "off", True
