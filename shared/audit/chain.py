"""The hash chain: each entry carries the SHA-256 of itself and the hash of the entry
before it in its incident.

hash = SHA-256 over the canonical JSON of the entry without `hash`: UTF-8, keys sorted,
no white space, no escapes beyond JSON's own. The first entry of an incident follows 64
zeros. Nothing here needs more than the standard library.
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
    return json.dumps(
        fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def hash_of(entry: Entry) -> str:
    fields = entry.to_json()
    del fields["hash"]
    return hashlib.sha256(canonical(fields)).hexdigest()


def sealed(entry: Entry) -> Entry:
    """The entry with its own hash."""
    return replace(entry, hash=hash_of(entry))


class Chains:
    """Entries as they are read, each held against the end of its chain. Of a chain only
    its end is kept."""

    def __init__(self) -> None:
        self._ends: dict[str, tuple[int, str]] = {}

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, entry: Entry) -> Broken | None:
        """None when it holds. Chains may be mixed; the entries of one come in their
        order."""
        seq, before = self._ends.get(entry.incident, (0, GENESIS))
        if reason := _wrong(entry, seq + 1, before):
            return Broken(entry.incident, entry.seq, reason)
        self._ends[entry.incident] = (entry.seq, entry.hash)
        return None


def verify(entries: Iterable[Entry]) -> Broken | None:
    """None when every incident's chain holds."""
    chains = Chains()
    return next((broken for entry in entries if (broken := chains.add(entry))), None)


def _wrong(entry: Entry, expected: int, before: str) -> str:
    if entry.seq != expected:
        return f"entry {expected} is missing or out of place"
    if entry.prev_hash != before:
        return "it does not follow the entry before it"
    return "" if entry.hash == hash_of(entry) else "its content is not what was written"
