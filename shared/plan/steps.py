"""The steps of a plan, as data that a person can read and approve."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.facts import Lock
from shared.sentences import Sentence


class StepKind(StrEnum):
    UNINSTALL_EXTENSION = "uninstall_extension"
    LIFT_LOCKS = "lift_locks"
    DELETE_COLLECTION = "delete_restore_point_collection"
    RESTORE_LOCKS = "restore_locks"


@dataclass(frozen=True, slots=True)
class Step:
    """One change."""

    kind: StepKind
    target: str
    """ARM id of what is changed; for locks, of the collection that they keep."""
    says: Sentence
    locks: tuple[Lock, ...] = ()


@dataclass(frozen=True, slots=True)
class NotFixable:
    """Why a fix does not apply to a finding, for the person who is asked instead."""

    reason: str
