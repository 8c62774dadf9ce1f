"""Plants each bug of table.py in a copy of the tree and runs the tests that matter.
Fails where one is not noticed.

    python -m tests.mutants                  all of them, two at a time (`make mutants`)
    python -m tests.mutants --list           their names
    python -m tests.mutants --only 'NAME'    one, as a failure prints it
    python -m tests.mutants --write docs/reliability.md

First the tests run without any bug: all must pass. An anchor that is not found exactly
once, a test that is not there and a run without a verdict fail as well.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any

from tests.mutants.plant import Mutant, NotPlanted, Sources
from tests.mutants.table import MUTANTS
from tests.mutants.trial import PASSED, Copy, Verdict

ROOT = Path(__file__).resolve().parents[2]
JOBS = 2
START, END = "<!-- mutants -->", "<!-- /mutants -->"


def main(arguments: Any = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="print the names")
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="one mutant, by its name; may be said several times",
    )
    parser.add_argument(
        "--write", type=Path, help="put the table into this Markdown file, between its markers"
    )
    asked = parser.parse_args(arguments)
    if asked.list:
        print("\n".join(f"{each.name} ({each.where})" for each in MUTANTS))
        return 0
    if unknown := sorted({*(asked.only or ())} - {each.name for each in MUTANTS}):
        parser.error(f"there is no mutant {unknown[0]!r}")
    if asked.only and asked.write:
        parser.error("the table is written from all of them")
    chosen = [each for each in MUTANTS if not asked.only or each.name in asked.only]
    if problems := misplaced(ROOT, chosen):
        print("\n".join(f"FAILED {problem}" for problem in problems))
        return 1
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        copies = [
            Copy(ROOT, Path(folder) / str(number)) for number in range(min(JOBS, len(chosen)))
        ]
        if problem := control(copies, chosen):
            print(f"FAILED without any bug: {problem}")
            return 1
        verdicts = run(copies, chosen)
    minutes = (time.monotonic() - began) / 60
    print(
        f"{sum(bool(each.noticed_by) for each in verdicts)} of {len(verdicts)} noticed, in"
        f" {minutes:.1f} minutes"
    )
    if asked.write:
        write(asked.write, table(verdicts))
    return 0 if all(each.noticed_by for each in verdicts) else 1


def misplaced(root: Path, mutants: Sequence[Mutant]) -> list[str]:
    """Why mutants cannot be planted or told apart; empty when all can."""
    sources = Sources(root)
    problems = [
        f"{name}: the name is there twice"
        for name, times in Counter(each.name for each in mutants).items()
        if times > 1
    ]
    for mutant in mutants:
        try:
            sources.plant(mutant)
        except NotPlanted as error:
            problems.append(str(error))
        if not mutant.tests:
            problems.append(f"{mutant.name}: no test is named")
        problems += [
            f"{mutant.name}: there is no {test}" for test in mutant.tests if not _there(root, test)
        ]
    return problems


def _there(root: Path, test: str) -> bool:
    """Whether the file has a function of that name; whether it has that parameter the
    control run finds out.
    """
    path, _, name = test.partition("::")
    file = root / path
    return file.is_file() and f"def {name.split('[')[0]}(" in file.read_text(encoding="utf-8")


def control(copies: Sequence[Copy], mutants: Sequence[Mutant]) -> str:
    """Why the tests prove nothing: one that fails, is skipped or is not there without
    any bug. "" when all pass.
    """
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    print(f"without any bug: {len(tests)} tests or groups of tests", flush=True)
    shares = [tests[number :: len(copies)] for number in range(len(copies))]
    with ThreadPoolExecutor(len(copies)) as pool:
        runs = list(
            pool.map(lambda copy, share: copy.pytest(*share) if share else None, copies, shares)
        )
    for ran, share in zip(runs, shares, strict=True):
        if ran is None:
            continue
        if ran.code != PASSED:
            return f"{', '.join(ran.failed) or 'pytest'}: {ran.last_words}"
        for test in share:
            if not any(
                each == test or each.startswith((f"{test}[", f"{test}::")) for each in ran.passed
            ):
                return f"{test} did not run"
    return ""


def run(copies: Sequence[Copy], mutants: Sequence[Mutant]) -> list[Verdict]:
    free: Queue[Copy] = Queue()
    for copy in copies:
        free.put(copy)

    def trial(numbered: tuple[int, Mutant]) -> Verdict:
        number, mutant = numbered
        copy = free.get()
        try:
            verdict = copy.trial(mutant)
        finally:
            free.put(copy)
        print(f"{number}/{len(mutants)} {said(verdict)}", flush=True)
        return verdict

    with ThreadPoolExecutor(len(copies)) as pool:
        return list(pool.map(trial, enumerate(mutants, 1)))


def said(verdict: Verdict) -> str:
    again = f".venv/bin/python -m tests.mutants --only {shlex.quote(verdict.mutant.name)}"
    if verdict.problem:
        return f"NO VERDICT {verdict.mutant.name}: {verdict.problem}\n  repeat it: {again}"
    if verdict.survived:
        return f"SURVIVED {verdict.mutant.name} ({verdict.mutant.where})\n  repeat it: {again}"
    return f"noticed, {verdict.seconds:.0f} s: {verdict.mutant.name}"


def table(verdicts: Sequence[Verdict]) -> str:
    lines = ["| the bug | planted in | noticed by |", "|---|---|---|"]
    for verdict in verdicts:
        by = (
            f"`{_cell(verdict.noticed_by.split('::')[-1])}`"
            if verdict.noticed_by
            else verdict.problem or "**nobody**"
        )
        lines.append(f"| {_cell(verdict.mutant.name)} | `{verdict.mutant.where}` | {by} |")
    noticed = sum(bool(each.noticed_by) for each in verdicts)
    return "\n".join([f"{len(verdicts)} planted, {noticed} noticed.", "", *lines])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def write(path: Path, told: str) -> None:
    text = path.read_text(encoding="utf-8")
    head, rest = text.split(START)
    path.write_text(f"{head}{START}\n{told}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
