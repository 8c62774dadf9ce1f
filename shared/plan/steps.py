"""The steps of a plan, as data that a person can read and approve."""

from __future__ import annotations

from dataclasses import dataclass

from shared.facts import Lock
from shared.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Step:
    """One change. Everything that planner, limiter and executor need to know of it."""

    kind: str
    """What is done, in a word of its fix; the incident's actions have the same word."""
    target: str
    """ARM id of what is changed; for locks, of the collection that they keep."""
    says: Sentence
    unit: str
    """ARM id. The steps with the same one are carried out together: the extension, or
    the resource group whose locks are lifted once for all of them."""
    counts: bool
    """Whether it is a change within the limit of changes an hour."""
    locks: tuple[Lock, ...] = ()


@dataclass(frozen=True, slots=True)
class NotFixable:
    """Why a fix does not apply to a finding, for the person who takes over."""

    reason: str
    by_hand: tuple[Sentence, ...] = ()
    """What that person can do about exactly this, ahead of the advice for the cause."""
