"""The fault matrix: every effect boundary of one repair × everything that can go wrong
there, each run on to rest and judged.

    python -m tests.faults.matrix                  all cells
    python -m tests.faults.matrix --quick          every fortieth cell
    python -m tests.faults.matrix --cell 'NAME'    one cell, as a failure prints it

Boundaries are found by a run without faults, not listed by hand. What a cell plays and
what it cannot is in docs/reliability.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.cell import DELETE_COLLECTION, DELETE_LOCK, MADE, PUT_LOCK, Cell
from tests.faults.fault import Fault, NeverAtRest, Place
from tests.faults.harsh import harsh_cells
from tests.faults.runs import Outcome, run

STEP = 40
JOBS = 4
LATE_SECONDS = 2.5
"""Longer than the call's time limit in these runs."""
PROBLEM = {"code": "InternalExecutionError", "message": "An internal execution error occurred."}
BY_POLICY = {
    "error": {
        "code": "RequestDisallowedByPolicy",
        "message": "Resource 'keep-rg-one' was disallowed by policy.",
    }
}
PROOF = 1
"""Which PUT of the lock is the proof; the others put it back."""
POLLS = tuple(
    f"{side} ARM GET {what}"
    for side in ("before", "after")
    for what in ("operations", "operationsStatus")
)
LOOKS = 3
"""How often a cell whose boundary was not reached is run again: how often a job is
looked at is a matter of moments, too."""
EPISODE = "episode after "
SILENT = 12
"""Rounds of the guardian in which the engine's API answers 500: more than restarts are
allowed."""
BEFORE_LIFT = "before store insert audit intent restore_lock"
PROMISES = (
    "locks lost",
    "unpromised deletions",
    "changes without an intent",
    "fixed twice",
    "open intents",
    "chain",
)
GIVEN_UP = "given up"
"""A person was asked because the product could not go on, not because of what it found.
"""


@dataclass(frozen=True)
class Judged:
    name: str
    column: str
    hit: bool
    statuses: tuple[str, ...]
    broken: dict[str, list[str]]
    never_at_rest: str
    seconds: float


HEARTBEAT = " windows heartbeat"
"""The end of the label of a boundary that comes by the clock alone."""


async def boundaries() -> list[tuple[str, int]]:
    """Every boundary of a repair without faults: its label, and the how-manieth of that
    label.

    As many of a label as each of three runs has, and of the questions for an
    operation's state the first: the rest is a matter of moments.
    """
    runs = [(await _once(Cell("discovery", "", None, None))).boundaries for _ in range(3)]
    common = Counter(runs[0])
    for each in runs[1:]:
        common &= Counter(each)
    seen: Counter[str] = Counter()
    found = []
    for label in runs[0]:
        if label.endswith(HEARTBEAT):
            continue
        seen[label] += 1
        if seen[label] <= (1 if label in POLLS else common[label]):
            found.append((label, seen[label]))
    return found


