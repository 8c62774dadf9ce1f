"""Facts: what Azure answered, as values. A fact is read once, kept with its evidence,
and never filled in with a default.

Every read ends as one of three: the fact, `Absent` (Azure says that there is no such
thing), or `Unreadable` (we do not know). shared/azure/from_wire.py makes them from
ARM's JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared import clock
from shared.arm_ids import fold, same
from shared.extension_facts import (
    BACKUP_EXTENSION_PUBLISHER,
    BACKUP_EXTENSION_TYPES,
    IN_TRANSITION,
    ExtensionStatus,
    ReportedExtension,
    find_newest,
)
from shared.guest_facts import Guest

BACKUP_COLLECTION_PREFIX = "AzureBackup_"
BLOCKING_LOCK_LEVELS = ("CanNotDelete", "ReadOnly")
"""Both levels block a DELETE at and below their scope.
https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources"""


@dataclass(frozen=True, slots=True)
class Absent:
    """Azure answered that `what` does not exist."""

    what: str
    code: str = field(default="", compare=False)
    """ARM's `error.code`."""

    @property
    def why(self) -> str:
        """Why there is no fact, as a sentence for people."""
        return f"{self.what} does not exist"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """`what` could not be read. It never means "fine": make no change that depends on
    it."""

    what: str
    reason: str

    @property
    def why(self) -> str:
        """Why there is no fact, as a sentence for people."""
        return f"{self.what} could not be read: {self.reason}"


def why_unread(what: str, fact: Absent | Unreadable) -> str:
    """The sentence that `what`, which depends on this fact, is not known."""
    return f"whether {what} is not known: {fact.why}"


@dataclass(frozen=True, slots=True)
class VirtualMachine:
    """A VM with its instance view. An empty string: Azure's answer did not have the
    field."""

    id: str
    name: str
    location: str
    os_type: str
    """Windows or Linux; "" where the OS disk does not say."""
    power_state: str
    """running, stopped, deallocated, ...: the part after PowerState/; or ""."""
    provisioning_state: str
    provisioning_time: str
    """Since when it is in that state, ISO 8601; "" where only its model says so, or
    without a time."""
    agent_status: str
    """displayStatus of the VM agent ("Ready", "Not Ready"); "" where the instance view
    has no report of the agent."""
    agent_version: str
    agent_message: str
    agent_time: str
    """Of that status, ISO 8601; or ""."""
    managed_disks: bool | None
    """None where the OS disk does not say."""
    tags: Mapping[str, str]
    vm_id_guid: str
    """`properties.vmId`. Another one is another machine, even under the same name."""
    extensions: tuple[ReportedExtension, ...]
    """Those that the instance view shows. One that it leaves out may exist."""
    handlers: tuple[ReportedExtension, ...]
    """The handlers of extensions that the VM agent reports."""
    interfaces: tuple[str, ...]
    """Ids of its network interfaces."""
    guest: Guest

    @property
    def running(self) -> bool:
        return fold(self.power_state) == "running"

    @property
    def is_off(self) -> bool:
        """Whether it is known to be off; a power state that moves is not."""
        return fold(self.power_state) in ("stopped", "deallocated")

    @property
    def agent_ready(self) -> bool:
        return fold(self.agent_status) == "ready"


@dataclass(frozen=True, slots=True)
class Extension:
    id: str
    name: str
    publisher: str
    type: str
    """The handler's type (`properties.type`)."""
    provisioning_state: str
    statuses: tuple[ExtensionStatus, ...]
    """What it reported: statuses and substatuses."""

    @property
    def is_backup_extension(self) -> bool:
        """By publisher and type, never by name: an extension can have any name."""
        types = [fold(known) for known in BACKUP_EXTENSION_TYPES]
        return fold(self.publisher) == fold(BACKUP_EXTENSION_PUBLISHER) and fold(self.type) in types

    @property
    def status(self) -> ExtensionStatus:
        """Its newest status, substatuses apart."""
        return find_newest(tuple(each for each in self.statuses if not each.is_substatus))

    @property
    def in_transition(self) -> bool:
        return fold(self.provisioning_state) in IN_TRANSITION

    @property
    def failed(self) -> bool:
        """Its provisioning, or its newest status, failed. While an operation works on
        it that is not known."""
        return not self.in_transition and (
            fold(self.provisioning_state) == "failed" or self.status.failed
        )

    def is_stuck(self, now: str, after_seconds: float) -> bool:
        """Whether it is in transition, and last gave a sign of life longer ago than
        that. Without a known time it is not known to be stuck."""
        last = clock.normal(find_newest(self.statuses).time)
        return self.in_transition and bool(last) and clock.after(last, after_seconds) <= now

    def seen_in(self, vm: VirtualMachine) -> Extension:
        """The extension with what the VM's instance view shows of it as well."""
        shown = (each for each in vm.extensions if fold(each.name) == fold(self.name))
        more = (status for each in shown for status in each.statuses)
        return replace(self, statuses=tuple(dict.fromkeys((*self.statuses, *more))))


