"""One row of the lock ledger, as a value: its states, and what is read out of them.

    (none) → PLANNED → SENT → OFF → RETURNING → SETTLED
                                        ├─ WATCHED → SETTLED
                                        └─ NEEDS_PERSON

docs/lock-protocol.md says what each state means and who may write it. While a row is
open, the lock's absence in Azure is not the truth (see `count_in`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from shared import clock
from shared.arm_ids import fold, is_at_or_above
from shared.audit.journal import ChainOf
from shared.facts import Lock

SCHEMA = 1
"""A row of another number is never lifted from: it counts as unreadable."""


class LockState(StrEnum):
    PLANNED = "planned"
    """The body is on record, no DELETE was sent. The proof may be on its way."""
    SENT = "sent"
    """The DELETE goes out."""
    OFF = "off"
    """The DELETE was answered 200."""
    RETURNING = "returning"
    """It is being put back. No DELETE follows on this row."""
    WATCHED = "watched"
    """It is looked at until `watch_until`: a request of ours may still take effect."""
    NEEDS_PERSON = "needs_person"
    """Azure refuses to have it back. It is tried again each minute."""
    SETTLED = "settled"
    """Over. The row is kept for a day."""


OPEN = frozenset(LockState) - {LockState.SETTLED}
IN_A_WINDOW = frozenset({LockState.PLANNED, LockState.SENT, LockState.OFF})
"""A fix has it in hand."""
TO_TAKE_OVER = OPEN - {LockState.WATCHED}
NOT_BACK = TO_TAKE_OVER - {LockState.PLANNED}
"""A DELETE was sent, and nothing has put the lock back yet."""


@dataclass(frozen=True, slots=True)
class LockRow:
    window_id: str
    group_id: str
    """Resource group whose window it belongs to."""
    lock: Lock
    """As it was before it was lifted."""
    incident_id: str
    """The incident that led the window; its audit chain has intents and outcomes."""
    vm_id: str
    deadline: str
    """When the lock should be back, ISO 8601, as are all times here."""
    owner: str
    """Token of the execution that may write the row."""
    epoch: int = 1
    """That of its window when it was written; it grows with each execution that takes
    the row over."""
    schema: int = SCHEMA
    state: LockState = LockState.PLANNED
    writes: int = 0
    """Grows with each write, so that no two bodies are equal."""
    out: bool = False
    """A DELETE of ours was sent and not answered: it may still take effect."""
    lifted: bool = False
    """A DELETE of ours was answered 200."""
    missed: bool = False
    """A PUT of ours had no answer."""
    reopened: bool = False
    put_at: str = ""
    """When a PUT that put it back was answered; "" while none was."""
    correlation_id: str = ""
    """ARM's, of that answer."""
    noted: Lock | None = None
    """The last body on record, where that is not `lock`: somebody else's."""
    noted_at: str = ""
    """When the body on record was first read, by whoever read it."""
    bodies: tuple[Lock, ...] = ()
    """Every other body that was read."""
    watch_since: str = ""
    watch_until: str = ""
    mends: bool = False
    """In the watch an absent lock is put back, since a DELETE may still take effect."""
    requests: tuple[str, ...] = ()
    """x-ms-client-request-id of each request that wrote the lock, the last ones."""
    problem: str = ""
    """Why the last attempt to put it back failed."""
    attempts: int = 0
    gone: tuple[str, ...] = ()
    """When its group was seen to be gone."""
    decided_by: str = ""
    """The person who decided to leave it off, or to put it back."""
    settled_at: str = ""
    result: str = ""
    """How it ended: the outcome in the audit log."""
    recorded: bool = False
    """The outcome is in the audit log."""
    missing_since: str = ""
    """Since when it is seen to be absent although it was back: nobody mends that on
    sight."""
    looked_at: str = ""
    """Once settled: the last look."""

    @property
    def body(self) -> Lock:
        """The last body on record: the one that is put back."""
        return self.noted or self.lock

    @property
    def chain(self) -> ChainOf:
        """The audit chain that its intents and outcomes are in."""
        return ChainOf(self.incident_id, self.vm_id)

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def overdue(self) -> bool:
        return self.deadline <= clock.now()

    @property
    def red(self) -> bool:
        """It could not be put back so far."""
        return self.open and (self.state is LockState.NEEDS_PERSON or bool(self.problem))

    @property
    def needs_somebody(self) -> bool:
        """Somebody should look: it is not back, or was back and is absent."""
        return self.red or bool(self.missing_since)

    def is_young(self, stale_seconds: float) -> bool:
        """Whether the body on record was first read so recently that no read tells
        whether another one is older."""
        return bool(self.noted_at) and clock.after(self.noted_at, stale_seconds) > clock.now()


TIMES = (
    "deadline",
    "noted_at",
    "put_at",
    "watch_since",
    "watch_until",
    "settled_at",
    "missing_since",
    "looked_at",
)
NEEDED_TIMES = {
    LockState.WATCHED: ("watch_since", "watch_until"),
    LockState.SETTLED: ("settled_at",),
}


def find_wrong_time(row: LockRow) -> str:
    """What reckons with a time that is none would stop there, for other locks too."""
    needed = {"deadline", *NEEDED_TIMES.get(row.state, ())}
    for name in TIMES:
        time = getattr(row, name)
        if (time or name in needed) and not clock.normal(time):
            return f"its {name} is no time: {time[:40]!r}"
    return ""


def count_in(read: Iterable[Lock], lifted: Iterable[LockRow], scope: str) -> tuple[Lock, ...]:
    """Locks at or above `scope` as they are meant to be: those that Azure shows and
    those that are off because of us."""
    locks = {fold(lock.id): lock for lock in read}
    for row in lifted:
        if is_at_or_above(row.lock.scope, scope):
            locks.setdefault(fold(row.lock.id), row.lock)
    return tuple(locks.values())
