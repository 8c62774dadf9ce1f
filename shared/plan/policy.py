"""What the operator allows: the mode of the installation, made stricter by tags. Fails
closed.

A tag can only make it stricter; a value that is not a mode counts as `off`. Tag names
are case-insensitive in Azure:
https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.arm_ids import fold
from shared.settings import MODES, TAG


@dataclass(frozen=True, slots=True)
class Mode:
    """The mode in force and what set it, for the record."""

    name: str
    because: str


def mode_in_force(
    setting: str, vm_tags: Mapping[str, str], group_tags: Mapping[str, Mapping[str, str]]
) -> Mode:
    """The strictest of the app setting and the tags on the VM and on the groups: its
    own, and each whose locks would be lifted.

    `group_tags`: the tags by the group's name.
    """
    asked = [Mode(setting, f"the app setting says {setting}")]
    asked += _from_tags(vm_tags, "the VM")
    for name, tags in group_tags.items():
        asked += _from_tags(tags, f"the resource group {name}")
    return min(asked, key=lambda mode: MODES.index(mode.name))


def _from_tags(tags: Mapping[str, str], whose: str) -> list[Mode]:
    found = []
    for name, value in tags.items():
        if fold(name) != TAG:
            continue
        known = fold(value.strip()) in MODES
        because = f"the tag {TAG} on {whose} says {value!r}"
        found.append(
            Mode(fold(value.strip()), because)
            if known
            else Mode("off", f"{because}, which is no mode and counts as off")
        )
    return found
