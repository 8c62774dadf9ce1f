"""Literals against the type data. What any other expression gives is the compiler's to
judge."""

from __future__ import annotations

import difflib
import re

from infra.check.source import Node, literal_text, text
from infra.check.type_data import Shape, alternatives

_FITTING = {
    "string": ("StringType", "StringLiteralType"),
    "number": ("IntegerType",),
    "boolean": ("BooleanType",),
    "array": ("ArrayType",),
    "object": ("ObjectType", "DiscriminatedObjectType"),
}
_WORDS = {
    "StringType": "a string",
    "IntegerType": "an integer",
    "BooleanType": "true or false",
    "ArrayType": "an array",
    "ObjectType": "an object",
    "DiscriminatedObjectType": "an object",
}


def find_misfit(node: Node, wanted: Shape) -> tuple[str, str] | None:
    """(rule, message) of a literal that the type does not take; None where it fits, and
    for what is no literal.

    Stricter than the compiler, which only warns: where a type names some values, the
    literal has to be one of them, even if the type also says "or any string".
    """
    shapes = list(alternatives(wanted))
    if node.type not in _FITTING or any(each["$type"] == "AnyType" for each in shapes):
        return None
    fitting = [each for each in shapes if each["$type"] in _FITTING[node.type]]
    written = int(text(node)) if node.type == "number" else literal_text(node)
    if not fitting:
        return "wrong-type", f"{describe(shapes)} is wanted, this is {text(node)[:60]}"
    if written is None:
        return None
    names = [each["value"] for each in fitting if each["$type"] == "StringLiteralType"]
    if names and written not in names:
        hint = suggest(str(written), names)
        return "wrong-value", f"{describe(shapes)} is wanted, this is {text(node)}{hint}"
    problems = [_check_bounds(each, written) for each in fitting]
    return ("wrong-value", problems[0]) if all(problems) else None


def describe(shapes: list[Shape]) -> str:
    words = (_WORDS.get(each["$type"]) or f"'{each['value']}'" for each in shapes)
    return " or ".join(dict.fromkeys(words))


def suggest(name: str, known: list[str]) -> str:
    """The end of a message: what was probably meant, or nothing."""
    same = [each for each in known if each.casefold() == name.casefold()]
    found = same or difflib.get_close_matches(name, known, 1)
    return f"; did you mean {found[0]}?" if found else ""


def _check_bounds(shape: Shape, written: str | int) -> str:
    """Why a literal is outside the bounds of its type, or ""."""
    size, what = (written, "Value") if isinstance(written, int) else (len(written), "Length")
    least, most = shape.get(f"min{what}"), shape.get(f"max{what}")
    if least is not None and size < least:
        return f"its minimum {what.lower()} is {least}, this is {size}"
    if most is not None and size > most:
        return f"its maximum {what.lower()} is {most}, this is {size}"
    pattern = shape.get("pattern")
    if pattern and isinstance(written, str) and not re.search(pattern, written):
        return f"it does not match {pattern}"
    return ""
