"""What the orchestrator does next with an incident: the answer of most stages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Next(StrEnum):
    RECOVER = "recover"
    """It was begun before: bring to its end what a lost process left, then begin."""
    DIAGNOSE = "diagnose"
    """Examine its causes."""
    ACT = "act"
    """Its fix may be made, once it is its turn."""
    WAIT = "wait"
    """Ask the same stage again later."""
    BACK_UP = "back_up"
    """Order the backup that has to show that the fix worked."""
    VERIFY = "verify"
    """Follow that backup to its end."""
    STOP = "stop"
    """It has ended."""


@dataclass(frozen=True, slots=True)
class NextStep:
    next: Next
    failed_at: str = ""
    """With DIAGNOSE: when the backup that failed began, as its job says."""
    causes: tuple[str, ...] = ()
    """With DIAGNOSE: slugs of the causes to examine, in the catalogue's order."""
    seconds: float = 0.0
    """With WAIT: ask again after that time at the latest."""
    unread: int = 0
    """With WAIT: how often in a row a fact that is needed could not be read."""


STOP = NextStep(Next.STOP)
