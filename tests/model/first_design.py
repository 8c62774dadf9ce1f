"""The design as it was first written, where the model found better; and what it cannot
promise, promised.
"""

from __future__ import annotations

from tests.model.protocol import Protocol
from tests.model.shared_rules import Steps
from tests.model.state import (
    CLOSING,
    OPEN,
    TO_TAKE_OVER,
    Row,
    State,
    Task,
    spend,
)
from tests.model.turn import Turn


class AnotherBodyWatchedForPut(Protocol):
    """From OFF, another body was read: the watch leaves alone what is absent."""

    def mends_another(self, row: Row) -> bool:
        return row.out


class LastReadingCounts(Protocol):
    """Another body replaces the one on record at once, however young that is."""

    def record(self, row: Row, seen: int) -> Row:
        return super().record(row if seen == row.planned else row._replace(young=0), seen)

    def find_another(self, t: Turn, seen: int) -> State:
        return t.go("note", body=seen)


class LeavesPutBehind(Protocol):
    """Whoever finds the row another's stops, also with a PUT that may still land."""

    def leave(self, t: Turn, why: str, *, missed: bool = False) -> Steps:
        if self.owns_row(t):
            yield from super().leave(t, why, missed=missed)
        else:
            yield f"{why}: the row is another's, stops", t.go(t.rest)


class SpanEndsNow(Protocol):
    """The end of a watch does not speak of what the watch itself has sent."""

    def report(self, t: Turn) -> Turn:
        return t.know()


class AnyPutEndsWatch(Protocol):
    """A PUT of the watch that is answered after its time ends it, whenever decided."""

    def is_last(self, task: Task) -> bool:
        del task
        return True


class PutsBackBeforeReopening(Protocol):
    """The re-opening is only tried beside the putting back, not before it."""

    def lose_lease(self, t: Turn, answer: str) -> State:
        return t.at(super().lose_lease(t, answer)).go("read")

    def tell_unpromised(self, task: Task) -> str:
        if task.reopens:
            task = task._replace(at="read", reopens=False)
        return super().tell_unpromised(task)


class NoSecondLookAtLease(Protocol):
    """Putting back, nobody looks at the lease again after a pause."""

    def read(self, t: Turn) -> Steps:
        yield from super().read(t.at(t.renew_lease().state))


class OwnBodyInWatch(Protocol):
    """The watch of an older row puts back what its own row says."""

    def choose_mend(self, t: Turn) -> int:
        return t.row.noted or t.row.planned


class LeaseCounted(Protocol):
    """Promises it up to a freeze of Q − L − R + T, as if the heartbeat were new."""

    def tell_unpromised(self, task: Task) -> str:
        return super().tell_unpromised(task._replace(late=task.late - self.times.lease + 1))


class PromisedToTheFrozen(Protocol):
    """Promises it also to who was frozen long between the clock check and the bytes."""

    def tell_unpromised(self, task: Task) -> str:
        return super().tell_unpromised(task._replace(late=0))


class PromisedWithoutStore(Protocol):
    """Promises it also when the store does not take the re-opening of who then dies."""

    def tell_unpromised(self, task: Task) -> str:
        return super().tell_unpromised(task._replace(reopens=False))


# -- No simplification: a world that is worse than the design assumes


class ClocksAreWrong(Protocol):
    """A living owner may be taken over at any time. A repair may be lost, never a lock;
    only the decision to send is not protected then, and no freeze before the bytes."""

    judges_send = False

    def take_over(self, t: Turn) -> Steps:
        yield from super().take_over(t)
        window = t.window
        held = window.state in (OPEN, CLOSING) and window.token != t.who
        early = held and window.still < self.times.lease and t.state.left[0]
        if early and any(row.state in TO_TAKE_OVER for row in t.rows_of_window()):
            yield "fault: takes over a living owner", spend(self.take_window(t), faults=1)

    def tell_unpromised(self, task: Task) -> str:
        return super().tell_unpromised(task._replace(late=task.late and task.late + 1))
