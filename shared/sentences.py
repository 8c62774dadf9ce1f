"""What a person reads of an incident, as data: a key and values, rendered per language.

The words are in sentences.toml, each language beside the others. Names, ids and
messages from Azure, commands and addresses are values: no language changes them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, reduce
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sentence:
    """`str()` of it is the English sentence, which records and tools get."""

    key: str
    """Its table in sentences.toml."""
    values: Mapping[str, str | Sentence] = field(default_factory=dict, hash=False)
    """What fills its holes; a sentence where it quotes another one."""

    def __str__(self) -> str:
        return render(self, "en")


def phrase(key: str, /, **values: str | Sentence) -> Sentence:
    """The sentence of this key. A test holds each call against sentences.toml."""
    return Sentence(key, values)


def quote(text: str) -> Sentence:
    """A text that is the same in every language: a command by itself, or English words
    that an earlier version recorded."""
    return phrase("quoted", text=text)


def join(sentences: Iterable[Sentence]) -> Sentence:
    """All of them as one, in the language's own way to write a list."""
    each = tuple(sentences)
    return reduce(_join_two, each) if each else quote("")


def _join_two(first: Sentence, second: Sentence) -> Sentence:
    return phrase("list", first=first, second=second)


def render(sentence: Sentence, language: str) -> str:
    """The sentence in a language of sentences.toml.

    What another version of the product recorded may have a key or holes that this one
    does not know: it is shown as its key and its values.
    """
    values = {
        name: render(value, language) if isinstance(value, Sentence) else value
        for name, value in sentence.values.items()
    }
    try:
        return templates()[sentence.key][language].format_map(values)
    except KeyError:
        return f"{sentence.key}: " + ", ".join(f"{name}={text}" for name, text in values.items())


@cache
def templates() -> Mapping[str, Mapping[str, str]]:
    """key -> language -> words."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
