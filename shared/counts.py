"""Numbers with their nouns, in English."""

from __future__ import annotations


def count_of(number: int, noun: str, plural: str = "") -> str:
    """`1 lock`, `2 locks`; `plural` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