def cells(found: list[tuple[str, int]]) -> Iterator[Cell]:
    for label, nth in found:
        place = (label, nth)

        def cell(column: str, fault: Fault, place: Place = place, lose: bool = True) -> Cell:
            return Cell(f"{column} @ {place[0]} #{place[1]}", column, place, fault, lose)  # type: ignore[index]

        yield cell("worker dies", Fault("die"), lose=False)
        yield cell("host dies, engine lost", Fault("die"))
        if label.startswith(EPISODE):
            yield cell("status unreadable", Fault("engine", {"answers": SILENT}))
            yield cell(
                "worker dies, status unreadable",
                Fault("engine", {"answers": SILENT, "die": True}),
                lose=False,
            )
        if " ARM " in label:
            yield cell("connection reset", Fault("reset"))
        if label.startswith("before ARM"):
            for column, action in {
                "429 with Retry-After": {"status": 429, "headers": {"Retry-After": "0"}},
                "500": {"status": 500},
                "503": {"status": 503},
                "time-out": {"delay_s": LATE_SECONDS},
            }.items():
                yield cell(column, Fault("arm", {"action": action}))
        if label.startswith("before store"):
            yield cell("store unreachable for 1 s", Fault("store", {"seconds": 1.0}))
        if label == f"before {DELETE_COLLECTION}":
            yield cell("operation fails", Fault("arm", {"action": {"lro_fail": PROBLEM}}))
            yield cell(
                "operation fails always",
                Fault("arm", {"action": {"lro_fail": PROBLEM}, "times": 9}),
            )
            yield cell("operation hangs", Fault("arm", {"action": {"lro_hang": True}}))
        if place == (f"before {PUT_LOCK}", PROOF):
            yield cell(
                "403 by policy on the proof",
                Fault("arm", {"action": {"status": 403, "body": BY_POLICY}}),
            )
            yield cell("no answer to the proof", Fault("arm", {"action": {"reset": "after"}}))
            yield cell("201 on the proof", Fault("arm", {"action": {"status": 201, "body": MADE}}))
        elif label == f"before {PUT_LOCK}":
            yield cell("403 on restore", Fault("arm", {"action": {"status": 403}, "times": 4}))
    yield from _people()
    yield from _many()


def _people() -> Iterator[Cell]:
    in_window = (f"after {DELETE_LOCK}", 1)
    for does in ("adds a lock", "changes the lock", "deletes the collection", "deletes the VM"):
        yield Cell(
            f"a person {does} in the window",
            "a person's hand",
            in_window,
            Fault("person", {"does": does}),
        )
    yield Cell(
        "a person adds a lock before",
        "a person's hand",
        (BEFORE_LIFT, 1),
        Fault("person", {"does": "adds a lock"}),
    )
    yield Cell(
        "a person changes the lock before",
        "a person's hand",
        (BEFORE_LIFT, 1),
        Fault("person", {"does": "changes the lock"}),
    )
    yield Cell(
        "a person takes the lock off before",
        "a person's hand",
        (BEFORE_LIFT, 1),
        Fault("person", {"does": "takes the lock off"}),
    )
    for seconds in (3600, -3600):
        yield Cell(
            f"the clock jumps by {seconds} s",
            "the clock jumps",
            in_window,
            Fault("clock", {"seconds": seconds}),
        )


def _many() -> Iterator[Cell]:
    yield Cell("the same event three times at once", "many at once", None, None, deliveries=3)
    yield Cell("20 VMs of one group at once", "many at once", None, None, groups={"rg-one": 20})
    for what in ("collection", "point"):
        yield Cell(f"a lock on a {what}", "a lock on the collection", None, None, lock_on=what)
    yield Cell("two groups at once", "many at once", None, None, groups={"rg-one": 3, "rg-two": 3})
    for lose in (True, False):
        name = (
            "5 VMs of one group, the process dies in the window, engine"
            f" {'lost' if lose else 'kept'}"
        )
        yield Cell(
            name, "many at once", (f"after {DELETE_LOCK}", 1), Fault("die"), lose, {"rg-one": 5}
        )


async def activities(*, extension: bool) -> list[str]:
    """Labels of the activities of one repair without faults."""
    return (await _once(Cell("discovery", "", None, None, extension=extension))).activities


async def everything() -> list[Cell]:
    found = await boundaries()
    of_groups, of_extension = [await activities(extension=each) for each in (False, True)]
    return [*cells(found), *harsh_cells(found, of_groups, of_extension)]


async def _once(cell: Cell) -> Outcome:
    state, failures = cell.azure()
    with tempfile.TemporaryDirectory() as folder:
        return await run(
            Path(folder),
            state,
            failures,
            cell.faults,
            lose_engine=cell.lose_engine,
            deliveries=cell.deliveries,
            settings=dict(cell.simulator),
            hosts=cell.hosts,
        )


def _status(incident: dict[str, Any]) -> str:
    lost = any(
        words in incident["reason"] for words in ("failed at every attempt", "without progress")
    )
    return GIVEN_UP if lost else str(incident["status"])


