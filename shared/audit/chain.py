"""The hash chain: each entry carries the SHA-256 of itself and the hash of the entry before it in its incident.

hash = SHA-256 over the canonical JSON of the entry without `hash`: UTF-8, keys sorted, no white space, no escapes beyond JSON's own.
The first entry of an incident follows 64 zeros. Nothing here needs more than the standard library.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from shared.audit.entry import Entry

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry that does not hold, and why."""

    incident: str
    seq: int
    reason: str

    def __str__(self) -> str:
        return f"incident {self.incident}, entry {self.seq}: {self.reason}"


def canonical(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def hash_of(entry: Entry) -> str:
    fields = entry.to_json()
    del fields["hash"]
    return hashlib.sha256(canonical(fields)).hexdigest()


def sealed(entry: Entry) -> Entry:
    """The entry with its own hash."""
    return replace(entry, hash=hash_of(entry))


def verify(entries: Iterable[Entry]) -> Broken | None:
    """None when every incident's chain holds. Incidents may be mixed; the entries of one come in their order."""
    last: dict[str, Entry] = {}
    for entry in entries:
        before = last.get(entry.incident)
        if reason := _wrong(entry, before):
            return Broken(entry.incident, entry.seq, reason)
        last[entry.incident] = entry
    return None


def _wrong(entry: Entry, before: Entry | None) -> str:
    expected = before.seq + 1 if before else 1
    if entry.seq != expected:
        return f"entry {expected} is missing or out of place"
    if entry.prev_hash != (before.hash if before else GENESIS):
        return "it does not follow the entry before it"
    return "" if entry.hash == hash_of(entry) else "its content is not what was written"
