"""What a fix is: its steps as data, how a unit of them is carried out, and what is lost
by it. One file a fix; the executor runs any of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter
from shared.execution.fence import Fence
from shared.execution.lock_window.turn import Turns
from shared.incident.model import Finding, Incident
from shared.incident.outcome import StepOutcome
from shared.plan.steps import NotFixable, Step
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Hands:
    """What a fix is carried out with."""

    reader: ArmReader
    writer: ArmWriter
    fence: Fence
    """For single changes: shared/execution/change.py."""
    settings: Settings
    turns: Turns
    """For what is done with the locks of a resource group off."""


class CarryOutUnit(Protocol):
    async def __call__(
        self, hands: Hands, incident: Incident, steps: tuple[Step, ...]
    ) -> StepOutcome:
        """Carry out the steps of one unit: check everything again, write the intent,
        change it, wait, write the outcome.

        Safe to run again after a crash, and after BUSY or WAITING, which changed
        nothing. Raises StoreUnavailable.
        """


@dataclass(frozen=True, slots=True)
class Fix:
    kind: str
    """The name of its file, and the kind of its step that counts."""
    step_kinds: tuple[str, ...]
    """Kinds of its steps, in order."""
    steps: Callable[[Finding, str], tuple[Step, ...] | NotFixable]
    """(finding, VM id) -> the steps in order. Pure."""
    carry_out: CarryOutUnit
    loses: str
    """What is gone after it, in a sentence."""
