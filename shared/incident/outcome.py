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
    """The leader of its lock window deletes for it, another execution is at the same
    step, or the store does not answer: ask again soon."""
    WAITING = "waiting"
    """A job of the VM runs, or its resource group may not be unlocked now: nothing was
    changed; plan again once that is over."""


@dataclass(frozen=True, slots=True)
class GroupHeld:
    """A resource group that may not be unlocked for an incident now."""

    group_id: str
    why: str
    """Names the lock and the state of its row, or the window, and until when."""
    until: str = ""
    """When it is expected to be free, ISO 8601; "" where nobody knows."""
    by_hand: tuple[Sentence, ...] = ()
    """Manual steps for what holds it, should it stay held."""


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How the steps of one unit ended, and what is left for a person to do."""

    result: Outcome
    detail: str
    manual_steps: tuple[Sentence, ...] = ()
    held: GroupHeld | None = None
    """With WAITING: the group that is waited for; None where it is a job."""
    code: str = ""
    """ARM's `error.code`, where Azure refused the change or it failed."""

    @property
    def done(self) -> bool:
        return self.result is Outcome.DONE
