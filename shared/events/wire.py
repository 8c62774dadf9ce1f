"""Reads fields of an event's JSON, which anybody may have sent: a field of another type
counts as missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shared.arm_ids import fold

type Wire = Mapping[str, Any]


def text(wire: Wire, name: str) -> str:
    value = wire.get(name)
    return value if isinstance(value, str) else ""


def inner(wire: Wire, name: str) -> Wire:
    value = wire.get(name)
    return value if isinstance(value, Mapping) else {}


def objects(wire: Wire, name: str) -> Iterator[Wire]:
    """The objects of a list; other elements are skipped."""
    value = wire.get(name)
    return (
        each for each in (value if isinstance(value, list) else ()) if isinstance(each, Mapping)
    )


def plain(name: str) -> str:
    """A name in lower case without spaces: Azure spells a name in several ways."""
    return fold(name.replace(" ", ""))


def data(wire: Wire) -> Wire:
    """An alert's `data`, or the alert itself where it has none."""
    return inner(wire, "data") or wire


def essentials(wire: Wire) -> Wire:
    return inner(data(wire), "essentials")


def context(wire: Wire) -> Wire:
    """alertContext of the common schema, or `context` of the older schemas."""
    return inner(data(wire), "alertContext") or inner(data(wire), "context")


def service(wire: Wire) -> str:
    return text(essentials(wire), "monitoringService")


def not_fired(wire: Wire) -> str:
    """Why the alert is not about something that happens now; "" where it is. A log
    alert in its own schema names no condition: it always fires."""
    status = text(data(wire), "status") if inner(data(wire), "context") else ""
    condition = text(essentials(wire), "monitorCondition") or status
    if fold(condition) in ("fired", "activated") or not (essentials(wire) or condition):
        return ""
    return f"the alert is {condition or 'in no condition'}, not Fired"


def target(wire: Wire) -> str:
    """Id of the one resource that the alert is about; "" where it names none or
    several."""
    ids = essentials(wire).get("alertTargetIDs")
    one = ids[0] if isinstance(ids, list) and len(ids) == 1 else context(wire).get("resourceId")
    return one if isinstance(one, str) else ""


def dimensions(wire: Wire) -> dict[str, str]:
    """The dimensions that an alert's conditions are split by, under plain names."""
    found = list(objects(context(wire), "Dimensions"))
    for condition in objects(inner(context(wire), "condition"), "allOf"):
        found += objects(condition, "dimensions")
    return {plain(text(each, "name")): text(each, "value") for each in found}
