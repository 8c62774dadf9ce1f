"""What Azure told us, as values. A fact is read once, kept with its evidence, and never
filled in with a default.

Every read ends as one of three: the fact, `Absent` (Azure says that there is no such
thing), or `Unreadable` (we do not know). The mappers take the JSON of the wire (ARM's
own property names). Where a field is of another kind than the API says, or one is
missing that every such resource has, the answer is no fact at all: they raise
NotUnderstood, and the read ends Unreadable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.arm_ids import fold, same
from shared.azure.wire import Wire
from shared.azure.wire import read_list as _list
from shared.azure.wire import read_needed as _needed
from shared.azure.wire import read_object as _object
from shared.azure.wire import read_text as _text
from shared.errors import NotUnderstood, whole_characters

BACKUP_EXTENSION_PUBLISHER = "Microsoft.Azure.RecoveryServices"
BACKUP_EXTENSION_TYPES = ("VMSnapshot", "VMSnapshotLinux")
BACKUP_COLLECTION_PREFIX = "AzureBackup_"
LOCK_LEVELS = ("NotSpecified", "CanNotDelete", "ReadOnly")
BLOCKING_LOCK_LEVELS = ("CanNotDelete", "ReadOnly")
"""Both levels block a DELETE at and below their scope.
https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources"""


@dataclass(frozen=True, slots=True)
class Absent:
    """Azure answered that `what` does not exist."""

    what: str

    @property
    def why(self) -> str:
        """Why there is no fact, as a sentence for people."""
        return f"{self.what} does not exist"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """`what` could not be read. Never "fine": whoever gets this makes no change that
    depends on it."""

    what: str
    reason: str

    @property
    def why(self) -> str:
        """Why there is no fact, as a sentence for people."""
        return f"{self.what} could not be read: {self.reason}"


def why_unread(what: str, fact: Absent | Unreadable) -> str:
    """The sentence that `what`, which rests on this fact, is not known."""
    return f"whether {what} is not known: {fact.why}"


@dataclass(frozen=True, slots=True)
class VirtualMachine:
    """A VM with its instance view. Empty strings mean that Azure's answer did not have
    the field."""

    id: str
    name: str
    location: str
    os_type: str
    """Windows or Linux, or "" when the OS disk does not say."""
    power_state: str
    """running, stopped, deallocated, starting, ...: the part after PowerState/, or "".
    """
    provisioning_state: str
    agent_status: str
    """displayStatus of the VM agent ("Ready", "Not Ready"), or "" when the instance
    view has no agent report."""
    agent_version: str
    agent_message: str
    managed_disks: bool | None
    """None when the OS disk does not say."""
    tags: Mapping[str, str]
    vm_id_guid: str
    """`properties.vmId`: another one means another machine, also under the same name.
    """

    @property
    def running(self) -> bool:
        return fold(self.power_state) == "running"

    @property
    def agent_ready(self) -> bool:
        return fold(self.agent_status) == "ready"


@dataclass(frozen=True, slots=True)
class Extension:
    id: str
    name: str
    publisher: str
    type: str
    """The handler's type, `properties.type` on the wire."""
    provisioning_state: str
    status_code: str
    """Code of the newest instance view status, such as ProvisioningState/failed/1, or
    ""."""
    status_message: str
    status_time: str
    """ISO 8601 as Azure wrote it, or ""."""

    @property
    def is_backup_extension(self) -> bool:
        """Publisher and type, never the name: an extension can carry any name."""
        types = [fold(known) for known in BACKUP_EXTENSION_TYPES]
        return fold(self.publisher) == fold(BACKUP_EXTENSION_PUBLISHER) and fold(self.type) in types

    @property
    def failed(self) -> bool:
        return fold(self.provisioning_state) == "failed" or fold(self.status_code).startswith(
            "provisioningstate/failed"
        )


