"""The compiler's type data for the resource types that infra/ uses, and how the small
copy of it here is made.

A full snapshot of Azure/bicep-types-az is a folder
`<provider>/<api-version>/types.json`. The copy in infra/check/types holds of it what
the Bicep files name, without descriptions. Types that the snapshot lacks are in
written-by-hand.json, from the documentation pages named there.
https://github.com/Azure/bicep-types-az (MIT)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

type Shape = dict[str, Any]
"""An entry of the type data: `$type`, and each reference replaced by its entry."""

HERE = Path(__file__).parent / "types"
BY_HAND = "written-by-hand.json"
REQUIRED, READ_ONLY = 1, 2
ANY: Shape = {"$type": "AnyType"}


class TypeData:
    def __init__(self, entries: Iterable[Shape]) -> None:
        self._resources: dict[str, dict[str, Shape]] = {}
        for each in entries:
            if each["$type"] == "ResourceType":
                name, _, version = each["name"].partition("@")
                self._resources.setdefault(name.casefold(), {})[version] = each

    @classmethod
    def load(cls, folder: Path = HERE) -> TypeData:
        files = sorted(folder.glob("*.json"))
        return cls(entry for path in files for entry in link(json.loads(path.read_text())["types"]))

    def versions(self, resource_type: str) -> list[str]:
        return sorted(self._resources.get(resource_type.casefold(), {}))

    def resource(self, type_and_version: str) -> Shape | None:
        name, _, version = type_and_version.partition("@")
        return self._resources.get(name.casefold(), {}).get(version)


def link(entries: list[Shape]) -> list[Shape]:
    """A types.json array with each `{"$ref": "#/n"}` replaced by entry n itself."""

    def follow(value: Any) -> Any:
        if isinstance(value, list):
            return [follow(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return entries[_read_reference(value)]
        return {key: follow(each) for key, each in value.items()}

    for entry in entries:
        for key in list(entry):
            entry[key] = follow(entry[key])
    return entries


def record(properties: Mapping[str, Shape], others: Shape | None = None) -> Shape:
    """An object with these properties, none of them required; `others`: the type of
    any further property."""
    known = {name: {"type": each, "flags": 0} for name, each in properties.items()}
    return {"$type": "ObjectType", "properties": known, "additionalProperties": others}


def alternatives(shape: Shape) -> Iterator[Shape]:
    if shape["$type"] == "UnionType":
        for each in shape["elements"]:
            yield from alternatives(each)
    else:
        yield shape


def is_object(shape: Shape) -> bool:
    return shape["$type"] in ("ObjectType", "DiscriminatedObjectType")


def properties_of(shape: Shape) -> dict[str, Shape]:
    """Name → {type, flags}. For a discriminated object those of all its kinds: enough
    to read, not to write."""
    if shape["$type"] == "ObjectType":
        return dict(shape["properties"])
    found = dict(shape["baseProperties"])
    for element in shape["elements"].values():
        found |= properties_of(element)
    return found


def trim(snapshot: Path, wanted: set[str], target: Path = HERE) -> list[str]:
    """Rewrites the copy; returns the types that the snapshot does not hold."""
    wanted = {each.casefold() for each in wanted}
    for old in target.glob("*.json"):
        if old.name != BY_HAND:
            old.unlink()
    held: set[str] = set()
    for path in sorted(snapshot.glob("*/*/types.json")):
        types = _select(json.loads(path.read_text()), wanted)
        if types:
            name = f"{path.parent.parent.name}_{path.parent.name}"
            held |= {each["name"].casefold() for each in types if each["$type"] == "ResourceType"}
            copy = {"from": f"{name.replace('_', '/')}/types.json", "types": types}
            (target / f"{name}.json").write_text(json.dumps(copy, separators=(",", ":")) + "\n")
    return sorted(wanted - held)


def _select(entries: list[Any], wanted: set[str]) -> list[Any]:
    """Of a types.json array the resource types `wanted` (lower-case type@version) and
    all that they refer to, renumbered."""
    queue = [
        i
        for i, each in enumerate(entries)
        if each["$type"] == "ResourceType" and each["name"].casefold() in wanted
    ]
    number: dict[int, int] = {}
    while queue:
        index = queue.pop(0)
        if index not in number:
            number[index] = len(number)
            queue += list(_list_references(entries[index]))
    return [_renumber(entries[index], number) for index in number]


def _read_reference(reference: dict[str, str]) -> int:
    return int(reference["$ref"].removeprefix("#/"))


def _list_references(value: Any) -> Iterable[int]:
    if isinstance(value, list):
        for each in value:
            yield from _list_references(each)
    elif isinstance(value, dict):
        if "$ref" in value:
            yield _read_reference(value)
        else:
            for key, each in value.items():
                if key != "functions":
                    yield from _list_references(each)


def _renumber(value: Any, number: dict[int, int]) -> Any:
    if isinstance(value, list):
        return [_renumber(each, number) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return {"$ref": f"#/{number[_read_reference(value)]}"}
    dropped = ("description", "functions") if "$type" in value or "flags" in value else ()
    return {key: _renumber(each, number) for key, each in value.items() if key not in dropped}
