"""JSON for every value that crosses a stage, an activity or a store, and for what people
and tools are shown. The only place where JSON is made from values and back.

Built on cattrs. A missing or mistyped field raises NotUsable: nothing is filled in
silently. A sentence is stored as its key and values; a plain string, as earlier versions
stored them, is read as a quotation.
"""

from __future__ import annotations

import json
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


def to_json(value: Any) -> Any:
    """Plain JSON values (dict, list, str, number, bool, None) for a frozen dataclass or
    a collection of them."""
    return _converter.unstructure(value)


def to_english(value: Any) -> Any:
    """As `to_json`, with every sentence in English: for the audit log, the HTTP routes
    and the command line."""
    return _outward.unstructure(value)


def from_json[T](kind: type[T], data: Any) -> T:
    """The value of type `kind` that `data` describes. Raises NotUsable that says which
    field is wrong."""
    try:
        return _converter.structure(data, kind)
    except (
        BaseValidationError,
        StructureHandlerNotFoundError,
        TypeError,
        ValueError,
        KeyError,
    ) as error:
        told = (
            "; ".join(transform_error(error))
            if isinstance(error, BaseValidationError)
            else str(error)
        )
        raise NotUsable(f"not a {kind.__name__}: {told}") from error


def dumps(value: Any) -> str:
    return json.dumps(to_json(value), ensure_ascii=False, separators=(",", ":"))
