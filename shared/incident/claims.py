"""The claim of a failure by an incident, and its row in the store."""

from __future__ import annotations

from dataclasses import dataclass

from shared.codec import from_json
from shared.store.contract import Row


@dataclass(frozen=True, slots=True)
class Claim:
    incident_id: str
    verification: bool
    """It is the failure of our own verifying backup of that incident."""
    first: bool
    """It was claimed now, and nobody claimed it before."""
    forgotten: bool = False
    """The incident is no longer kept; a late event of this failure opens nothing."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A claim as it is in the store."""

    incident_id: str
    verification: bool = False
    forgotten: bool = False

    def as_claim(self, *, first: bool) -> Claim:
        return Claim(self.incident_id, self.verification, first, self.forgotten)


def claim_in(row: Row) -> Claim:
    """The claim that a row of the store holds."""
    return from_json(Owner, row.body).as_claim(first=False)