@dataclass(frozen=True, slots=True)
class Lock:
    """A management lock with all that is needed to make the same one again."""

    id: str
    name: str
    level: str
    notes: str | None
    owners: tuple[str, ...]
    """Application ids. A lock with owners belongs to an application and is never
    lifted."""

    @property
    def scope(self) -> str:
        """The id of what is locked: the lock's id without its last four segments."""
        return self.id.rsplit("/", 4)[0]

    @property
    def blocks_deletion(self) -> bool:
        return fold(self.level) in [fold(level) for level in BLOCKING_LOCK_LEVELS]

    def same_content(self, other: Lock) -> bool:
        """Scope, name, level, notes and owners are equal. Casing of ids is Azure's to
        choose, of notes it is not."""
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
    """`timeCreated`, ISO 8601 as Azure wrote it, or ""."""
    vm_id_guid: str
    """`sourceMetadata.vmId` of the machine that it is a snapshot of, or ""."""
    provisioning_state: str

    @property
    def says(self) -> str:
        return f"{self.name} ({self.created_at or 'no time'})"


@dataclass(frozen=True, slots=True)
class RestorePointCollection:
    id: str
    name: str
    source_id: str
    """Id of the VM whose restore points these are, or ""."""
    location: str
    provisioning_state: str
    points: tuple[RestorePoint, ...] | None
    """None when they were not asked for."""

    def is_of(self, vm_id: str) -> bool:
        """Whether its source is this VM, whoever made it."""
        return bool(self.source_id) and same(self.source_id, vm_id)

    def belongs_to(self, vm_id: str) -> bool:
        """Made by Azure Backup for this VM: name prefix and source together;
        `AzureBackup_vm1` is not vm10's."""
        return fold(self.name).startswith(fold(BACKUP_COLLECTION_PREFIX)) and self.is_of(vm_id)


@dataclass(frozen=True, slots=True)
class PolicyDenial:
    """A policy that would refuse a resource, as checkPolicyRestrictions names it. Ids
    are "" where they were not told."""

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
        """A status that nobody knows is no end: the job is looked at again."""
        return fold(self.status) in ENDED_JOB_STATUSES

    @property
    def completed(self) -> bool:
        return fold(self.status) in COMPLETED_JOB_STATUSES

    def is_of(self, vm_name: str, vm_group: str) -> bool | None:
        """Whether the job works on this VM; None when it cannot be told: VMs of one
        name may be in two groups."""
        parts = fold(self.container_name).split(";")
        if len(parts) >= 3:
            return parts[-2:] == [fold(vm_group), fold(vm_name)]
        return False if self.entity_name and fold(self.entity_name) != fold(vm_name) else None


def virtual_machine(wire: Wire) -> VirtualMachine:
    """https://learn.microsoft.com/rest/api/compute/virtual-machines/get with
    $expand=instanceView"""
    properties = _properties(wire)
    view = _object(properties, "instanceView")
    os_disk = _object(_object(properties, "storageProfile"), "osDisk")
    agent = _object(view, "vmAgent")
    agent_statuses = _list(agent, "statuses")
    last = agent_statuses[-1] if agent_statuses else {}
    return VirtualMachine(
        id=_text(wire, "id"),
        name=_text(wire, "name"),
        location=_text(wire, "location"),
        os_type=_text(os_disk, "osType"),
        power_state=_state(_list(view, "statuses"), "PowerState/"),
        provisioning_state=_state(_list(view, "statuses"), "ProvisioningState/")
        or _text(properties, "provisioningState"),
        agent_status=_text(last, "displayStatus"),
        agent_version=_text(agent, "vmAgentVersion"),
        agent_message=_text(last, "message"),
        managed_disks=_managed(os_disk),
        tags=tags(wire),
        vm_id_guid=_text(properties, "vmId"),
    )


def tags(wire: Wire) -> dict[str, str]:
    """The tags of any resource; none where the answer has no such field."""
    found = _object(wire, "tags")
    return {name: _text(found, name) for name in found}


def extension_views(view: Wire) -> dict[str, Wire]:
    """The extensions of a VM's instance view by their folded names. Every instance view
    has statuses of the VM."""
    if view.get("statuses") is None:
        raise NotUnderstood("this is no instance view: it has no statuses")
    return {fold(_text(each, "name")): each for each in _list(view, "extensions")}


