"""Simpler protocols: each leaves out one rule, and loses a lock or a person's act."""

from __future__ import annotations

from tests.model.protocol import Protocol
from tests.model.shared_rules import Steps
from tests.model.state import (
    ABSENT,
    CLOSING,
    DELETE,
    END,
    NO_ANSWER,
    NOBODY,
    OPEN,
    OVER,
    OWNER,
    PLANNED,
    SECOND,
    SETTLED,
    WATCHED,
    Request,
    State,
    Times,
    fly,
    is_active,
    replace_at,
    spend,
)
from tests.model.turn import Turn


class NoWriteAhead(Protocol):
    """The row still says PLANNED while the DELETE goes out."""

    def write_sent(self, t: Turn) -> Steps:
        yield "writes nothing", t.go("check_window")

    judges_send = False  # what comes of it is the point


class UnconditionalWrites(Protocol):
    """A row is written whoever wrote it last."""

    def owns_row(self, t: Turn) -> bool:
        return t.row.state != SETTLED

    judges_send = False


class MendByCount(Protocol):
    """The watch puts back once, for the one DELETE; the next absence is another's."""

    def find_absent(self, t: Turn, *, final: bool) -> Steps:
        if t.row.mended:
            yield "watch: absent, ours is used up, SETTLED", self.end_watch(t)
        else:
            yield from super().find_absent(t, final=final)

    def hear_mend(self, t: Turn) -> Steps:
        if t.task.answer != NO_ANSWER:
            mended = t.row._replace(mended=True)
            t = t.at(t.go("hear_mend", mended, answer=t.task.answer))
        yield from super().hear_mend(t)


class ShortWatch(Protocol):
    """The watch is shorter than L + R."""

    times = Times(watch=1)


class IdenticalIsDone(Protocol):
    """A GET that shows the identical lock ends the putting back."""

    def read(self, t: Turn) -> Steps:
        if t.row.planned in t.readings():
            yield "reads it identical, SETTLED", t.go(t.rest, self.settle(t.row))
        yield from super().read(t)


class DifferentIsDone(Protocol):
    """A GET that shows another body ends the putting back, as a person's change."""

    def find_another(self, t: Turn, seen: int) -> State:
        del seen
        return t.go(t.rest, self.settle(t.row))


class NoReopening(Protocol):
    """Whoever finds after the DELETE that the row is another's stops."""

    def lose_lease(self, t: Turn, answer: str) -> State:
        del answer
        return t.go(END)


class ReopenOnce(Protocol):
    """The re-opening is not repeated when the store does not answer."""

    repeats_reopening = False


class Believe204(Protocol):
    """Absent at the last look, or 204: somebody took it off; the row is settled."""

    def look(self, t: Turn) -> Steps:
        if ABSENT in t.readings():
            yield "last look: absent, SETTLED", t.go(END, self.settle(t.row))
        yield from super().look(t)

    def hear_delete(self, t: Turn) -> Steps:
        if t.task.answer == "204":
            yield "DELETE: 204, SETTLED", t.go(END, self.settle(t.row))
        else:
            yield from super().hear_delete(t)


class SecondLiftsToo(Protocol):
    """The same activity run again goes on lifting under the first one's row."""

    def look_at_row(self, t: Turn) -> Steps:
        if t.who == SECOND and t.row.state == PLANNED and t.window.state == OPEN:
            yield "goes on from the row", t.go("look")
        yield from super().look_at_row(t)

    def owns_row(self, t: Turn) -> bool:
        return {t.row.by, t.who} <= {OWNER, SECOND} or super().owns_row(t)

    def holds_window(self, t: Turn) -> bool:
        return {t.window.token, t.who} <= {OWNER, SECOND} or super().holds_window(t)


class SecondLiftsAndBelieves204(SecondLiftsToo, Believe204):
    """The same activity run again lifts too, and settles the row at an absent last look
    or a 204."""


class TransportSendsTwice(Protocol):
    """The transport sends a DELETE again by itself when the connection is lost."""

    def send_delete(self, t: Turn) -> Steps:
        for words, after in super().send_delete(t):
            yield words, after
            if after.left[0]:
                again = Request(DELETE, t.r, ABSENT, self.times.late, NOBODY)
                yield "fault: DELETE is sent twice", fly(spend(after, faults=1), again)


class NextWindowAtOnce(Protocol):
    """A new window of the group begins while a row is still watched."""

    free = (*OVER, WATCHED)


class UnconditionalBeat(Protocol):
    """Whoever wakes beats, whoever has the heartbeat row by now."""

    def beat(self, state: State, who: int) -> Steps:
        execution = state.crew[who]
        if execution.since and is_active(execution):
            windows = tuple(
                window._replace(heart=who, still=0) if window.state in (OPEN, CLOSING) else window
                for window in state.windows
            )
            crew = replace_at(state.crew, who, execution._replace(since=0))
            yield "beats unconditionally", state._replace(windows=windows, crew=crew)


class UnansweredProofForgotten(Protocol):
    """The row of a proof without an answer is taken away."""

    def hear_proof(self, t: Turn) -> Steps:
        if t.task.answer == NO_ANSWER:
            yield "proof without an answer, not lifted", self.give_up(t)
        else:
            yield from super().hear_proof(t)


class UnansweredPutSettled(Protocol):
    """A row is settled at once although a PUT of it had no answer."""

    def settles_at_once(self, t: Turn) -> bool:
        return super().settles_at_once(t.at(t.go(t.task.at, missed=False)))


class PlannedBodyInWatch(Protocol):
    """The watch puts back the planned body, whatever it has read."""

    def choose_mend(self, t: Turn) -> int:
        return t.row.planned


class OwnBodyOnly(Protocol):
    """Whoever wakes late puts back what its own row says, whatever newer rows say."""

    def choose_body(self, t: Turn) -> int:
        return t.row.noted or t.row.planned
