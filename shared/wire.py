"""Reads the JSON of the wire without believing it: what is missing or of another type is empty, never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

type Wire = Mapping[str, Any]


def read_object(wire: Wire, name: str) -> Wire:
    value = wire.get(name)
    return value if isinstance(value, Mapping) else {}


def read_list(wire: Wire, name: str) -> list[Any]:
    """The objects of the list; [] where it is no list."""
    value = wire.get(name)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def read_text(wire: Wire, name: str) -> str:
    value = wire.get(name)
    return "" if value is None else str(value)
