"""How commands print for people: colours and the terminal's width on a terminal, plain and wide enough for tables elsewhere."""

from __future__ import annotations

import sys

from rich.console import Console

WIDTH_ELSEWHERE = 150


def console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_ELSEWHERE)
