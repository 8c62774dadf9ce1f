"""What Azure tells of the system inside a VM. shared/azure/from_wire.py makes this from
ARM's JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from shared.arm_ids import fold


class Distribution(StrEnum):
    """A family of Linux distributions whose agent has one package and one service.
    https://learn.microsoft.com/azure/virtual-machines/extensions/update-linux-agent"""

    UBUNTU = "ubuntu"
    DEBIAN = "debian"
    RED_HAT = "red hat"
    ORACLE = "oracle"
    SUSE = "suse"


NAMES = {
    Distribution.UBUNTU: ("ubuntu", "canonical"),
    Distribution.DEBIAN: ("debian", "credativ"),
    Distribution.RED_HAT: (
        "rhel",
        "redhat",
        "red hat",
        "centos",
        "openlogic",
        "almalinux",
        "rocky",
    ),
    Distribution.ORACLE: ("oracle",),
    Distribution.SUSE: ("suse", "sles", "opensuse"),
}
"""By what the agent reports as `osName`, or what an image is called."""


@dataclass(frozen=True, slots=True)
class Guest:
    """An empty string, and None: Azure's answer did not have the field."""

    os_name: str
    """`osName` of the instance view, which the agent reports."""
    os_version: str
    image: str
    """Publisher, offer and SKU of the image that the VM was made from."""
    provision_agent: bool | None
    """`provisionVMAgent`. False: Azure was told not to install the agent, which
    somebody may have done by hand."""
    extension_operations: bool | None
    """`allowExtensionOperations`. False: no extension can be installed or updated."""

    @property
    def distribution(self) -> Distribution | None:
        """By the system's name, else by its image; None where neither is known."""
        return _find_distribution(self.os_name) or _find_distribution(self.image)


UNKNOWN_GUEST = Guest("", "", "", None, None)


def _find_distribution(text: str) -> Distribution | None:
    """An image can name two: the publisher that made it and what is in it."""
    told = fold(text)
    found = {each for each, names in NAMES.items() if any(_has(told, name) for name in names)}
    return found.pop() if len(found) == 1 else None


def _has(text: str, name: str) -> bool:
    return re.search(rf"(?<![a-z]){re.escape(name)}(?![a-z])", text) is not None
