"""The confusion table: what the documents say, against what each checker says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from shared.incident.model import Verdict
from tests.diagnosis_states.examine import Found
from tests.diagnosis_states.row import CHECKERS, UNDECIDED, Row

CONFIRMED, RULED_OUT, UNKNOWN = Verdict.CONFIRMED, Verdict.RULED_OUT, Verdict.UNKNOWN
type Counts = dict[str, Counter[tuple[Verdict, Verdict]]]
"""checker -> (expected, found) -> in how many rows"""


def count(rows: Iterable[Row], found: Mapping[str, Found]) -> Counts:
    counts: Counts = {cause: Counter() for cause in CHECKERS.values()}
    for row in rows:
        for cause, expected in row.verdicts.items():
            counts[cause][expected, found[row.name].verdict(cause)] += 1
    return counts


def avoidable(counts: Counts) -> int:
    """How often a checker said UNKNOWN where the documents decide."""
    return sum(each[CONFIRMED, UNKNOWN] + each[RULED_OUT, UNKNOWN] for each in counts.values())


def falsely_confirmed(rows: Iterable[Row], found: Mapping[str, Found]) -> list[str]:
    """What must never be: CONFIRMED where the documents rule out."""
    return [
        f"{row.name}: {cause}"
        for row in rows
        for cause, expected in row.verdicts.items()
        if expected is RULED_OUT and found[row.name].verdict(cause) is CONFIRMED
    ]


def render(rows: tuple[Row, ...], found: Mapping[str, Found]) -> str:
    """The table for people, a line for each checker and expected verdict."""
    counts = count(rows, found)
    lines = [f"{'checker':24} {'expected':10} {'CONFIRMED':>10} {'RULED_OUT':>10} {'UNKNOWN':>10}"]
    for cause, each in counts.items():
        for expected in Verdict:
            numbers = " ".join(f"{each[expected, verdict]:10}" for verdict in Verdict)
            lines.append(f"{cause:24} {expected:10} {numbers}")
    total = sum(sum(each.values()) for each in counts.values())
    right = sum(each[verdict, verdict] for each in counts.values() for verdict in Verdict)
    decided = [row for row in rows if row.remedy != UNDECIDED]
    remedies = sum(found[row.name].remedy == row.remedy for row in decided)
    return "\n".join(
        [
            *lines,
            f"{len(rows)} states, {total} verdicts: {right} as the documents say,"
            f" {len(falsely_confirmed(rows, found))} CONFIRMED where they rule out,"
            f" {avoidable(counts)} UNKNOWN that could be avoided",
            f"{len(decided)} remedies: {remedies} as the documents say",
        ]
    )
