"""Rows of the ledger that this version cannot read: another schema number, or not a row
at all. None is skipped, and none stops the guardian for the other locks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.codec import from_json
from shared.errors import NotUsable
from shared.facts import Lock
from shared.store.contract import Row

NEVER_LIFTED = ("planned", "settled")
"""States in which nothing has to be put back."""


@dataclass(frozen=True, slots=True)
class StrangeRow:
    place: Row
    reason: str
    """Why it cannot be read."""
    lock: Lock | None
    """The body in its raw text; None where that is not all there."""
    group_id: str
    """"" where its raw text does not say: then it may be any group's."""
    may_be_off: bool
    incident_id: str
    """The chain that its changes go to; the row's key where the text does not say."""

    @property
    def name(self) -> str:
        """Of the row, not of its lock: another row of the lock may well be readable."""
        return self.place.place


def read_strange_row(place: Row, reason: str) -> StrangeRow:
    body = place.body
    state, group_id = body.get("state"), body.get("group_id")
    lock = _read_lock(body.get("noted")) or _read_lock(body.get("lock"))
    if not isinstance(group_id, str):
        group_id = lock.scope if lock else ""
    incident_id = body.get("incident_id")
    if not isinstance(incident_id, str):
        incident_id = place.key
    return StrangeRow(place, reason, lock, group_id, state not in NEVER_LIFTED, incident_id)


def _read_lock(data: Any) -> Lock | None:
    """Scope, name, level, notes and owners, or nothing."""
    try:
        return from_json(Lock, data)
    except NotUsable:
        return None
