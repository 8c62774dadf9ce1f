"""One cell of the fault matrix, and the labels of its boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.scenarios import parts
from tests.faults.azure import NOTES, Failure, broken_extension, locked_groups
from tests.faults.fault import Fault, Place

DELETE_COLLECTION, DELETE_LOCK, PUT_LOCK, GET_LOCK = (
    "ARM DELETE restorePointCollections",
    "ARM DELETE locks",
    "ARM PUT locks",
    "ARM GET locks",
)
MADE = parts.lock(parts.group("rg-one")["id"], "keep-rg-one", NOTES)
"""The answer to a PUT of the lock of these runs."""


@dataclass(frozen=True)
class Cell:
    name: str
    column: str
    place: Place | None
    fault: Fault | None
    lose_engine: bool = True
    groups: dict[str, int] = field(default_factory=lambda: {"rg-one": 1})
    deliveries: int = 1
    lock_on: str = "group"
    extension: bool = False
    """A broken extension is repaired instead of the `groups`."""
    hosts: int = 1
    more: Mapping[Place, Fault] = field(default_factory=dict)
    """Faults beside the first one."""
    simulator: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the simulator."""

    @property
    def faults(self) -> dict[Place, Fault]:
        first = {} if self.place is None or self.fault is None else {self.place: self.fault}
        return first | dict(self.more)

    def azure(self) -> tuple[dict[str, Any], list[Failure]]:
        return broken_extension() if self.extension else locked_groups(self.groups, self.lock_on)
