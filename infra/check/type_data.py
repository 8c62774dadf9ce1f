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
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from infra.check.shapes import Shape, linked

HERE = Path(__file__).parent / "types"
BY_HAND = "written-by-hand.json"


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
        return cls(
            entry for path in files for entry in linked(json.loads(path.read_text())["types"])
        )

    def versions(self, resource_type: str) -> list[str]:
        return sorted(self._resources.get(resource_type.casefold(), {}))

    def resource(self, type_and_version: str) -> Shape | None:
        name, _, version = type_and_version.partition("@")
        return self._resources.get(name.casefold(), {}).get(version)


def trimmed(entries: list[Any], wanted: set[str]) -> list[Any]:
    """Of a types.json array the resource types `wanted` (lower-case type@version) and
    all that they refer to, numbered anew."""
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
            queue += list(_references(entries[index]))
    return [_renumbered(entries[index], number) for index in number]


def _references(value: Any) -> Iterable[int]:
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, dict):
        if "$ref" in value:
            yield int(value["$ref"].removeprefix("#/"))
        else:
            for key, each in value.items():
                if key != "functions":
                    yield from _references(each)


def _renumbered(value: Any, number: dict[int, int]) -> Any:
    if isinstance(value, list):
        return [_renumbered(each, number) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return {"$ref": f"#/{number[int(value['$ref'].removeprefix('#/'))]}"}
    dropped = ("description", "functions") if "$type" in value or "flags" in value else ()
    return {key: _renumbered(each, number) for key, each in value.items() if key not in dropped}


def trim(snapshot: Path, wanted: set[str], target: Path = HERE) -> list[str]:
    """Writes the copy anew; returns the types that the snapshot does not hold."""
    wanted = {each.casefold() for each in wanted}
    for old in target.glob("*.json"):
        if old.name != BY_HAND:
            old.unlink()
    held: set[str] = set()
    for path in sorted(snapshot.glob("*/*/types.json")):
        types = trimmed(json.loads(path.read_text()), wanted)
        if types:
            name = f"{path.parent.parent.name}_{path.parent.name}"
            held |= {each["name"].casefold() for each in types if each["$type"] == "ResourceType"}
            (target / f"{name}.json").write_text(
                json.dumps(
                    {"from": f"{name.replace('_', '/')}/types.json", "types": types},
                    separators=(",", ":"),
                )
                + "\n"
            )
    return sorted(wanted - held)
