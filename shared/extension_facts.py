"""What extensions report of themselves, in a VM's instance view and beside their own
resource. shared/azure/from_wire.py makes these from ARM's JSON.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared import clock
from shared.arm_ids import fold

BACKUP_EXTENSION_PUBLISHER = "Microsoft.Azure.RecoveryServices"
BACKUP_EXTENSION_TYPES = ("VMSnapshot", "VMSnapshotLinux")
IN_TRANSITION = ("creating", "updating", "deleting", "transitioning")
"""Provisioning states of an extension, or of its VM, on which an operation works."""


@dataclass(frozen=True, slots=True)
class ExtensionStatus:
    """A status or a substatus. An empty string: Azure's answer did not have the field.

    Of an extension whose command has ended, the status says `succeeded` and the result
    is in a substatus, as JSON in its code or its message.
    https://github.com/Azure/azure-linux-extensions/blob/master/VMBackup/main/Utils/HandlerUtil.py
    """

    code: str
    """Such as ProvisioningState/failed/1, or ComponentStatus/0/succeeded."""
    message: str
    time: str
    """ISO 8601. A substatus without one has that of the newest status beside it."""
    is_substatus: bool = False

    @property
    def failed(self) -> bool:
        """Whether it tells that the provisioning failed."""
        return fold(self.code).startswith("provisioningstate/failed")

    @property
    def succeeded(self) -> bool:
        """Whether it tells that the provisioning succeeded."""
        return fold(self.code).startswith("provisioningstate/succeeded")

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not self.code and not self.message

    def is_older_than(self, moment: str) -> bool:
        """Whether both times are known, and this one is before `moment`."""
        mine, other = clock.normal(self.time), clock.normal(moment)
        return bool(mine and other) and mine < other

    def is_newer_than(self, moment: str) -> bool:
        """Whether both times are known, and this one is not before `moment`."""
        mine, other = clock.normal(self.time), clock.normal(moment)
        return bool(mine and other) and mine >= other


NO_STATUS = ExtensionStatus("", "", "")


@dataclass(frozen=True, slots=True)
class ReportedExtension:
    """An extension in a VM's instance view, or only its handler."""

    name: str
    """"" for a handler, which has none."""
    handler: str
    """Publisher and type of the extension, with a dot between."""
    statuses: tuple[ExtensionStatus, ...]

    @property
    def is_backup_extension(self) -> bool:
        return fold(self.handler) in (
            fold(f"{BACKUP_EXTENSION_PUBLISHER}.{kind}") for kind in BACKUP_EXTENSION_TYPES
        )


def find_newest(statuses: tuple[ExtensionStatus, ...]) -> ExtensionStatus:
    """The one with the latest time, of equal ones the last; NO_STATUS of none."""
    newest = NO_STATUS
    for each in statuses:
        if clock.normal(each.time) >= clock.normal(newest.time):
            newest = each
    return newest
