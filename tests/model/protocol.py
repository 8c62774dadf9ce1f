"""The lock protocol: what an execution of ours may do next about one lock.

Read it beside docs/lock-protocol.md. A method is a step, named by `Task.at`; it yields
what may happen, in words, with the state after it. Between two steps anything else may
happen: a step of another execution, a request that lands, a person, a death, a freeze.
A simplification (simplifications.py) is this class with one rule left out.
"""

from __future__ import annotations

from tests.model.shared_rules import SharedRules, Steps
from tests.model.state import (
    ABSENT,
    CLOSING,
    DELETE,
    END,
    FIRST_BODY,
    GONE,
    GUARDIAN,
    IDLE,
    NEXT,
    NO_ANSWER,
    NONE,
    OFF,
    OPEN,
    OVER,
    OWNER,
    PLANNED,
    PUT,
    REFUSED,
    RETURNING,
    SENT,
    TO_TAKE_OVER,
    WATCHED,
    Row,
    State,
    Window,
)
from tests.model.turn import Turn


class Protocol(SharedRules):
    # -- Lift: the first owner of a window only

    def plan(self, t: Turn) -> Steps:
        """Open a window, insert PLANNED. No window while a row of the group is open."""
        if t.window.state == NONE:
            if any(row.state not in self.free for row in t.rows_of_older_windows()):
                return
            t = t.set_window(Window(OPEN, t.who, t.who))
        for body in t.readings():
            if body != ABSENT:
                row = Row(PLANNED, t.who, body, young=self.times.stale + 1)
                yield f"plans body {body}", self.judge_plan(t, body, t.go("look", row))

    def look(self, t: Turn) -> Steps:
        """The last look."""
        for body in t.readings():
            if body == t.row.planned or not self.owns_row(t):
                yield f"last look: body {body}", t.go("check")
            else:
                yield f"last look: body {body}, not lifted", self.give_up(t)

    def check(self, t: Turn) -> Steps:
        """Window and clock, before the proof."""
        if self.holds_window(t) and t.window.state == OPEN and self.is_in_time(t):
            yield "window and clock are right", t.go("send_proof", late=0)
        else:
            yield "window or clock is not right, not lifted", self.give_up(t)

    def send_proof(self, t: Turn) -> Steps:
        """PUT the identical body while the lock is on."""
        body = t.row.planned or FIRST_BODY
        yield f"sends the proof PUT({body})", t.send("hear_proof", PUT, body)

    def hear_proof(self, t: Turn) -> Steps:
        if t.task.answer == NO_ANSWER:
            yield from self.leave(t, "proof without an answer", missed=True)
        elif t.task.answer == "200":
            yield "proved: it can be put back", t.know().go("write_sent", late=0)
        else:
            yield f"proof: {t.task.answer}, not lifted", self.give_up(t.know())

    def write_sent(self, t: Turn) -> Steps:
        """PLANNED → SENT before the send. It and a taker's write exclude each other."""
        if self.owns_row(t) and t.row.state == PLANNED:
            row = t.row._replace(state=SENT, out=True)
            yield from self.write(t, row, "check_window", END)
        else:
            yield "SENT is refused: the row is another's", t.go(END)

    def check_window(self, t: Turn) -> Steps:
        if self.holds_window(t) and t.window.state == OPEN:
            yield "the window is open and mine", t.go("check_clock")
        else:
            yield "the window is not mine, sends nothing", self.give_up(t, SENT)

    def check_clock(self, t: Turn) -> Steps:
        """My own clock. From here on nothing can stop the DELETE."""
        if self.is_in_time(t):
            yield "in time by its own clock", self.judge_send(t, t.go("send_delete", late=0))
        else:
            yield "too late by its own clock, sends nothing", self.give_up(t, SENT)

    def send_delete(self, t: Turn) -> Steps:
        """Once."""
        yield "sends DELETE", t.send("hear_delete", DELETE, ABSENT)

    def hear_delete(self, t: Turn) -> Steps:
        """200 → OFF. Refused → PLANNED. No answer and 204 → RETURNING. The conditional
        write is the look at the row; the clock is looked at as well."""
        answer = t.task.answer
        t = t if answer == NO_ANSWER else t.know()
        mine = self.owns_row(t) and t.row.state == SENT
        if answer == REFUSED and mine and self.is_in_time(t):
            again = t.row._replace(state=PLANNED, out=False)
            yield "DELETE is refused, looks again", t.go("look", again, late=0)
        elif answer == REFUSED:
            yield "DELETE is refused, not lifted", self.give_up(t, SENT)
        elif not mine or (answer == "200" and not self.is_in_time(t)):
            yield f"DELETE: {answer}, lease or row is lost", self.lose_lease(t, answer)
        elif answer == "200":
            for stored, words, then in t.store(t.row._replace(state=OFF, out=False)):
                off = then.go("begin_return", lifted=True, late=0)
                yield f"DELETE: 200, OFF {words}", off if stored else self.lose_lease(then, answer)
        else:
            for stored, words, then in t.store(t.row._replace(state=RETURNING)):
                back = then.close_window().go("read", late=0)
                after = back if stored else self.lose_lease(then, answer)
                yield f"DELETE: {answer}, RETURNING {words}", after

    def lose_lease(self, t: Turn, answer: str) -> State:
        lifted = answer == "200"
        return t.close_window().go(
            "reopen", lifted=lifted, reopens=True, reopened=True, body=t.row.planned
        )

    def reopen(self, t: Turn) -> Steps:
        """The row → RETURNING, whatever anybody settled. Tried before the first PUT,
        then beside the putting back until the store answers."""
        body = t.row.planned or t.task.body or FIRST_BODY
        row = t.row._replace(state=RETURNING, by=t.who, out=not t.task.lifted, planned=body)
        step = "read" if t.task.at == "reopen" else t.task.at
        for stored, words, then in t.store(row):
            over = stored or not self.repeats_reopening
            late = 0 if over else t.task.late
            answer = "" if t.task.at == "reopen" else t.task.answer
            after = then.go(step, reopens=not over, late=late, answer=answer)
            yield f"re-opens the row: {words}", after

    # -- Put back: owner or taker

    def begin_return(self, t: Turn) -> Steps:
        """When every lock of the window is off or refused, and its work is over."""
        done = (END, IDLE, "begin_return", "read", "note", "send_put", "hear_put", "finish")
        if any(task.at not in done for task in t.execution.tasks):
            return
        if not self.owns_row(t) or t.row.state != OFF:
            yield "the row is another's, stops", t.go(END)
            return
        for stored, words, then in t.store(t.row._replace(state=RETURNING)):
            after = then.close_window().go("read", body=t.row.planned, blind=not stored)
            yield f"RETURNING {words}", after

    def read(self, t: Turn) -> Steps:
        """Another body → no PUT. All else → PUT. When the lease is over it looks at the
        row again first."""
        if not self.is_in_time(t) and not self.owns_row(t) and not t.task.reopens:
            yield from self.leave(t, "lease over")
            return
        body = self.choose_body(t)
        for seen in t.readings():
            if seen in (ABSENT, body, t.row.planned):
                late = t.task.late if t.task.reopens else 0
                after = t.go("send_put", body=body, late=late)
                yield f"reads {seen}, will put back {body}", self.judge_body(t, body, after)
            else:
                yield f"reads another body, {seen}", self.find_another(t, seen)

    def choose_body(self, t: Turn) -> int:
        return t.task.body if t.task.blind else t.body_on_record()

    def find_another(self, t: Turn, seen: int) -> State:
        return t.go("note", body=seen if not t.row.young else t.body_on_record())

    def note(self, t: Turn) -> Steps:
        """Watched as for a DELETE: nothing has proved yet that the lock is back."""
        if t.task.reopens:
            return  # the re-opening comes first
        if not self.owns_row(t):
            yield from self.leave(t, "another body")
            return
        row = self.start_watch(self.record(t.row, t.task.body), self.mends_another(t.row))
        yield from self.write(t, row, t.rest, "note")

    def send_put(self, t: Turn) -> Steps:
        yield f"sends PUT({t.task.body})", t.send("hear_put", PUT, t.task.body)

    def hear_put(self, t: Turn) -> Steps:
        if t.task.answer == NO_ANSWER:
            yield "PUT without an answer, again", t.go("read", missed=True)
        else:
            late = t.task.late if t.task.reopens else 0
            yield "PUT is answered", t.know().go("finish", late=late)

    def finish(self, t: Turn) -> Steps:
        """SETTLED at once, or WATCHED."""
        if t.task.reopens:
            return  # the re-opening comes first
        if not self.owns_row(t) or t.row.state not in (OFF, RETURNING):
            yield from self.leave(t, "put back")
        elif self.settles_at_once(t):
            yield from self.write(t, self.settle(t.row), t.rest, "finish")
        else:
            yield from self.write(t, self.start_watch(t.row, t.row.out), t.rest, "finish")

    def settles_at_once(self, t: Turn) -> bool:
        """From OFF, by the first owner, never re-opened, every PUT answered."""
        first = t.who in (OWNER, NEXT) and t.task.lifted and not t.task.reopened
        return first and not t.task.missed and not t.row.out

    def leave(self, t: Turn, why: str, *, missed: bool = False) -> Steps:
        """Stop, the row is another's. But while a PUT of mine may still land the row is
        watched for it, whatever anybody settled."""
        row = t.row
        if not missed and not t.task.missed:
            yield f"{why}: the row is another's, stops", t.go(t.rest)
        elif row.state == WATCHED:
            row = row._replace(left=self.times.watch, by=t.who)
            yield from self.write(t, row, t.rest, "stop", why, missed=True)
        elif row.state in OVER or (row.state == PLANNED and self.owns_row(t)):
            row = self.start_watch(row, mends=False)._replace(by=t.who)
            yield from self.write(t, row, t.rest, "stop", why, missed=True)
        else:
            yield f"{why}: whoever has the row will watch it, stops", t.go(t.rest)

    def stop(self, t: Turn) -> Steps:
        yield from self.leave(t, "tries again")

    # -- Take over: the guardian, or the second execution

    def take_over(self, t: Turn) -> Steps:
        """The window of a dead owner: window row and heartbeat in one transaction."""
        if t.window.state not in (OPEN, CLOSING) or t.window.token == t.who:
            return
        dead = t.window.still >= self.times.lease
        if dead and any(row.state in TO_TAKE_OVER for row in t.rows_of_window()):
            yield "finds the owner dead, takes the window over", self.take_window(t)

    def take_window(self, t: Turn) -> State:
        return t.set_window(Window(CLOSING, t.who, t.who)).renew_lease().state

    def look_at_row(self, t: Turn) -> Steps:
        """The taker writes each row before any request for it. PLANNED: no PUT of ours,
        a proof may be on its way. All else: put back. WATCHED: the guardian looks."""
        row = t.row
        orphan = t.window.state == GONE and t.who == GUARDIAN
        if row.state in TO_TAKE_OVER and (t.window.token == t.who or orphan):
            if row.state == PLANNED:
                watched = self.start_watch(row, mends=False)._replace(by=t.who)
                yield from self.write(t, watched, IDLE, IDLE)
            elif row.state == RETURNING and row.by == t.who:
                yield "goes on putting back", t.go("read")
            else:
                yield from self.write(t, row._replace(state=RETURNING, by=t.who), "read", IDLE)
        elif row.state == WATCHED and t.who == GUARDIAN and not t.task.looked:
            yield from self.watch(t)

    # -- Watch: the guardian

    def watch(self, t: Turn) -> Steps:
        """Until its time is over and the body on record is older than R."""
        row, over = t.row, t.row.left == 0 and not t.row.young
        for seen in t.readings():
            if seen == ABSENT and row.mends:
                yield from self.find_absent(t, final=over)
            elif over and seen in (ABSENT, row.noted or row.planned):
                yield f"watch over: reads {seen}, SETTLED", self.end_watch(t)
            else:
                after = row if seen == ABSENT else self.record(row, seen)
                yield f"watch: reads {seen}", t.go(IDLE, after, looked=True)

    def find_absent(self, t: Turn, *, final: bool) -> Steps:
        """Put back the last body on record, always."""
        body = self.choose_mend(t)
        after = t.go("send_mend", body=body, final=final)
        yield f"watch: absent, will put back {body}", self.judge_body(t, body, after)

    def choose_mend(self, t: Turn) -> int:
        return t.body_on_record()

    def send_mend(self, t: Turn) -> Steps:
        yield f"watch: sends PUT({t.task.body})", t.send("hear_mend", PUT, t.task.body)

    def hear_mend(self, t: Turn) -> Steps:
        """A PUT ends the watch only where it was decided when the watch was over."""
        answered = t.task.answer != NO_ANSWER
        over = t.row.left == 0
        t = t.know() if answered else t
        if answered and over and self.is_last(t.task) and t.row.state == WATCHED:
            yield "watch over: put back, SETTLED", self.end_watch(t)
        else:
            words = "put back" if answered else "PUT without an answer"
            yield f"watch: {words}", t.go(IDLE, looked=not over)

    def end_watch(self, t: Turn) -> State:
        """Told with its span, which ends when a PUT of the watch itself can land last,
        and with the bodies seen."""
        return self.report(t).go(IDLE, self.settle(t.row))
