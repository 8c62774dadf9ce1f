"""One execution at one row: what it sees, and the state after a step of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.model.state import (
    CLOSING,
    END,
    GONE,
    GUARDIAN,
    IDLE,
    KNOWN,
    NOBODY,
    OPEN,
    OVER,
    Execution,
    Request,
    Row,
    State,
    Task,
    Times,
    Window,
    fly,
    replace_at,
    spend,
)


class Turn:
    """`who` at row `r` of `state`. Every method returns a new turn, state or value."""

    __slots__ = ("execution", "r", "row", "state", "task", "times", "who", "window")

    def __init__(self, state: State, who: int, r: int, times: Times) -> None:
        self.state, self.who, self.r, self.times = state, who, r, times
        self.execution: Execution = state.crew[who]
        self.task: Task = self.execution.tasks[r]
        self.row: Row = state.rows[r]
        self.window: Window = state.windows[self.w]

    # -- What it sees

    @property
    def lock(self) -> int:
        return self.r % len(self.state.locks)

    @property
    def w(self) -> int:
        return self.r // len(self.state.locks)

    @property
    def rest(self) -> str:
        """Where it goes when it has nothing more to do."""
        return IDLE if self.who == GUARDIAN else END

    def readings(self) -> list[int]:
        """What a GET of the lock may show."""
        mask = 0
        for each in self.state.locks[self.lock].seen:
            mask |= each
        return [body for body in range(mask.bit_length()) if mask >> body & 1]

    def rows_of_window(self) -> tuple[Row, ...]:
        count = len(self.state.locks)
        return self.state.rows[self.w * count : (self.w + 1) * count]

    def rows_of_older_windows(self, lock: int | None = None) -> tuple[Row, ...]:
        """All of the group, or those of one lock."""
        rows = self.state.rows[: self.w * len(self.state.locks)]
        return rows if lock is None else rows[lock :: len(self.state.locks)]

    def body_on_record(self) -> int:
        """The last body on record of this lock, in this row and in newer windows'."""
        rows = self.state.rows[self.r :: len(self.state.locks)]
        return max(row.noted or row.planned for row in rows)

    def youngest_body(self) -> int:
        """What the observer knows: the youngest of all bodies on record."""
        rows = self.state.rows[self.r :: len(self.state.locks)]
        return max(max(row.planned, row.noted) for row in rows)

    # -- What it does

    def at(self, state: State) -> Turn:
        return Turn(state, self.who, self.r, self.times)

    def go(self, step: str, row: Row | None = None, **changes: Any) -> State:
        """The state with this task at `step`, and with the row as given."""
        task = Task(step) if step in (END, IDLE) else self.task._replace(at=step, answer="")
        task = task._replace(**changes) if changes else task
        tasks = replace_at(self.execution.tasks, self.r, task)
        crew = replace_at(self.state.crew, self.who, self.execution._replace(tasks=tasks))
        after = self.state._replace(crew=crew)
        return after if row is None else write_row(after, self.r, row)

    def send(self, step: str, kind: str, body: int) -> State:
        """The one request is on its way, and its answer is waited for at `step`."""
        return fly(self.go(step, body=body), Request(kind, self.r, body, self.times.late, self.who))

    def store(self, row: Row) -> Iterator[tuple[bool, str, Turn]]:
        """A write of the row: stored; or, a fault, without an answer, stored or not."""
        after = self.at(write_row(self.state, self.r, row))
        yield True, "stored", after
        if self.state.left[0]:
            yield False, "stored without an answer", self.at(spend(after.state, faults=1))
            yield False, "not stored", self.at(spend(self.state, faults=1))

    def set_window(self, window: Window) -> Turn:
        windows = replace_at(self.state.windows, self.w, window)
        return self.at(self.state._replace(windows=windows))

    def close_window(self) -> Turn:
        """No lock of the window is lifted from here on."""
        if self.window.token != self.who or self.window.state != OPEN:
            return self
        return self.set_window(self.window._replace(state=CLOSING))

    def renew_lease(self) -> Turn:
        crew = replace_at(self.state.crew, self.who, self.execution._replace(since=0))
        return self.at(self.state._replace(crew=crew))

    def know(self) -> Turn:
        """What a request of this row undid is known from here on."""
        lock = self.state.locks[self.lock]
        if lock.undone != self.r:
            return self
        locks = replace_at(self.state.locks, self.lock, lock._replace(undone=KNOWN))
        return self.at(self.state._replace(locks=locks))

    def tell(self) -> Turn:
        """A person is told what the requests of this row did or may still do."""
        flying = (
            request._replace(told=True) if request.row == self.r else request
            for request in self.state.flying
        )
        return self.at(self.state._replace(flying=tuple(sorted(flying)))).know()


def write_row(state: State, r: int, row: Row) -> State:
    """The state with that row. Its window is gone when each of its rows is over."""
    count = len(state.locks)
    if row.state in OVER:
        row = Row(row.state, NOBODY, row.planned, row.noted)
    rows = replace_at(state.rows, r, row)
    w = r // count
    if all(each.state in OVER for each in rows[w * count : (w + 1) * count]):
        windows = replace_at(state.windows, w, Window(GONE))
        return state._replace(rows=rows, windows=windows)
    return state._replace(rows=rows)
