"""What an incident is told of a window: the outcome of each of its steps, and whether the locks are back."""

from __future__ import annotations

from dataclasses import replace

from shared.arm_ids import fold
from shared.execution.ledger import OpenLock
from shared.execution.tools import StepOutcome
from shared.execution.windows import Result
from shared.fixes.contract import StepKind
from shared.incident.model import Incident


def restored(off: list[OpenLock]) -> StepOutcome:
    if not off:
        return StepOutcome("done", "every lock of the window is back, identical")
    names = "; ".join(f"the lock {entry.lock.name} on {entry.lock.scope} is NOT back yet: {entry.problem}" for entry in off)
    return StepOutcome("failed", names)


def with_outcomes(incident: Incident, *, results: list[Result], restored: StepOutcome) -> Incident:
    """The incident with the outcome of each of its steps in this window."""
    by_target = {fold(result.target): result for result in results}

    def outcome_of(kind: str, target: str) -> tuple[str, str] | None:
        result = by_target.get(fold(target))
        if result is None:
            return None
        if result.result == "waiting":
            return "", result.detail  # stays open: it was not begun
        if kind == StepKind.DELETE_COLLECTION:
            return result.result, result.detail
        if kind == StepKind.LIFT_LOCKS:
            return ("refused", result.detail) if result.result == "refused" else ("done", "")
        return restored.result, restored.detail

    actions = tuple(
        replace(action, outcome=told[0], detail=told[1]) if (told := outcome_of(action.kind, action.target)) else action
        for action in incident.actions
    )
    return replace(incident, actions=actions)
