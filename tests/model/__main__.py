"""Explores every case of cases.py, and fails where one ends otherwise than it must.

python -m tests.model                                all, in a few minutes
python -m tests.model --only NAME                    one, with its history if it breaks
python -m tests.model --list                         their names
python -m tests.model --write docs/lock-protocol.md  all, and the tables of the page
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.model.cases import CASES, Case
from tests.model.explore import Result, explore
from tests.model.page import tell_tables, write_tables


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="print the names")
    parser.add_argument("--only", metavar="NAME", help="one case, by its name")
    parser.add_argument("--write", type=Path, help="write the tables into this page")
    options = parser.parse_args(arguments)
    if options.list:
        print("\n".join(case.name for case in CASES))
        return 0
    chosen = [case for case in CASES if options.only in (None, case.name)]
    if not chosen or (options.only and options.write):
        parser.error("--only takes the name of a case, and the page is written from all")
    results = {case: run_case(case, show=bool(options.only)) for case in chosen}
    wrong = [case for case, result in results.items() if result.broken != case.broken]
    if options.write and not wrong:
        write_tables(options.write, tell_tables(results))
    return 1 if wrong else 0


def run_case(case: Case, *, show: bool) -> Result:
    began = time.process_time()
    result = explore(case.protocol(), case.bounds)
    seconds = time.process_time() - began
    verdict = "ok" if result.broken == case.broken else "FAILED"
    print(
        f"{verdict} {case.name}: {result.broken or 'every invariant holds'},"
        f" {result.states:,} states, {result.steps:,} steps, {seconds:.1f} s",
        flush=True,
    )
    if show or verdict == "FAILED":
        print("\n".join(f"    {line}" for line in result.history))
    return result


if __name__ == "__main__":
    sys.exit(main())
