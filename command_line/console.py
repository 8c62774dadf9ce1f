"""How commands print for people: colours and the terminal's width on a terminal, plain
and wide enough for tables elsewhere."""

from __future__ import annotations

import sys

from rich.console import Console

WIDTH_ELSEWHERE = 150


def console() -> Console:
    """Prints text as it is: what comes from Azure may hold brackets or colons, which
    are markup and emoji to rich elsewhere."""
    return Console(
        highlight=False,
        markup=False,
        emoji=False,
        width=None if sys.stdout.isatty() else WIDTH_ELSEWHERE,
    )
