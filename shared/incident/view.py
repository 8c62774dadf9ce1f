"""An incident as the HTTP routes and the command line show it."""

from __future__ import annotations

import json
from typing import Any

from shared.codec import to_english
from shared.incident.model import Incident

HIDDEN = ("error_code_hints", "facts")


def incident_json(incident: Incident) -> dict[str, Any]:
    """Fields are documented in docs/http.md; `closed_at` is null while the incident is
    open, `vm_id` when it has no VM."""
    shown = {name: value for name, value in to_english(incident).items() if name not in HIDDEN}
    return shown | {
        "closed_at": incident.closed_at or None,
        "vm_id": incident.vm_id or None,
        "backup_attempts": len(incident.orders),
    }


def whole_incident_json(incident: Incident) -> dict[str, Any]:
    """Of one incident by itself: with the facts that its newest diagnosis judged."""
    facts: dict[str, Any] | None = to_english(incident.facts)
    if facts is not None:
        facts["read"] = {ask: json.loads(answer) for ask, answer in facts["read"].items()}
    return incident_json(incident) | {"facts": facts}