def judged(cell: Cell) -> Judged:
    """One cell, in this process."""
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    for _ in range(LOOKS):
        try:
            outcome = asyncio.run(_once(cell))
        except NeverAtRest as error:
            return Judged(
                cell.name, cell.column, True, (), {}, str(error), time.monotonic() - began
            )
        hit = len(outcome.struck) == len(cell.faults)
        if hit or outcome.broken:
            break
    statuses = tuple(sorted(_status(incident) for incident in outcome.incidents))
    return Judged(
        cell.name, cell.column, hit, statuses, outcome.broken, "", time.monotonic() - began
    )


def run_cells(chosen: list[Cell], jobs: int = JOBS, *, progress: bool = True) -> list[Judged]:
    results = []
    with ProcessPoolExecutor(jobs) as pool:
        for number, result in enumerate(pool.map(judged, chosen, chunksize=4), 1):
            results.append(result)
            if problem := wrong(result):
                print(
                    f"FAILED {result.name}: {problem}\n  repeat it: {repeat(result)}",
                    flush=True,
                )
            elif progress and number % 50 == 0:
                print(f"{number} of {len(chosen)} cells", flush=True)
    return results


def wrong(result: Judged) -> str:
    if result.never_at_rest:
        return f"never at rest: {result.never_at_rest}"
    if not result.hit:
        return "the boundary was not reached"
    if GIVEN_UP in result.statuses:
        return "the product gave the incident up"
    return json.dumps(result.broken) if result.broken else ""


def repeat(result: Judged) -> str:
    return f".venv/bin/python -m tests.faults.matrix --cell '{result.name}'"


def table(results: list[Judged], seconds: float) -> str:
    """The numbers, in Markdown."""
    by_column: dict[str, list[Judged]] = {}
    for result in results:
        by_column.setdefault(result.column, []).append(result)
    lines = [
        "| what goes wrong | cells | fixed at the end | handed to a person | promises broken |",
        "|---|---:|---:|---:|---:|",
    ]
    for column, found in by_column.items():
        fixed = sum(set(each.statuses) == {"fixed"} for each in found)
        person = sum("needs_person" in each.statuses for each in found)
        broken = sum(bool(wrong(each)) for each in found)
        lines.append(f"| {column} | {len(found)} | {fixed} | {person} | {broken} |")
    totals = {
        promise: sum(len(each.broken.get(promise, [])) for each in results) for promise in PROMISES
    }
    lines += ["", "| in all cells | |", "|---|---:|", f"| cells run | {len(results)} |"]
    lines += [f"| {promise} | {count} |" for promise, count in totals.items()]
    lines += [
        f"| never at rest | {sum(bool(each.never_at_rest) for each in results)} |",
        f"| minutes, {JOBS} processes on two cores | {seconds / 60:.1f} |",
    ]
    return "\n".join(lines)


def main(arguments: Any = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"every {STEP}th cell")
    parser.add_argument("--cell", help="the name of one cell")
    parser.add_argument(
        "--write", type=Path, help="put the table into this Markdown file, between its markers"
    )
    options = parser.parse_args(arguments)
    chosen = asyncio.run(everything())
    if options.cell:
        chosen = [cell for cell in chosen if cell.name == options.cell]
        if not chosen:
            parser.error(f"there is no cell {options.cell!r}")
    elif options.quick:
        chosen = chosen[::STEP]
    began = time.monotonic()
    results = run_cells(chosen)
    text = table(results, time.monotonic() - began)
    print(text)
    if options.write:
        write(options.write, text)
    return 1 if any(wrong(result) for result in results) else 0


def write(path: Path, numbers: str) -> None:
    """Put the numbers between the markers of a page."""
    start, end = "<!-- matrix -->", "<!-- /matrix -->"
    head, rest = path.read_text(encoding="utf-8").split(start)
    path.write_text(f"{head}{start}\n{numbers}\n{end}{rest.split(end)[1]}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
