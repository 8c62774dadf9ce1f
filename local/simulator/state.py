"""The resources, in ARM's own JSON, found by id without regard to case."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from local.simulator import ids
from local.simulator.ids import fold

type Resource = dict[str, Any]


class State:
    """Everything that exists. What came in goes out unchanged, unknown properties
    included.

    Order: as first seen. A resource that is deleted and made again takes its old place,
    so two states compare.
    """

    def __init__(
        self, resources: list[Resource] | None = None, beside: Mapping[str, Any] | None = None
    ) -> None:
        """`resources` must be valid (see validation.py); `beside` is what the document
        holds next to them."""
        self._resources: dict[str, Resource] = {}
        self._types: dict[str, dict[str, None]] = {}
        self._rank: dict[str, int] = {}
        self.derived: set[str] = set()
        """Keys of what was put there because the document left it to be derived (see
        recovery_points.py)."""
        self.beside = dict(beside or {})
        for resource in resources or []:
            self.put(copy.deepcopy(resource))

    def dump(self, without: Collection[str] = ()) -> dict[str, Any]:
        """The whole as JSON, but for the keys `without`; a copy."""
        ordered = [
            key for key in sorted(self._resources, key=self._rank.__getitem__) if key not in without
        ]
        return copy.deepcopy(
            {"resources": [self._resources[key] for key in ordered], **self.beside}
        )

    def get(self, resource_id: str) -> Resource | None:
        return self._resources.get(ids.key(resource_id))

    def has(self, resource_id: str) -> bool:
        return ids.key(resource_id) in self._resources

    def put(self, resource: Resource) -> None:
        key = ids.key(resource["id"])
        self._rank.setdefault(key, len(self._rank))
        self._resources[key] = resource
        self._types.setdefault(fold(ids.parse(resource["id"]).type), {})[key] = None

    def remove(self, resource_id: str) -> None:
        """Take away the resource and everything below it."""
        below = [key for key in self._resources if ids.at_or_above(resource_id, key)]
        for key in below:
            self.derived.discard(key)
            kind = fold(ids.parse(self._resources.pop(key)["id"]).type)
            del self._types[kind][key]

    def of_type(self, kind: str, under: str = "") -> Iterator[Resource]:
        """Every resource of a type at or below a scope, in order."""
        keys = sorted(self._types.get(fold(kind), {}), key=self._rank.__getitem__)
        return (self._resources[key] for key in keys if not under or ids.at_or_above(under, key))

    def types(self) -> set[str]:
        """Every type that the state holds or held, in small letters."""
        return set(self._types)

    def subscriptions(self) -> dict[str, str]:
        """The subscriptions that occur in ids, by key, in their first casing."""
        found: dict[str, str] = {}
        for key in sorted(self._resources, key=self._rank.__getitem__):
            subscription = ids.parse(self._resources[key]["id"]).subscription
            found.setdefault(fold(subscription), subscription)
        return found

    def has_subscription(self, subscription: str) -> bool:
        prefix = fold(f"/subscriptions/{subscription}")
        return any(ids.at_or_above(prefix, key) for key in self._resources)


def properties(resource: Resource) -> dict[str, Any]:
    """The resource's own properties, to read or to change."""
    held: dict[str, Any] = resource.setdefault("properties", {})
    return held


def text(resource: Resource, name: str) -> str:
    """A property as text, "" when it is not there."""
    value = (resource.get("properties") or {}).get(name)
    return "" if value is None else str(value)


def wire(resource: Resource) -> Resource:
    """A copy as ARM serves it: with id, name and type."""
    parsed = ids.parse(resource["id"])
    return {"id": parsed.text, "name": parsed.name, "type": parsed.type, **copy.deepcopy(resource)}
