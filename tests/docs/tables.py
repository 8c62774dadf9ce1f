"""The tables in pages that follow the code: `make rooms` and `make settings`.

python -m tests.docs.tables              all of them
python -m tests.docs.tables rooms        only this one
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.docs import rooms, settings

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Table:
    """Stands in `page` between `<!-- NAME -->` and `<!-- /NAME -->`."""

    name: str
    page: str
    make: Callable[[], str]

    def read(self) -> str:
        """The table as the page has it. Raises ValueError where the markers are not."""
        return self._parts()[1]

    def write(self) -> None:
        before, _, after = self._parts()
        (ROOT / self.page).write_text(f"{before}{self.make()}{after}", encoding="utf-8")

    def _parts(self) -> tuple[str, str, str]:
        text = (ROOT / self.page).read_text(encoding="utf-8")
        begin, end = f"<!-- {self.name} -->\n", f"\n<!-- /{self.name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"{self.page} does not have the markers of {self.name} once each")
        at, until = text.index(begin) + len(begin), text.index(end)
        return text[:at], text[at:until], text[until:]


TABLES = (
    Table("rooms", "ARCHITECTURE.md", rooms.table),
    Table("settings", "docs/settings.md", settings.settings_table),
    Table("pace", "docs/settings.md", settings.pace_table),
)


def main(names: list[str]) -> None:
    unknown = set(names) - {each.name for each in TABLES}
    if unknown:
        sys.exit(f"no such table: {', '.join(sorted(unknown))}")
    for table in TABLES:
        if not names or table.name in names:
            table.write()


if __name__ == "__main__":
    main(sys.argv[1:])
