"""How the readers of events look into JSON that anybody may have sent: what is not as
expected is absent."""

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
    """The objects of a list; whatever else stands in it is passed over."""
    value = wire.get(name)
    return (
        each for each in (value if isinstance(value, list) else ()) if isinstance(each, Mapping)
    )


def plain(name: str) -> str:
    """A name without spaces and in small letters: Azure writes the same one in several
    ways."""
    return fold(name.replace(" ", ""))


def data(wire: Wire) -> Wire:
    """What an alert holds under `data`, or the alert itself where it comes without
    that."""
    return inner(wire, "data") or wire


def essentials(wire: Wire) -> Wire:
    return inner(data(wire), "essentials")


def context(wire: Wire) -> Wire:
    """alertContext of the common schema; `context` of the schema that each kind of
    alert had of its own."""
    return inner(data(wire), "alertContext") or inner(data(wire), "context")


def service(wire: Wire) -> str:
    return text(essentials(wire), "monitoringService")


def not_fired(wire: Wire) -> str:
    """Why the alert tells of nothing that happens now, or "". A log alert in its own
    schema names no condition: it only ever fires."""
    status = text(data(wire), "status") if inner(data(wire), "context") else ""
    told = text(essentials(wire), "monitorCondition") or status
    if fold(told) in ("fired", "activated") or not (essentials(wire) or told):
        return ""
    return f"the alert is {told or 'in no condition'}, not Fired"


def target(wire: Wire) -> str:
    """Id of the one resource that the alert is about, "" where it names none or
    several."""
    told = essentials(wire).get("alertTargetIDs")
    one = told[0] if isinstance(told, list) and len(told) == 1 else context(wire).get("resourceId")
    return one if isinstance(one, str) else ""


def dimensions(wire: Wire) -> dict[str, str]:
    """What an alert's conditions are split by, under plain names."""
    told = list(objects(context(wire), "Dimensions"))
    for condition in objects(inner(context(wire), "condition"), "allOf"):
        told += objects(condition, "dimensions")
    return {plain(text(each, "name")): text(each, "value") for each in told}
