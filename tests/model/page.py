"""The tables of docs/lock-protocol.md."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.model.cases import BETTER, HOLDS, NOT_PROMISED, SIMPLER, Case
from tests.model.explore import Result
from tests.model.protocol import Protocol

START, END = "<!-- model -->", "<!-- /model -->"

Results = dict[Case, Result]


def tell_cell(number: int) -> str:
    return str(number) if number else ""


def tell_holding(case: Case, result: Result) -> str:
    """The row of a case in which every invariant holds."""
    bounds = case.bounds
    world = "a living owner may be taken over" if case.protocol is not Protocol else ""
    counts = (bounds.faults, bounds.freezes, bounds.acts, bounds.locks, bounds.windows)
    cells = [*map(tell_cell, counts), "yes" if bounds.second else "", world]
    cut = sum(result.not_promised.values())
    numbers = f"{result.states:,} | {result.steps:,} | {cut:,}"
    return f"| {' | '.join(cells)} | {numbers} |"


def tell_breaking(case: Case, result: Result) -> str:
    """The row of a simplification, and of what was found to be wrong with it."""
    what = " ".join((case.protocol.__doc__ or "").split())
    within = tell_bounds(case)
    return (
        f"| {what} `{case.protocol.__name__}` | {case.traces} | {within} | {result.broken}"
        f" | {len(result.history)} | {result.states:,} |"
    )


def tell_bounds(case: Case) -> str:
    bounds = case.bounds
    parts = [
        f"{number} {name}{'s' if number > 1 else ''}"
        for number, name in (
            (bounds.faults, "fault"),
            (bounds.freezes, "freeze"),
            (bounds.acts, "act"),
        )
        if number
    ]
    if bounds.windows > 1:
        parts.append(f"{bounds.windows} windows")
    if bounds.second:
        parts.append("run twice")
    return ", ".join(parts) or "nothing"


HOLDING_HEAD = """
| faults | freezes | acts | locks | windows | run twice | clocks | states | steps | cut |
|---|---|---|---|---|---|---|---|---|---|
"""
BREAKING_HEAD = """
| left out, or done instead | trace | enough | what breaks | steps | states until then |
|---|---|---|---|---|---|
"""


def tell_tables(results: Results) -> str:
    holds = [tell_holding(case, results[case]) for case in HOLDS]
    states = sum(results[case].states for case in HOLDS)
    steps = sum(results[case].steps for case in HOLDS)

    def tell_all(cases: Iterable[Case]) -> str:
        return BREAKING_HEAD + "\n".join(tell_breaking(case, results[case]) for case in cases)

    return "\n".join(
        (
            f"Every invariant holds in all of these: {states:,} states, {steps:,} steps.",
            HOLDING_HEAD + "\n".join(holds),
            "\n### What a simpler protocol loses",
            tell_all(SIMPLER),
            "\n### What else it needs, as the model showed",
            tell_all(BETTER),
            "\n### What is excluded, and breaks where it is not",
            tell_all(NOT_PROMISED),
        )
    )


def write_tables(path: Path, tables: str) -> None:
    text = path.read_text(encoding="utf-8")
    head, rest = text.split(START)
    tail = rest.split(END)[1]
    path.write_text(f"{head}{START}\n{tables}\n{END}{tail}", encoding="utf-8")
