"""What can go wrong in a run, and where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.faults.world import World

type Place = int | tuple[str, int] | tuple[str, str]
"""A boundary: the how-manieth of the run; its label and the how-manieth of that label;
or the first of its label once another label was passed. For "twice" an activity:
("activity carry_out_unit", 1). A fault that cannot happen at its boundary is an error,
but at a mere number it is passed over."""
type Hand = Callable[[World], None] | Callable[[World], Awaitable[None]]
"""What a person, or somebody else's process, does at a boundary."""


class Died(BaseException):
    """The process was killed: no handler of its own may see this as an error to deal
    with."""


class EngineFault(Exception):
    """What the durable library raises: an activity that failed, a start that was
    refused."""


class NeverAtRest(AssertionError):
    pass


class NotPlayable(AssertionError):
    """A fault stands at a boundary where it cannot happen."""


@dataclass
class Fault:
    """What happens at a boundary, by `kind`, with its `args`:

    die         the process dies: nothing of it has any effect any more
    freeze      the process stops for `seconds`, while its clocks go on. The engine
                counts it as dead at once, and another process takes over; then it wakes
                and goes on with everything that it had in mind; with `die`, only with
                the call that it is at, and dies then
    reset       this ARM request is not sent, or its answer is lost
    arm         the simulator does `action` to the next `times` (1) requests like this
                one; `action` may be a function of the request
    late        this ARM request gets no answer, and takes effect `seconds` later; so do
                the next ones like it up to `times` (1)
    die late    the process dies, and its request in flight takes effect `seconds` later
    store       the store answers nobody for `seconds`
    store reads fail    the same for reads alone
    store lost  this write is carried out, and its answer is lost
    engine      the engine's API gives 500 to the next `answers`; with `die` as well
    person      somebody else `does` something: a name of HANDS, or a Hand
    clock       the wall clock jumps by `seconds`
    twice       an activity is run a second time at the same time in another process;
                the first answer counts
    """

    kind: str
    args: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_cancelled(self) -> bool:
        """Whether the call's time limit passed while its process was frozen: it is
        carried out, and nobody waits for its answer."""
        return self.kind == "freeze" and bool(self.args.get("cancelled"))

    @property
    def is_last_act(self) -> bool:
        """Whether the process carries out the call that it is at, and dies then."""
        return self.kind == "freeze" and bool(self.args.get("die"))
