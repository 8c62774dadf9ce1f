"""The two tables of docs/settings.md that follow the code: every setting, and the pace
under `remediator serve`."""

from __future__ import annotations

from dataclasses import fields

from local.host.command import LOCAL_PACE
from shared.settings import Settings


def settings_table() -> str:
    rows = [
        _row(each.metadata["name"], each.metadata["default"], each.metadata["meaning"])
        for each in fields(Settings)
    ]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])


def pace_table() -> str:
    rows = [f"| `{name}` | `{value}` |" for name, value in LOCAL_PACE.items()]
    return "\n".join(["| setting | default under `remediator serve` |", "|---|---|", *rows])


def _row(name: str, default: str, meaning: str) -> str:
    shown = f"`{default}`" if default else "empty"
    return f"| `{name}` | {shown} | {meaning.replace('<', '&lt;').replace('|', '&#124;')} |"
