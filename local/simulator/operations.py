"""Long-running operations: begun by a request, ended by the clock.

Nothing runs in the background. Each request first settles what is due, in the order of
the due times, so the state that it sees is the one that Azure would have at that
moment.

    InProgress ── due ──> Succeeded | Failed
    InProgress ── a newer operation on the same target ──> Canceled (OperationPreempted)
    InProgress ── hung ──> stays
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from local.simulator import clock, ids
from local.simulator.faults import Action
from local.simulator.ids import fold

LONGEST_MEMORY = 20_000
"""Operations that can be asked for; those that ended first are forgotten first."""


@dataclass(frozen=True, slots=True)
class Failure:
    code: str
    message: str


type Finish = Callable[[Failure | None], Failure | None]
"""Called once when the operation is due: applies its effect and returns why it failed,
if it did. The argument is a failure on order, which wins over what would have become of
it."""


@dataclass(slots=True)
class Operation:
    id: str
    kind: str
    target: str
    started: datetime
    due: float | None
    """Monotonic seconds; None never ends."""
    finish: Finish
    forced: Failure | None = None
    status: str = "InProgress"
    failure: Failure | None = None
    ended: datetime | None = None
    job_id: str = ""
    """Of a backup: the job that it started."""
    started_monotonic: float = field(default=0.0)

    @property
    def running(self) -> bool:
        return self.status == "InProgress"


class Operations:
    def __init__(self, monotonic: Callable[[], float], new_id: Callable[[], str]) -> None:
        self._monotonic = monotonic
        self._new_id = new_id
        self._operations: dict[str, Operation] = {}
        self._open: dict[str, Operation] = {}

    def start(
        self,
        kind: str,
        target: str,
        seconds: float,
        finish: Finish,
        fault: Action | None = None,
        job_id: str = "",
    ) -> Operation:
        """Begin an operation of `seconds`; a fault makes it hang or fail."""
        now = self._monotonic()
        forced = None
        if fault and fault.lro_fail:
            forced = Failure(
                fault.lro_fail["code"], fault.lro_fail.get("message", "The operation failed.")
            )
        due = None if fault and fault.lro_hang else now + seconds
        operation = Operation(
            self._new_id(), kind, ids.key(target), clock.now(), due, finish, forced
        )
        operation.started_monotonic, operation.job_id = now, job_id
        self._operations[fold(operation.id)] = self._open[operation.id] = operation
        self._forget_old()
        return operation

    def find(self, operation_id: str) -> Operation | None:
        return self._operations.get(fold(operation_id))

    def running(self, kind: str, target: str) -> Operation | None:
        for operation in self._open.values():
            if operation.kind == kind and operation.target == ids.key(target):
                return operation
        return None

    def preempt(self, operation: Operation) -> None:
        message = "Operation execution has been preempted by a more recent operation."
        self._end(operation, "Canceled", Failure("OperationPreempted", message), clock.now())

    def cancel(self, operation: Operation) -> None:
        """End it without its effect."""
        self._end(operation, "Canceled", None, clock.now())

    def settle(self) -> None:
        """End everything that is due."""
        while due := self._next_due():
            failure = due.finish(due.forced)
            ended = due.started + timedelta(seconds=(due.due or 0) - due.started_monotonic)
            self._end(due, "Failed" if failure else "Succeeded", failure, ended)

    def clear(self) -> None:
        self._operations.clear()
        self._open.clear()

    def _end(
        self, operation: Operation, status: str, failure: Failure | None, ended: datetime
    ) -> None:
        operation.status, operation.failure, operation.ended = status, failure, ended
        del self._open[operation.id]

    def _forget_old(self) -> None:
        """Azure too answers 404 for an operation of long ago."""
        while len(self._operations) > LONGEST_MEMORY:
            oldest = next(
                (name for name, each in self._operations.items() if not each.running), None
            )
            if oldest is None:
                return
            del self._operations[oldest]

    def _next_due(self) -> Operation | None:
        now = self._monotonic()
        ready = [each for each in self._open.values() if each.due is not None and each.due <= now]
        return min(ready, key=lambda each: each.due or 0, default=None)
