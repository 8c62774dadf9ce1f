"""The resources, in ARM's own JSON, found by id without regard to case."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from local.simulator import ids
from local.simulator.ids import fold

type Resource = dict[str, Any]
type Watcher = Callable[[str, Resource | None], None]
"""Called with the key of a resource and what it is now; None: it is gone."""


class State:
    """All resources. What comes in goes out unchanged, unknown properties included.

    They keep the order in which they were first added. A resource that is deleted and
    created again takes its old place, so that states can be compared.
    """

    def __init__(
        self, resources: list[Resource] | None = None, extra: Mapping[str, Any] | None = None
    ) -> None:
        """`resources` must be valid (see validation.py); `extra` has the document's
        other fields."""
        self._resources: dict[str, Resource] = {}
        self._types: dict[str, dict[str, None]] = {}
        self._rank: dict[str, int] = {}
        self._watchers: dict[str, Watcher] = {}
        self.derived: set[str] = set()
        """Keys of the resources that were derived (see recovery_points.py)."""
        self.extra = dict(extra or {})
        for resource in resources or []:
            self.put(copy.deepcopy(resource))

    def dump(self, without: Collection[str] = ()) -> dict[str, Any]:
        """A copy of everything as JSON, without the resources of these keys."""
        ordered = [
            key for key in sorted(self._resources, key=self._rank.__getitem__) if key not in without
        ]
        return copy.deepcopy({"resources": [self._resources[key] for key in ordered], **self.extra})

    def get(self, resource_id: str) -> Resource | None:
        return self._resources.get(ids.key(resource_id))

    def has(self, resource_id: str) -> bool:
        return ids.key(resource_id) in self._resources

    def watch(self, kind: str, watcher: Watcher) -> None:
        """Call `watcher` after each `put` and `remove` of a resource of this type. A
        change of the resource in place is not seen."""
        self._watchers[fold(kind)] = watcher

    def put(self, resource: Resource) -> None:
        key = ids.key(resource["id"])
        self._rank.setdefault(key, len(self._rank))
        self._resources[key] = resource
        kind = fold(ids.parse(resource["id"]).type)
        self._types.setdefault(kind, {})[key] = None
        self._tell(kind, key, resource)

    def remove(self, resource_id: str) -> None:
        """Remove the resource and everything below it."""
        below = [key for key in self._resources if ids.at_or_above(resource_id, key)]
        for key in below:
            self.derived.discard(key)
            kind = fold(ids.parse(self._resources.pop(key)["id"]).type)
            del self._types[kind][key]
            self._tell(kind, key, None)

    def _tell(self, kind: str, key: str, resource: Resource | None) -> None:
        if kind in self._watchers:
            self._watchers[kind](key, resource)

    def of_type(self, kind: str, under: str = "") -> Iterator[Resource]:
        """Every resource of a type at or below a scope, in order."""
        keys = sorted(self._types.get(fold(kind), {}), key=self._rank.__getitem__)
        return (self._resources[key] for key in keys if not under or ids.at_or_above(under, key))

    def types(self) -> set[str]:
        """Every type that the state has or had, in lower case."""
        return set(self._types)

    def subscriptions(self) -> dict[str, str]:
        """The subscriptions of all ids by their folded form, in their first casing."""
        names: dict[str, str] = {}
        for key in sorted(self._resources, key=self._rank.__getitem__):
            name = ids.parse(self._resources[key]["id"]).subscription
            names.setdefault(fold(name), name)
        return names

    def has_subscription(self, subscription: str) -> bool:
        prefix = fold(f"/subscriptions/{subscription}")
        return any(ids.at_or_above(prefix, key) for key in self._resources)


def properties(resource: Resource) -> dict[str, Any]:
    """The resource's own properties, not a copy."""
    values: dict[str, Any] = resource.setdefault("properties", {})
    return values


def text(resource: Resource, name: str) -> str:
    """A property as text, "" when it is missing."""
    value = (resource.get("properties") or {}).get(name)
    return "" if value is None else str(value)


def wire(resource: Resource) -> Resource:
    """A copy as ARM sends it: with id, name and type."""
    parsed = ids.parse(resource["id"])
    return {"id": parsed.text, "name": parsed.name, "type": parsed.type, **copy.deepcopy(resource)}
