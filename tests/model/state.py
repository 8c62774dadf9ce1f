"""What the model's state consists of: immutable values.

A tick is the unit of time. One request with its answer takes less than a tick, and so
does a call of the store. Whoever dies or stands still does so from some point of a tick
to its end; all orders of the steps before are explored.
"""

from __future__ import annotations

from typing import Any, NamedTuple

OWNER, NEXT, SECOND, GUARDIAN, NOBODY = range(5)
"""Who acts, also the tokens in the rows: the first owner of window 1, the owner of a
later window 2, the activity of window 1 run a second time, the guardian."""
NAMES = ("owner", "next owner", "second execution", "guardian", "nobody")

ABSENT, FIRST_BODY = 0, 1
"""A lock's body is a number. FIRST_BODY is there at the beginning; a person writes 2,
3 ..., so that the greater is the younger."""

NONE, PLANNED, SENT, OFF = "none", "PLANNED", "SENT", "OFF"
RETURNING, WATCHED, SETTLED = "RETURNING", "WATCHED", "SETTLED"
TO_TAKE_OVER = (PLANNED, SENT, OFF, RETURNING)
OVER = (NONE, SETTLED)

OPEN, CLOSING, GONE = "open", "closing", "gone"
ALIVE, FROZEN, DEAD = "alive", "frozen", "dead"
DELETE, PUT = "DELETE", "PUT"
NO_ANSWER, REFUSED = "no answer", "refused"

END, IDLE, PLAN = "end", "look_at_row", "plan"
"""Where a task is that has ended; that has nothing to do but to look at its row; that
may open a window."""
SENDS = ("send_proof", "send_delete", "send_put")
"""Where a task has looked at the clock, or at the lock, and will send."""
HEARS = ("hear_proof", "hear_delete", "hear_put", "hear_mend")
"""Where a task waits for an answer of ARM."""

HEALED, KNOWN = -1, -2
"""Values of Lock.undone beside the number of a row."""


class Times(NamedTuple):
    """In ticks. In the design: L, R, Q, T."""

    late: int = 1
    """A request takes effect in the tick in which it was sent, or so much later."""
    stale: int = 1
    """A read may show what was so up to so many ticks ago."""
    watch: int = 3
    """How long a row is watched: late + stale + 1, the 1 for one write."""
    lease: int = 2
    """A heartbeat that did not change for so long is dead."""


class Bounds(NamedTuple):
    """How much may happen in one history."""

    faults: int = 0
    """Deaths; requests without an answer in time, refused; writes of the store without
    an answer."""
    freezes: int = 0
    """An execution stands still, for any number of ticks."""
    acts: int = 0
    """A person deletes the lock or writes another body."""
    locks: int = 1
    windows: int = 1
    second: bool = False
    """The activity of window 1 runs a second time beside the first."""


class Lock(NamedTuple):
    """A lock in ARM. From `ours` on: what only the observer of the model knows."""

    body: int
    seen: tuple[int, ...]
    """What a read may show: a bit mask of bodies for this tick and each not too old."""
    ours: bool = False
    """It is absent because a DELETE of ours took it off."""
    top: int = FIRST_BODY
    """The youngest body that ever was there."""
    muddled: bool = False
    """A PUT of ours wrote an older body than that: no read tells any more which body is
    the younger."""
    act: int = -1
    """What a person's last act left; -1 before any."""
    undone: int = HEALED
    """The row whose request undid that act. KNOWN: the answer of that request was read,
    or the end of the watch was told."""


class Request(NamedTuple):
    """One request to ARM that has not landed yet."""

    kind: str
    row: int
    body: int
    left: int
    """Ticks in which it may still land."""
    waits: int
    """Who waits for the answer; NOBODY when the sender gave up or died."""
    told: bool = False
    """A person was told that it may still land."""


