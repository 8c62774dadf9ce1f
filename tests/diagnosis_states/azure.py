"""What Azure holds in a row of the table.

Times are minutes after the end of the failed job, which ended 30 minutes ago and began
20 minutes before its end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from local.scenarios import parts
from local.simulator import ids, machines
from local.simulator.state import Resource

VM_GROUP = "rg-app"
SERVICE_GROUP = "AzureBackupRG_westeurope_1"
VM = "vm-app-01"
VM_ID = parts.machine_id(VM_GROUP, VM)
ITEM_ID = parts.item_id(VM_ID)
JOB_ID = parts.guid("job", "failed")
SUBSCRIPTION_ID = f"/subscriptions/{parts.SUBSCRIPTION}"
NOW = 30
"""Minutes after the end of the failed job."""
DAY = 24 * 60
OLD = -40 * DAY


@dataclass(frozen=True, slots=True)
class Words:
    """What the extension reported in the instance view."""

    code: str = "ProvisioningState/succeeded"
    message: str = "Command completed successfully."
    at: int | None = 0
    """None: the status has no time, as in the recorded instance view."""
    substatus: str = ""


@dataclass(frozen=True, slots=True)
class Extension:
    """The backup extension in the three places where it can be seen."""

    resource: str = "Succeeded"
    """Its provisioning state; "": a GET by its name is 404."""
    words: Words | None = Words()
    """None: the instance view has no entry of it."""
    handler: str = "Ready"
    """Status of its handler in the agent's report; "": the report has none."""
    name: str = ""
    """"": the name that Azure Backup gives it on this OS."""
    publisher: str = machines.BACKUP_PUBLISHER
    hidden: bool = False
    """The list of extensions does not show it; a GET by its name does."""


@dataclass(frozen=True, slots=True)
class Collection:
    points: int = 3
    group: str = SERVICE_GROUP
    name: str = f"AzureBackup_{VM}_140738144265919"
    not_vaulted: int = 0
    """How many of its newest points are snapshots only."""
    machine_guid: str = ""
    """vmId on its points; "": that of the VM."""
    newest_state: str = "Succeeded"
    of_vm: str = ""
    """Name of the VM that it is of; "": the VM of the failed job."""


@dataclass(frozen=True, slots=True)
class Lock:
    scope: str
    level: str = "CanNotDelete"
    owner: str = ""


@dataclass(frozen=True, slots=True)
class OtherJob:
    """A job of the VM that began after the one that failed."""

    status: str
    operation: str = "Backup"


@dataclass(frozen=True, slots=True)
class Azure:
    os_type: str = "Windows"
    power: str = "running"
    """"": the instance view has no PowerState."""
    provisioning: str = "Succeeded"
    provisioning_code: str = "succeeded"
    provisioned_at: int = -90 * DAY
    agent: str = "ready"
    """ready, silent, or none: the instance view has no vmAgent."""
    agent_version: str = ""
    agent_at: int = NOW
    profile: dict[str, Any] | None = field(default_factory=dict)
    """Changes to osProfile; None: there is none, as on a specialised disk."""
    managed: bool = True
    vm_gone: bool = False
    extension: Extension | None = Extension()
    others: tuple[str, ...] = ()
    """Names of custom script extensions that failed."""
    policy: str = "V1"
    """V1, V2 or agentless."""
    group_prefix: str = ""
    """Of the policy: prefix of the groups that collections are made in."""
    protection: str = "Protected"
    session_open: bool = False
    """A file-recovery session is open on the newest recovery point."""
    collections: tuple[Collection, ...] = (Collection(),)
    locks: tuple[Lock, ...] = ()
    job_status: str = "Failed"
    job_words: str = ""
    """What the failed job says after its code; "": the code's message."""
    jobs: tuple[OtherJob, ...] = ()
    more: tuple[Resource, ...] = ()
    faults: tuple[dict[str, Any], ...] = ()


def fault(path: str, status: int, method: str = "GET", **action: Any) -> dict[str, Any]:
    """A fault of the simulator: every such request gets this answer."""
    return {"method": method, "path_regex": path, "action": {"status": status, **action}}


def group_id(name: str) -> str:
    return ids.group_id(parts.SUBSCRIPTION, name)


def collection_id(collection: Collection = Collection()) -> str:
    return f"{group_id(collection.group)}/providers/{ids.COLLECTION}/{collection.name}"
