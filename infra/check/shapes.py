"""Kinds of values, in the form of the compiler's own type data (Azure/bicep-types):
dicts with `$type`, references replaced by what they mean.

https://github.com/Azure/bicep-types-az
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

type Shape = dict[str, Any]

REQUIRED, READ_ONLY = 1, 2
ANY: Shape = {"$type": "AnyType"}
STRING: Shape = {"$type": "StringType"}
INTEGER: Shape = {"$type": "IntegerType"}
BOOLEAN: Shape = {"$type": "BooleanType"}
NULL: Shape = {"$type": "NullType"}

_NAMES = {
    "StringType": "a string",
    "IntegerType": "an integer",
    "BooleanType": "true or false",
    "NullType": "null",
    "ArrayType": "an array",
    "ObjectType": "an object",
    "DiscriminatedObjectType": "an object",
    "AnyType": "anything",
}


def literal(value: str) -> Shape:
    return {"$type": "StringLiteralType", "value": value}


def array(item: Shape) -> Shape:
    return {"$type": "ArrayType", "itemType": item}


def record(properties: Mapping[str, Shape], others: Shape | None = None) -> Shape:
    """An object with these properties, none of them required; `others`: what any
    further property is."""
    shape: Shape = {
        "$type": "ObjectType",
        "name": "object",
        "properties": {k: {"type": v, "flags": 0} for k, v in properties.items()},
    }
    return shape | ({"additionalProperties": others} if others is not None else {})


def either(shapes: Iterable[Shape]) -> Shape:
    found = list(shapes)
    if not found or any(each is ANY for each in found):
        return ANY
    return found[0] if len(found) == 1 else {"$type": "UnionType", "elements": found}


def linked(array_: list[Shape]) -> list[Shape]:
    """A types.json array with each `{"$ref": "#/n"}` replaced by entry n itself."""

    def value(each: Any) -> Any:
        if isinstance(each, list):
            return [value(item) for item in each]
        if not isinstance(each, dict):
            return each
        if "$ref" in each:
            return array_[int(each["$ref"].removeprefix("#/"))]
        return {key: value(item) for key, item in each.items()}

    for entry in array_:
        for key in list(entry):
            entry[key] = value(entry[key])
    return array_


def kind(shape: Shape) -> str:
    return str(shape["$type"])


def is_object(shape: Shape) -> bool:
    return kind(shape) in ("ObjectType", "DiscriminatedObjectType")


def alternatives(shape: Shape) -> Iterator[Shape]:
    if kind(shape) == "UnionType":
        for each in shape["elements"]:
            yield from alternatives(each)
    else:
        yield shape


def describe(shape: Shape) -> str:
    return " or ".join(
        dict.fromkeys(
            f"'{s['value']}'" if kind(s) == "StringLiteralType" else _NAMES[kind(s)]
            for s in alternatives(shape)
        )
    )


def properties_of(shape: Shape) -> dict[str, Shape]:
    """Name → {type, flags}. For a discriminated object those of all its kinds: enough
    to read, not to write."""
    if kind(shape) == "ObjectType":
        return dict(shape["properties"])
    found = dict(shape["baseProperties"])
    for element in shape["elements"].values():
        found |= properties_of(element)
    return found


def read(shape: Shape, name: str) -> Shape | None:
    """What property `name` of such a value is; None: it has no such property."""
    found = []
    for each in alternatives(shape):
        if kind(each) in ("AnyType", "NullType"):
            found.append(ANY)
        elif is_object(each):
            properties = properties_of(each)
            if name in properties:
                found.append(properties[name]["type"])
            elif each.get("additionalProperties") is not None:
                found.append(each["additionalProperties"])
    return either(found) if found else None


def item(shape: Shape) -> Shape:
    found = [each["itemType"] if kind(each) == "ArrayType" else ANY for each in alternatives(shape)]
    return either(found)


def out_of_bounds(wanted: Shape, written: str | int) -> str:
    """Why a written string or number is outside the bounds of its type, or ""."""
    if kind(wanted) == "UnionType":
        problems = [out_of_bounds(each, written) for each in wanted["elements"]]
        return problems[0] if problems and all(problems) else ""
    size, what = (written, "value") if isinstance(written, int) else (len(written), "length")
    least, most = (
        wanted.get("minValue" if what == "value" else "minLength"),
        wanted.get("maxValue" if what == "value" else "maxLength"),
    )
    if least is not None and size < least:
        return f"its least {what} is {least}, this is {size}"
    if most is not None and size > most:
        return f"its greatest {what} is {most}, this is {size}"
    if (
        isinstance(written, str)
        and "pattern" in wanted
        and not re.search(wanted["pattern"], written)
    ):
        return f"it does not match {wanted['pattern']}"
    return ""


def _closed(value: Shape, wanted: Shape) -> list[Shape]:
    """Stricter than the compiler, which only warns: a written value has to be one of
    those that the type names, even where it says "or any string"."""
    elements: list[Shape] = wanted["elements"]
    names_some = any(kind(each) == "StringLiteralType" for each in elements)
    return (
        [each for each in elements if kind(each) != "StringType"]
        if names_some and kind(value) == "StringLiteralType"
        else elements
    )


def fits(value: Shape, wanted: Shape) -> bool:
    """Whether the compiler would take it. What is not known at compile time fits, as
    there; properties are judged elsewhere."""
    if kind(value) == "UnionType":
        return all(fits(each, wanted) for each in value["elements"])
    if kind(wanted) == "UnionType":
        return any(fits(value, each) for each in _closed(value, wanted))
    has, wants = kind(value), kind(wanted)
    if "AnyType" in (has, wants) or has == "NullType":
        return True
    if wants == "StringLiteralType":
        return has == "StringType" or (
            has == "StringLiteralType" and value["value"] == wanted["value"]
        )
    if wants == "StringType":
        return has in ("StringType", "StringLiteralType")
    if wants == "ArrayType":
        return has == "ArrayType" and fits(value["itemType"], wanted["itemType"])
    if is_object(wanted):
        return is_object(value)
    return has == wants