class Row(NamedTuple):
    """A row of the lock ledger, one for each window and lock."""

    state: str = NONE
    by: int = NOBODY
    """Who wrote it last as its own. Stands for the version: a conditional write of
    anybody else is refused."""
    planned: int = ABSENT
    noted: int = ABSENT
    """The last other body that was read."""
    young: int = 0
    """Ticks in which a reading of another body does not replace the one on record."""
    out: bool = False
    """A DELETE of ours may still take effect."""
    mends: bool = False
    """Watched for a DELETE: what is absent is put back. Else watched for a PUT."""
    left: int = 0
    """Ticks until the watch is over."""
    mended: bool = False
    """The watch has put back once; only the simplification `MendByCount` asks."""


class Window(NamedTuple):
    state: str = NONE
    token: int = NOBODY
    heart: int = NOBODY
    """The token in the heartbeat row."""
    still: int = 0
    """Ticks since the heartbeat changed."""


class Task(NamedTuple):
    """What one execution does about one row."""

    at: str
    """The method of the protocol that is its next step."""
    answer: str = ""
    body: int = ABSENT
    late: int = 0
    """Ticks between the last look at the clock and the bytes of the request."""
    lifted: bool = False
    """It saw its DELETE answered with 200."""
    missed: bool = False
    """A PUT of it had no answer."""
    blind: bool = False
    """The store did not answer when it began to put back."""
    reopens: bool = False
    """Its re-opening of the row is not stored yet."""
    reopened: bool = False
    final: bool = False
    """It was decided when the watch was over."""
    looked: bool = False
    """In this tick."""


class Execution(NamedTuple):
    mode: str
    since: int
    """By its own clock: ticks since its last heartbeat began."""
    tasks: tuple[Task, ...]


class State(NamedTuple):
    locks: tuple[Lock, ...]
    flying: tuple[Request, ...]
    rows: tuple[Row, ...]
    windows: tuple[Window, ...]
    crew: tuple[Execution, ...]
    left: tuple[int, int, int]
    """Faults, freezes and acts that may still happen."""
    verdict: str = ""
    """The rule that the last step broke, or why nothing is promised from it on."""


Step = tuple[str, State]
"""What happened, in words, and the state after it."""


def start(bounds: Bounds, times: Times) -> State:
    """Returns the beginning: each lock is on, window 1 is open, its rows say PLANNED
    and its owner is about to look. Window 2 begins when the rules let it."""
    rows = range(bounds.locks * bounds.windows)
    begins = {OWNER: ("look", END), NEXT: (END, PLAN), SECOND: (IDLE, END), GUARDIAN: (IDLE, IDLE)}
    there = {OWNER: True, NEXT: bounds.windows > 1, SECOND: bounds.second, GUARDIAN: True}
    lock = Lock(FIRST_BODY, (1 << FIRST_BODY,) * (times.stale + 1))
    return State(
        locks=(lock,) * bounds.locks,
        flying=(),
        rows=tuple(Row(PLANNED, OWNER, FIRST_BODY) if r < bounds.locks else Row() for r in rows),
        windows=(Window(OPEN, OWNER, OWNER), *[Window()] * (bounds.windows - 1)),
        crew=tuple(
            Execution(
                ALIVE if there[who] else DEAD,
                0,
                tuple(Task(begins[who][r >= bounds.locks]) for r in rows),
            )
            for who in range(NOBODY)
        ),
        left=(bounds.faults, bounds.freezes, bounds.acts),
    )


def replace_at(values: tuple[Any, ...], at: int, value: Any) -> tuple[Any, ...]:
    return values[:at] + (value,) + values[at + 1 :]


def spend(state: State, faults: int = 0, freezes: int = 0, acts: int = 0) -> State:
    left = state.left
    return state._replace(left=(left[0] - faults, left[1] - freezes, left[2] - acts))


def fly(state: State, request: Request) -> State:
    """Sends a request: it is on its way to ARM."""
    return state._replace(flying=tuple(sorted((*state.flying, request))))


def is_active(execution: Execution) -> bool:
    return any(task.at not in (END, IDLE, PLAN) for task in execution.tasks)
