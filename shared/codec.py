"""Converts every value that crosses a stage, an activity or a store to JSON and back,
with cattrs.

A missing or mistyped field raises NotUsable; no default takes its place.
"""

from __future__ import annotations

import json
from typing import Any

from cattrs import transform_error
from cattrs.errors import BaseValidationError, StructureHandlerNotFoundError
from cattrs.preconf.json import make_converter

from shared.errors import NotUsable

_converter = make_converter(forbid_extra_keys=False)


def to_json(value: Any) -> Any:
    """Plain JSON values (dict, list, str, number, bool, None) for a frozen dataclass or
    a collection of them."""
    return _converter.unstructure(value)


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
