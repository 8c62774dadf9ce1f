"""What a fix is: a name, the steps that it takes, and what is lost by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from shared.facts import Lock
from shared.incident.model import Finding


class StepKind(StrEnum):
    UNINSTALL_EXTENSION = "uninstall_extension"
    LIFT_LOCKS = "lift_locks"
    DELETE_COLLECTION = "delete_restore_point_collection"
    RESTORE_LOCKS = "restore_locks"


@dataclass(frozen=True, slots=True)
class Step:
    """One change, told so that a person can read and approve it."""

    kind: StepKind
    target: str
    """ARM id of what is changed; for locks, of the collection that they keep."""
    says: str
    locks: tuple[Lock, ...] = ()


@dataclass(frozen=True, slots=True)
class NotFixable:
    """Why this fix does not apply to this finding, for the person who is asked instead."""

    reason: str


@dataclass(frozen=True, slots=True)
class Fix:
    kind: str
    steps: Callable[[Finding, str], tuple[Step, ...] | NotFixable]
    """(finding, VM id) -> the steps in order."""
    loses: str
    """What is gone after it, in a sentence."""
