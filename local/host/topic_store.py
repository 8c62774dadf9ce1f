"""The topic's events on disk: pending/ holds events that are accepted and not yet
delivered, dead-letters/ those that could not be delivered.

Every file is written in full and renamed into place, so neither a reader nor a restart
sees half an event.
"""

import json
import logging
import os
import re
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

log = logging.getLogger("local.host.topic")

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclass
class PendingEvent:
    """One accepted event. `taken_by` names the destinations that have it; times are
    Unix seconds."""

    key: str
    topic: str
    event: dict[str, Any]
    accepted_at: float
    attempts: int = 0
    next_attempt_at: float = 0.0
    last_outcome: str = ""
    taken_by: list[str] = field(default_factory=list)


class TopicStore:
    """Files under one directory. Methods raise OSError when the disk refuses: then
    nothing was accepted."""

    def __init__(self, directory: Path) -> None:
        self._pending = directory / "pending"
        self._dead = directory / "dead-letters"
        for folder in (self._pending, self._dead):
            folder.mkdir(parents=True, exist_ok=True)

    def new_key(self, event_id: str) -> str:
        """A file name for an event: its id if that is a safe name and free, else a new
        one. A dead letter keeps its name."""
        usable = (
            _SAFE_ID.fullmatch(event_id)
            and not self._path(event_id).exists()
            and not self._letter(event_id).exists()
        )
        return event_id if usable else uuid.uuid4().hex

    def save(self, event: PendingEvent) -> None:
        """Write or rewrite a pending event; it is on the disk when this returns."""
        _write(self._path(event.key), asdict(event))

    def remove(self, event: PendingEvent) -> None:
        """Delete a pending event: it was delivered, or is a dead letter now."""
        self._path(event.key).unlink(missing_ok=True)

    def bury(self, event: PendingEvent, reason: str) -> None:
        """Move an event to the dead letters, with the fields that Event Grid adds."""
        letter = {
            **event.event,
            "deadLetterReason": reason,
            "deliveryAttempts": event.attempts,
            "lastDeliveryOutcome": event.last_outcome,
        }
        _write(self._letter(event.key), letter)
        self.remove(event)

    def load(self) -> list[PendingEvent]:
        """Every pending event, oldest first. A file that cannot be read is renamed to
        `.unreadable` and logged."""
        for half_written in self._pending.glob("*.tmp"):
            half_written.unlink()
        events = [self._read(path) for path in self._pending.glob("*.json")]
        return sorted(
            (event for event in events if event is not None), key=lambda event: event.accepted_at
        )

    def pending_count(self) -> int:
        """How many events are pending."""
        return sum(1 for _ in self._pending.glob("*.json"))

    def dead_letter_count(self) -> int:
        """How many events could not be delivered, over all runs."""
        return sum(1 for _ in self._dead.glob("*.json"))

    def _read(self, path: Path) -> PendingEvent | None:
        try:
            return PendingEvent(**json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            aside = path.replace(path.with_suffix(".unreadable"))
            log.error("a pending event cannot be read and is now %s: %s", aside, error)
            return None

    def _letter(self, key: str) -> Path:
        return self._dead / f"{key}.json"

    def _path(self, key: str) -> Path:
        return self._pending / f"{key}.json"


def _write(path: Path, value: dict[str, Any]) -> None:
    temporary = path.with_suffix(f".{uuid.uuid4().hex}.tmp")
    with temporary.open("w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
