"""The one enumeration of how a step, or a unit of steps, ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.sentences import Sentence


class Outcome(StrEnum):
    """Recorded of a step, and what the orchestrator goes on by."""

    UNDER_WAY = ""
    """It has begun, and how it ended is not known yet."""
    DONE = "done"
    FAILED = "failed"
    """Azure was asked, and it did not work."""
    REFUSED = "refused"
    """A guard refused it: nothing was changed."""
    BUSY = "busy"
    """Another incident is at work on the same resource group: ask again soon."""
    WAITING = "waiting"
    """A job of the VM runs: nothing was changed; plan again once it has ended."""


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How the steps of one unit ended, and what is left for a person to do."""

    result: Outcome
    detail: str
    manual_steps: tuple[Sentence, ...] = ()

    @property
    def done(self) -> bool:
        return self.result is Outcome.DONE
