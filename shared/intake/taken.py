"""What became of an event, and the chain of those that belong to no incident."""

from __future__ import annotations

from dataclasses import dataclass

from shared.audit.journal import ChainOf

INTAKE_CHAIN = "intake"
"""Incident id under which events that belong to no incident are on record."""


def chain_of_intake(vm_id: str = "") -> ChainOf:
    return ChainOf(INTAKE_CHAIN, vm_id)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an event. `start`: the incident whose orchestration has to run, or
    "" when none has to."""

    what: str
    incident_id: str = ""
    start: str = ""
    parts: tuple[Taken, ...] = ()
    """What became of each part of an event that reports several things; `incident_id`
    is then that of the first that has one."""

    @property
    def starts(self) -> tuple[str, ...]:
        """Every incident whose orchestration has to run."""
        own = (self.start,) if self.start else ()
        return tuple(dict.fromkeys((*own, *(each for part in self.parts for each in part.starts))))
