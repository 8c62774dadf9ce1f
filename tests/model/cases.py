"""What is explored: the protocol within bounds, and each simplification that must fail.

`deep` cases run by `python -m tests.model` only; the others in `make check` as well.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.model import first_design as first
from tests.model import simplifications as simple
from tests.model.explore import LOST, UNDONE
from tests.model.protocol import Protocol
from tests.model.shared_rules import OLDER_BODY, SENT_WITHOUT_ROW
from tests.model.state import Bounds


class Case(NamedTuple):
    protocol: type[Protocol]
    bounds: Bounds
    broken: str = ""
    """The invariant that must be found broken; '' where all must hold."""
    traces: str = ""
    """The traces of the design that this one leads along."""
    deep: bool = False

    @property
    def name(self) -> str:
        bounds = "-".join(str(int(each)) for each in self.bounds)
        return f"{self.protocol.__name__}-{bounds}"


HOLDS = (
    Case(Protocol, Bounds()),
    Case(Protocol, Bounds(faults=2, acts=1)),
    Case(Protocol, Bounds(faults=1, freezes=1)),
    Case(Protocol, Bounds(freezes=1, acts=1)),
    Case(Protocol, Bounds(faults=2, locks=2)),
    Case(Protocol, Bounds(faults=1, acts=1, windows=2)),
    Case(Protocol, Bounds(faults=2, acts=1, second=True)),
    Case(first.ClocksAreWrong, Bounds(faults=2, acts=1)),
    Case(Protocol, Bounds(faults=3, acts=2), deep=True),
    Case(Protocol, Bounds(faults=2, freezes=1), deep=True),
    Case(Protocol, Bounds(faults=1, freezes=1, acts=1), deep=True),
    Case(Protocol, Bounds(freezes=1, acts=2), deep=True),
    Case(Protocol, Bounds(faults=1, freezes=2), deep=True),
    Case(Protocol, Bounds(faults=1, acts=1, locks=2), deep=True),
    Case(Protocol, Bounds(faults=2, acts=1, locks=2), deep=True),
    Case(Protocol, Bounds(faults=2, acts=2, windows=2), deep=True),
    Case(Protocol, Bounds(faults=1, freezes=1, windows=2), deep=True),
    Case(Protocol, Bounds(freezes=1, acts=1, windows=2), deep=True),
    Case(Protocol, Bounds(faults=1, freezes=1, second=True), deep=True),
    Case(Protocol, Bounds(faults=2, acts=1, windows=2, second=True), deep=True),
    Case(first.ClocksAreWrong, Bounds(faults=1, freezes=1, acts=1), deep=True),
)

SIMPLER = (
    Case(simple.NoWriteAhead, Bounds(faults=1), LOST),
    Case(simple.UnconditionalWrites, Bounds(faults=1, freezes=1), LOST),
    Case(simple.MendByCount, Bounds(faults=1, acts=1), LOST, "C3"),
    Case(simple.ShortWatch, Bounds(faults=1), LOST, "C8"),
    Case(simple.IdenticalIsDone, Bounds(), LOST, "C1"),
    Case(simple.DifferentIsDone, Bounds(faults=1, acts=1), LOST, "C2"),
    Case(simple.NoReopening, Bounds(freezes=1), LOST, "C7"),
    Case(simple.ReopenOnce, Bounds(faults=1, freezes=1), LOST, "C13"),
    Case(simple.SecondLiftsAndBelieves204, Bounds(second=True), LOST, "C5"),
    Case(simple.TransportSendsTwice, Bounds(faults=1), LOST, "C4"),
    Case(simple.NextWindowAtOnce, Bounds(faults=1, acts=1, windows=2), OLDER_BODY),
    Case(simple.UnconditionalBeat, Bounds(freezes=1), SENT_WITHOUT_ROW, "C14"),
    Case(simple.UnansweredProofForgotten, Bounds(faults=1, acts=1), UNDONE, "C11"),
    Case(simple.UnansweredPutSettled, Bounds(faults=1, acts=1), UNDONE, "C11"),
    Case(simple.PlannedBodyInWatch, Bounds(faults=1, acts=1), OLDER_BODY, "C2"),
    Case(simple.OwnBodyOnly, Bounds(freezes=1, acts=1, windows=2), OLDER_BODY, "C12"),
)

BETTER = (
    Case(first.AnotherBodyWatchedForPut, Bounds(faults=1, acts=1), LOST),
    Case(first.LastReadingCounts, Bounds(acts=1, windows=2), OLDER_BODY),
    Case(first.LeavesPutBehind, Bounds(faults=1, freezes=1, acts=1), UNDONE),
    Case(first.SpanEndsNow, Bounds(faults=2, acts=1), UNDONE),
    Case(first.AnyPutEndsWatch, Bounds(faults=1, freezes=1, acts=1), LOST, deep=True),
    Case(first.PutsBackBeforeReopening, Bounds(faults=1, freezes=1, acts=1), UNDONE, deep=True),
    Case(first.NoSecondLookAtLease, Bounds(faults=1, freezes=1, acts=1), UNDONE, deep=True),
    Case(first.OwnBodyInWatch, Bounds(freezes=1, acts=1, windows=2), OLDER_BODY, deep=True),
    Case(first.LeaseCounted, Bounds(faults=1, freezes=2), LOST, deep=True),
)

NOT_PROMISED = (
    Case(first.PromisedToTheFrozen, Bounds(faults=1, freezes=1), LOST, "C7"),
    Case(first.PromisedWithoutStore, Bounds(faults=2, freezes=1), LOST, deep=True),
)

CASES = HOLDS + SIMPLER + BETTER + NOT_PROMISED
