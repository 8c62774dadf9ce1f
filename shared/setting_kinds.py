"""How one app setting is declared, and which values each kind accepts.

A reader takes the text of the environment variable and raises ValueError, which says
what it accepts, for anything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from typing import Any

from shared.arm_ids import fold

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def setting(name: str, default: str, meaning: str, read: Callable[[str], Any] = str) -> Any:
    """A field of Settings that is read from the environment variable `name`."""
    return field(metadata={"name": name, "default": default, "meaning": meaning, "read": read})


def one_of(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if fold(text) not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return fold(text)

    return read


def number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return value

    return read


def whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return read


def guid_or_empty(text: str) -> str:
    if text and not _GUID.fullmatch(text):
        raise ValueError("a GUID such as 11111111-1111-1111-1111-111111111111, or nothing")
    return fold(text)
