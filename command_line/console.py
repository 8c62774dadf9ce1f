"""How commands print for people: colours and the terminal's width on a terminal, else
plain and wide enough for tables."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Column, Table

WIDTH_ELSEWHERE = 150


def console() -> Console:
    """A console that prints text as it is: text from Azure may hold brackets or colons,
    which rich would take for markup and emoji."""
    return Console(
        highlight=False,
        markup=False,
        emoji=False,
        width=None if sys.stdout.isatty() else WIDTH_ELSEWHERE,
    )


def make_table(name: str, *others: str) -> Table:
    """A table whose first column has names to be copied: they stand on one line, whole.
    What does not fit elsewhere goes on in the next line; nothing is cut off."""
    columns = (Column(each, overflow="fold") for each in others)
    return Table(Column(name, no_wrap=True), *columns)
