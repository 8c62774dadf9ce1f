"""What a fix is: a name, the steps that it takes, and what is lost by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.incident.model import Finding
from shared.plan.steps import NotFixable, Step


@dataclass(frozen=True, slots=True)
class Fix:
    kind: str
    steps: Callable[[Finding, str], tuple[Step, ...] | NotFixable]
    """(finding, VM id) -> the steps in order."""
    loses: str
    """What is gone after it, in a sentence."""
