"""`make states`: print the confusion table, and each row that is not as the documents
say."""

from __future__ import annotations

import asyncio

from tests.diagnosis_states.confusion import render
from tests.diagnosis_states.examine import examine_all
from tests.diagnosis_states.table import ROWS, find_misses


def main() -> None:
    found = asyncio.run(examine_all(ROWS))
    for row in ROWS:
        for miss in find_misses(row, found[row.name]):
            print(miss)
    print(render(ROWS, found))


if __name__ == "__main__":
    main()
