"""JSON for every value that crosses a stage, an activity or a store. The only place
where JSON is made from values and back.

Built on cattrs. A missing or mistyped field raises NotUsable: nothing is filled in
silently.
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
