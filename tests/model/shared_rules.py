"""What the rules of the protocol have in common, and what is asked of each decision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.model.state import (
    ABSENT,
    END,
    GUARDIAN,
    HEARS,
    IDLE,
    OVER,
    PLANNED,
    SECOND,
    SENDS,
    SENT,
    SETTLED,
    WATCHED,
    Row,
    State,
    Step,
    Task,
    Times,
    is_active,
    replace_at,
)
from tests.model.turn import Turn

Steps = Iterator[Step]

SENT_WITHOUT_ROW = "a DELETE was sent without an open row of the current epoch"
OLDER_BODY = "an older body was chosen than the youngest on record"
FROZEN_THEN_DEAD = "frozen too long between the last look and the bytes, then dead"
STORE_DOWN_THEN_DEAD = "the store does not take the re-opening, then dead"
NOT_PROMISED = (FROZEN_THEN_DEAD, STORE_DOWN_THEN_DEAD)


class SharedRules:
    times = Times()
    judges_send = True
    repeats_reopening = True
    free: tuple[str, ...] = OVER
    """The states of older rows beside which a new window may begin."""

    # -- Who it is

    def owns_row(self, t: Turn) -> bool:
        return t.row.by == t.who

    def holds_window(self, t: Turn) -> bool:
        return t.window.token == t.who

    def is_in_time(self, t: Turn) -> bool:
        return t.execution.since < self.times.lease

    def beat(self, state: State, who: int) -> Steps:
        """Whoever wakes may beat before it looks at its clock. Conditional on the
        version of its last beat; a lease that is over is not revived."""
        execution = state.crew[who]
        if not 0 < execution.since < self.times.lease or not is_active(execution):
            return
        for w, window in enumerate(state.windows):
            if window.heart == who:
                windows = replace_at(state.windows, w, window._replace(still=0))
                crew = replace_at(state.crew, who, execution._replace(since=0))
                yield "beats", state._replace(windows=windows, crew=crew)

    # -- Rows

    def start_watch(self, row: Row, mends: bool) -> Row:
        return row._replace(state=WATCHED, left=self.times.watch, mends=mends)

    def settle(self, row: Row) -> Row:
        return row._replace(state=SETTLED)

    def record(self, row: Row, seen: int) -> Row:
        """Another body replaces the one on record only where that was first read more
        than R ago: no read tells which of two such is the younger."""
        if row.young or seen == (row.noted or row.planned):
            return row
        noted = ABSENT if seen == row.planned else seen
        return row._replace(noted=noted, young=self.times.stale + 1)

    def give_up(self, t: Turn, only: str = PLANNED) -> State:
        """Nothing was sent: the row goes, only while it is mine and still says so."""
        return t.go(END, Row()) if self.owns_row(t) and t.row.state == only else t.go(END)

    def write(
        self, t: Turn, row: Row, step: str, else_step: str, why: str = "", **task: Any
    ) -> Steps:
        """Goes to `step` when the row is stored, else to `else_step`."""
        for stored, words, then in t.store(row):
            to = step if stored else else_step
            changes = {} if to in (END, IDLE) else task
            yield f"{why}{why and ': '}{row.state} {words}", then.go(to, **changes)

    def mends_another(self, row: Row) -> bool:
        """Whether a watch that begins with another body puts back what is absent."""
        del row
        return True

    def is_last(self, task: Task) -> bool:
        """Whether this PUT of the watch, answered when its time is over, ends it."""
        return task.final

    def report(self, t: Turn) -> Turn:
        return t.tell()

    # -- What is asked of a decision, and what cannot be promised

    def judge_send(self, t: Turn, after: State) -> State:
        open_row = self.owns_row(t) and t.row.state == SENT and self.holds_window(t)
        if open_row or not self.judges_send:
            return after
        return after._replace(verdict=SENT_WITHOUT_ROW)

    def judge_plan(self, t: Turn, body: int, after: State) -> State:
        older = [max(row.planned, row.noted) for row in t.rows_of_older_windows(t.lock)]
        if t.state.locks[t.lock].muddled or body >= max(older, default=ABSENT):
            return after
        return after._replace(verdict=OLDER_BODY)

    def judge_body(self, t: Turn, body: int, after: State) -> State:
        muddled = t.state.locks[t.lock].muddled
        if t.task.blind or muddled or body >= t.youngest_body():
            return after
        return after._replace(verdict=OLDER_BODY)

    def tell_unpromised(self, task: Task) -> str:
        """Why nothing is promised when the execution of this task dies here, or ''."""
        spare = self.times.watch - self.times.late - self.times.stale
        if task.late > spare and task.at not in SENDS:
            return FROZEN_THEN_DEAD
        if task.reopens and task.at != "reopen":
            return STORE_DOWN_THEN_DEAD
        return ""

    # -- What may happen next

    def list_steps(self, state: State, who: int) -> Steps:
        for r, task in enumerate(state.crew[who].tasks):
            if task.at != END and not (task.at in HEARS and not task.answer):
                yield from getattr(self, task.at)(Turn(state, who, r, self.times))
            if task.reopens and task.at != "reopen":
                yield from self.reopen(Turn(state, who, r, self.times))
        if who in (SECOND, GUARDIAN):
            for w in range(len(state.windows) if who == GUARDIAN else 1):
                yield from self.take_over(Turn(state, who, w * len(state.locks), self.times))

    def reopen(self, t: Turn) -> Steps:
        raise NotImplementedError

    def take_over(self, t: Turn) -> Steps:
        raise NotImplementedError
