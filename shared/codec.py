"""Converts every value that crosses a stage, an activity or a store to JSON and back,
with cattrs.

A missing or mistyped field raises NotUsable; no default takes its place. A sentence is
stored as its key and values; a plain string, as earlier versions stored it, is read as
a quotation.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from cattrs import transform_error
from cattrs.errors import BaseValidationError, StructureHandlerNotFoundError
from cattrs.gen import make_dict_structure_fn
from cattrs.preconf.json import make_converter

from shared.errors import NotUsable
from shared.sentences import Sentence, quote

_converter = make_converter(forbid_extra_keys=False)
_structure_sentence = make_dict_structure_fn(Sentence, _converter)
_converter.register_structure_hook(
    Sentence,
    lambda data, _: quote(data) if isinstance(data, str) else _structure_sentence(data, Sentence),
)
_converter.register_structure_hook(
    str | Sentence,
    lambda data, _: data if isinstance(data, str) else _structure_sentence(data, Sentence),
)
_outward = make_converter()
_outward.register_unstructure_hook(Sentence, str)
for _each in (_converter, _outward):
    _each.register_unstructure_hook(timedelta, timedelta.total_seconds)
_converter.register_structure_hook(timedelta, lambda seconds, _: timedelta(seconds=seconds))


def to_json(value: Any) -> Any:
    """Plain JSON values (dict, list, str, number, bool, None) for a frozen dataclass or
    a collection of them."""
    return _converter.unstructure(value)


def to_english(value: Any) -> Any:
    """As `to_json`, with every sentence in English: for the audit log, the HTTP routes
    and the command line."""
    return _outward.unstructure(value)


def from_json[T](kind: type[T], data: Any) -> T:
    """The value of type `kind` from plain JSON values. Raises NotUsable, which names
    the field that is wrong."""
    try:
        return _converter.structure(data, kind)
    except (
        BaseValidationError,
        StructureHandlerNotFoundError,
        TypeError,
        ValueError,
        KeyError,
    ) as error:
        mistakes = transform_error(error) if isinstance(error, BaseValidationError) else [error]
        reason = "; ".join(str(each) for each in mistakes)
        raise NotUsable(f"not a {kind.__name__}: {reason}") from error


def dumps(value: Any) -> str:
    return json.dumps(to_json(value), ensure_ascii=False, separators=(",", ":"))
