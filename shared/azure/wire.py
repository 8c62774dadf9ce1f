"""Reads the fields of Azure's JSON strictly: a field of another type than the API's
raises NotUnderstood and never becomes a default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.errors import NotUnderstood, whole_characters

type Wire = Mapping[str, Any]


def read_object(wire: Wire, name: str) -> Wire:
    """An object, empty where it is missing. Raises NotUnderstood for anything else."""
    value = wire.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise NotUnderstood(f"{name} is no object: {value!r:.80}")
    return value or {}


def read_list(wire: Wire, name: str) -> list[Wire]:
    """A list of objects, empty where it is missing. Raises NotUnderstood for anything
    else."""
    value = wire.get(name)
    if value is not None and not (
        isinstance(value, list) and all(isinstance(each, Mapping) for each in value)
    ):
        raise NotUnderstood(f"{name} is no list of objects: {value!r:.80}")
    return value or []


def read_text(wire: Wire, name: str) -> str:
    """A string, or a number as one; "" where it is missing. A lone surrogate, which no
    store takes, becomes a question mark.

    Raises NotUnderstood for an object or a list.
    """
    value = wire.get(name)
    if isinstance(value, Mapping | list):
        raise NotUnderstood(f"{name} is no text: {value!r:.80}")
    return "" if value is None else whole_characters(str(value))


def read_needed(wire: Wire, name: str) -> str:
    """A string that the answer must have. Raises NotUnderstood where it is missing."""
    if not (value := read_text(wire, name)):
        raise NotUnderstood(f"{name} is missing")
    return value
