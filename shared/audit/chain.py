"""The hash chain: each entry carries its own SHA-256 and the hash of the entry before
it in its incident.

hash = SHA-256 over the canonical JSON of the entry without `hash`: UTF-8, keys sorted,
no white space, no escapes beyond JSON's own. The first entry of an incident follows 64
zeros. Only the standard library is needed to verify a chain.
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
    """The first entry that does not verify, and why."""

    incident: str
    seq: int
    reason: str

    def __str__(self) -> str:
        return f"incident {self.incident}, entry {self.seq}: {self.reason}"


def encode_canonically(fields: dict[str, Any]) -> bytes:
    return json.dumps(
        fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def hash_of(entry: Entry) -> str:
    fields = entry.to_json()
    del fields["hash"]
    return hashlib.sha256(encode_canonically(fields)).hexdigest()


def add_hash(entry: Entry) -> Entry:
    """The entry with its own hash."""
    return replace(entry, hash=hash_of(entry))


class Chains:
    """Verifies entries as they are read. It keeps only the last entry's place and hash
    of each chain."""

    def __init__(self) -> None:
        self._ends: dict[str, tuple[int, str]] = {}

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, entry: Entry) -> Broken | None:
        """None when it verifies. Chains may be mixed; the entries of each must come in
        order."""
        seq, before = self._ends.get(entry.incident, (0, GENESIS))
        if reason := _find_fault(entry, seq + 1, before):
            return Broken(entry.incident, entry.seq, reason)
        self._ends[entry.incident] = (entry.seq, entry.hash)
        return None


def verify(entries: Iterable[Entry]) -> Broken | None:
    """None when every incident's chain verifies."""
    chains = Chains()
    return next((broken for entry in entries if (broken := chains.add(entry))), None)


def _find_fault(entry: Entry, expected: int, before: str) -> str:
    if entry.seq != expected:
        return f"entry {expected} is missing or out of place"
    if entry.prev_hash != before:
        return "it does not follow the entry before it"
    return "" if entry.hash == hash_of(entry) else "its content is not what was written"
