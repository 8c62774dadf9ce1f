"""Long-running operations: started by a request, ended by the clock.

Nothing runs in the background. Each request first ends the operations that are due, in
the order of their due times, so it sees the state that Azure would have at that moment.

    InProgress ── due ──> Succeeded | Failed
    InProgress ── a newer operation on the same target ──> Canceled (OperationPreempted)
    InProgress ── made to hang ──> stays
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from local.simulator import clock, ids
from local.simulator.faults import Action
from local.simulator.ids import fold

MAX_OPERATIONS = 20_000
"""Operations that are remembered; the oldest that has ended is forgotten first."""


@dataclass(frozen=True, slots=True)
class Failure:
    code: str
    message: str

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message}


type Finish = Callable[[Failure | None], Failure | None]
"""Called once when the operation is due: applies its effect and returns the failure, or
None. The argument is the failure of an injected fault, which wins over the outcome that
the state would give."""


@dataclass(slots=True)
class Operation:
    id: str
    kind: str
    target: str
    started: datetime
    due: float | None
    """Monotonic seconds; None when it never ends."""
    finish: Finish
    started_monotonic: float
    injected: Failure | None = None
    job_id: str = ""
    """The job that a backup started."""
    status: str = "InProgress"
    failure: Failure | None = None
    ended: datetime | None = None

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
        """Start an operation that takes `seconds`; a fault makes it hang or fail."""
        now = self._monotonic()
        injected = None
        if fault and fault.lro_fail:
            injected = Failure(
                fault.lro_fail["code"], fault.lro_fail.get("message", "The operation failed.")
            )
        operation = Operation(
            id=self._new_id(),
            kind=kind,
            target=ids.key(target),
            started=clock.now(),
            due=None if fault and fault.lro_hang else now + seconds,
            finish=finish,
            started_monotonic=now,
            injected=injected,
            job_id=job_id,
        )
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
        """End the operation without its effect."""
        self._end(operation, "Canceled", None, clock.now())

    def settle(self) -> None:
        """End everything that is due."""
        while due := self._next_due():
            failure = due.finish(due.injected)
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
        """Azure, too, answers 404 for an old operation."""
        while len(self._operations) > MAX_OPERATIONS:
            oldest = next((name for name, op in self._operations.items() if not op.running), None)
            if oldest is None:
                return
            del self._operations[oldest]

    def _next_due(self) -> Operation | None:
        now = self._monotonic()
        due = [op for op in self._open.values() if op.due is not None and op.due <= now]
        return min(due, key=lambda op: op.due or 0, default=None)
