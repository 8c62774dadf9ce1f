"""All rows, and how what was found differs from a row."""

from __future__ import annotations

from dataclasses import dataclass

from tests.diagnosis_states import (
    agent,
    extension,
    extension_states,
    network,
    outside,
    restore_point_guards,
    restore_points,
)
from tests.diagnosis_states.examine import Found
from tests.diagnosis_states.row import CHECKERS, UNDECIDED, Row

ROWS = (
    *agent.ROWS,
    *extension.ROWS,
    *extension_states.ROWS,
    *network.ROWS,
    *restore_points.ROWS,
    *restore_point_guards.ROWS,
    *outside.ROWS,
)
REMEDY = "remedy"


@dataclass(frozen=True, slots=True)
class Miss:
    row: str
    what: str
    """Number of the cause, or REMEDY."""
    expected: str
    found: str
    because: str

    def __str__(self) -> str:
        what = CHECKERS.get(self.what, self.what)
        return f"{self.row}: {what}: expected {self.expected}, found {self.found}: {self.because}"


def find_misses(row: Row, found: Found) -> tuple[Miss, ...]:
    """Verdicts in the order of the causes, then the remedy."""
    misses = []
    for number, cause in CHECKERS.items():
        expected = row.verdicts.get(cause)
        if expected is not None and found.verdict(cause) is not expected:
            evidence = "; ".join(str(each) for each in found.findings[cause].evidence)
            misses.append(Miss(row.name, number, expected, found.verdict(cause), evidence))
    if row.remedy not in (UNDECIDED, found.remedy):
        misses.append(Miss(row.name, REMEDY, row.remedy, found.remedy, found.reason))
    return tuple(misses)