def extension(wire: Wire, view: Wire | None = None) -> Extension:
    """One extension; `view` is its entry in the VM's instance view, which carries the
    handler's last words."""
    properties = _properties(wire)
    statuses = _list(view or _object(properties, "instanceView"), "statuses")
    last = statuses[-1] if statuses else {}
    return Extension(
        id=_text(wire, "id"),
        name=_text(wire, "name"),
        publisher=_needed(properties, "publisher"),
        type=_needed(properties, "type"),
        provisioning_state=_text(properties, "provisioningState"),
        status_code=_text(last, "code"),
        status_message=_text(last, "message"),
        status_time=_text(last, "time"),
    )


def lock(wire: Wire) -> Lock:
    """https://learn.microsoft.com/rest/api/resources/management-locks (2020-05-01)"""
    properties = _properties(wire)
    notes, level = properties.get("notes"), _needed(properties, "level")
    told = notes is None or (isinstance(notes, str) and notes == whole_characters(notes))
    if fold(level) not in [fold(each) for each in LOCK_LEVELS] or not told:
        raise NotUnderstood(f"this is no lock: level {level!r:.80}, notes {notes!r:.80}")
    owners = tuple(_needed(owner, "applicationId") for owner in _list(properties, "owners"))
    return Lock(_needed(wire, "id"), _needed(wire, "name"), level, notes, owners)


def restore_point_collection(wire: Wire) -> RestorePointCollection:
    properties = _properties(wire)
    asked_for = properties.get("restorePoints") is not None
    return RestorePointCollection(
        id=_text(wire, "id"),
        name=_needed(wire, "name"),
        source_id=_text(_object(properties, "source"), "id"),
        location=_text(wire, "location"),
        provisioning_state=_text(properties, "provisioningState"),
        points=(
            tuple(_restore_point(point) for point in _list(properties, "restorePoints"))
            if asked_for
            else None
        ),
    )


def _restore_point(wire: Wire) -> RestorePoint:
    properties = _object(wire, "properties")
    return RestorePoint(
        name=_needed(wire, "name"),
        created_at=_text(properties, "timeCreated"),
        vm_id_guid=_text(_object(properties, "sourceMetadata"), "vmId"),
        provisioning_state=_text(properties, "provisioningState"),
    )


def vault(wire: Wire) -> Vault:
    """https://learn.microsoft.com/rest/api/resources/resources/list"""
    return Vault(_text(wire, "id"), _text(wire, "name"), _text(wire, "location"))


def job(wire: Wire) -> Job:
    """https://learn.microsoft.com/rest/api/backup/job-details/get; types AzureIaaSVMJob
    and AzureIaaSVMJobV2 alike."""
    properties = _properties(wire)
    return Job(
        id=_text(wire, "id"),
        name=_needed(wire, "name"),
        status=_needed(properties, "status"),
        operation=_needed(properties, "operation"),
        entity_name=_text(properties, "entityFriendlyName"),
        container_name=_text(properties, "containerName"),
        start_time=_text(properties, "startTime"),
        end_time=_text(properties, "endTime"),
        error_details=tuple(_list(properties, "errorDetails")),
        dynamic_error_message=_text(_object(properties, "extendedInfo"), "dynamicErrorMessage"),
    )


def _properties(wire: Wire) -> Wire:
    """What every resource has."""
    if not _object(wire, "properties"):
        raise NotUnderstood(f"the answer has no properties: {wire.get('id')!r:.200}")
    return _object(wire, "properties")


def _state(statuses: list[Wire], prefix: str) -> str:
    for status in statuses:
        code = _text(status, "code")
        if fold(code).startswith(fold(prefix)):
            return code[len(prefix) :].split("/")[0]
    return ""


def _managed(os_disk: Wire) -> bool | None:
    if _object(os_disk, "managedDisk"):
        return True
    return False if _object(os_disk, "vhd") else None
