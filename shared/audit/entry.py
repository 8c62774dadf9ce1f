"""One entry of the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from shared.errors import NotUsable

PHASES = ("intent", "outcome", "note")


@dataclass(frozen=True, slots=True)
class Entry:
    seq: int
    """Place in the incident's chain, from 1."""
    at: str
    """ISO 8601, UTC."""
    incident: str
    vm: str
    """ARM id of the VM, or "" where the event named none."""
    kind: str
    """What was found, decided or changed; docs/audit-format.md lists the kinds."""
    target: str
    """ARM id of what it is about."""
    phase: str
    """intent (before a change), outcome (after it), note (nothing was changed)."""
    result: str
    actor: str
    correlation_id: str
    """ARM's, as in the Activity Log; "" for an intent and a note."""
    detail: Mapping[str, Any]
    prev_hash: str
    hash: str

    def to_json(self) -> dict[str, Any]:
        """The fields as they are hashed (without `hash`), exported and served."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_json(cls, wire: Mapping[str, Any]) -> Entry:
        """Raises NotUsable when a field is missing, unknown, or of another type."""
        names = [field.name for field in fields(cls)]
        if missing := [name for name in names if name not in wire]:
            raise NotUsable(f"the audit entry has no {', '.join(missing)}")
        if unknown := [name for name in wire if name not in names]:
            raise NotUsable(
                f"the audit entry has a field that is not in the format: {', '.join(unknown)}"
            )
        if not isinstance(wire["seq"], int) or isinstance(wire["seq"], bool):
            raise NotUsable(f"seq is {wire['seq']!r}, not a whole number")
        if not isinstance(wire["detail"], Mapping):
            raise NotUsable("detail is not an object")
        for name in names:
            if name not in ("seq", "detail") and not isinstance(wire[name], str):
                raise NotUsable(f"{name} is not text")
        return cls(**wire)