@dataclass(frozen=True, slots=True)
class Lock:
    """A management lock with all that is needed to create an identical one."""

    id: str
    name: str
    level: str
    notes: str | None
    owners: tuple[str, ...]
    """Application ids. A lock with owners is an application's own, and never lifted."""

    @property
    def scope(self) -> str:
        """Id of what is locked: the lock's id without its last four segments."""
        return self.id.rsplit("/", 4)[0]

    @property
    def blocks_deletion(self) -> bool:
        return fold(self.level) in [fold(level) for level in BLOCKING_LOCK_LEVELS]

    def same_content(self, other: Lock) -> bool:
        """Whether scope, name, level, notes and owners are equal. Azure may change the
        casing of ids, but not of notes."""
        return (
            fold(self.id) == fold(other.id)
            and fold(self.level) == fold(other.level)
            and (self.notes or "") == (other.notes or "")
            and {fold(owner) for owner in self.owners} == {fold(owner) for owner in other.owners}
        )


@dataclass(frozen=True, slots=True)
class RestorePoint:
    """One instant snapshot of a VM.
    https://learn.microsoft.com/rest/api/compute/restore-points/get"""

    name: str
    created_at: str
    """`timeCreated`, ISO 8601 as Azure wrote it; or ""."""
    vm_id_guid: str
    """`sourceMetadata.vmId`, of the machine that it is a snapshot of; or ""."""
    provisioning_state: str

    @property
    def label(self) -> str:
        return f"{self.name} ({self.created_at or 'no time'})"


@dataclass(frozen=True, slots=True)
class RestorePointCollection:
    id: str
    name: str
    source_id: str
    """Id of the VM whose restore points these are; or ""."""
    location: str
    provisioning_state: str
    points: tuple[RestorePoint, ...] | None
    """None where they were not requested."""

    def is_of(self, vm_id: str) -> bool:
        """Whether its source is this VM, whoever created it."""
        return bool(self.source_id) and same(self.source_id, vm_id)

    def belongs_to(self, vm_id: str) -> bool:
        """Whether Azure Backup created it for this VM, by name prefix and source
        together: `AzureBackup_vm1` is not vm10's."""
        return fold(self.name).startswith(fold(BACKUP_COLLECTION_PREFIX)) and self.is_of(vm_id)


@dataclass(frozen=True, slots=True)
class PolicyDenial:
    """A policy that would refuse a resource, as checkPolicyRestrictions names it. An
    id is "" where the answer has none."""

    assignment_id: str
    definition_id: str
    reason: str

    def __str__(self) -> str:
        assignment = self.assignment_id or "an assignment that is not named"
        return (
            f"the policy assignment {assignment} of"
            f" {self.definition_id or 'a policy that is not named'} ({self.reason})"
        )


@dataclass(frozen=True, slots=True)
class Vault:
    """A Recovery Services vault."""

    id: str
    name: str
    location: str


COMPLETED_JOB_STATUSES = ("completed", "completedwithwarnings")
"""Of a backup: it made a recovery point."""
ENDED_JOB_STATUSES = (*COMPLETED_JOB_STATUSES, "failed", "cancelled", "invalid")


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    name: str
    status: str
    """InProgress, Completed, CompletedWithWarnings, Failed, Cancelled, Cancelling,
    Invalid."""
    operation: str
    entity_name: str
    container_name: str
    start_time: str
    end_time: str
    error_details: tuple[Mapping[str, Any], ...]
    dynamic_error_message: str

    @property
    def ended(self) -> bool:
        """Whether it has ended. An unknown status does not count: the job is read
        again."""
        return fold(self.status) in ENDED_JOB_STATUSES

    @property
    def completed(self) -> bool:
        return fold(self.status) in COMPLETED_JOB_STATUSES

    def is_of(self, vm_name: str, vm_group: str) -> bool | None:
        """Whether the job works on this VM; None where that is not certain, since two
        resource groups may have VMs of one name."""
        parts = fold(self.container_name).split(";")
        if len(parts) >= 3:
            return parts[-2:] == [fold(vm_group), fold(vm_name)]
        return False if self.entity_name and fold(self.entity_name) != fold(vm_name) else None
