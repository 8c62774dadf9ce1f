"""The table of built-in scenarios, and the document that a row stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local.scenarios import alerts, parts
from local.simulator import ids, messages
from local.simulator.state import Resource

NO_INTERNET = "no_internet"
WINDOWS_AGENT = "windows_agent"
LINUX_AGENT = "linux_agent"
SNAPSHOT_STATUS = "snapshot_status"
BACKUP_EXTENSION = "backup_extension"
LOCKED_RESTORE_POINTS = "locked_restore_points"
FAILED_STATE = "failed_state"
OTHER_OPERATION = "other_operation"
CAUSES = (
    NO_INTERNET,
    WINDOWS_AGENT,
    LINUX_AGENT,
    SNAPSHOT_STATUS,
    BACKUP_EXTENSION,
    LOCKED_RESTORE_POINTS,
    FAILED_STATE,
    OTHER_OPERATION,
)
"""In the order of the table of causes, whose numbers start at 1."""

ACTIONS = {
    BACKUP_EXTENSION: ("uninstall_extension",),
    LOCKED_RESTORE_POINTS: ("delete_restore_point_collection",),
}
NO_NETWORK = ("76", " StatusCode.FailedRetryableSnapshotFailedNoNetwork,")
RESTRICTED_NETWORK = ("761", " StatusCode.FailedRetryableSnapshotFailedRestrictedNetwork,")
FREEZE_FAILED = ("121", "Failed to FIFREEZE: /data StatusCode.FailedRetryableFsFreezeFailed,")
COMPLETED = "Completed"
LISTED, HIDDEN, HANDLER_ONLY, NOWHERE = "listed", "hidden", "handler only", "nowhere"
"""Where Azure shows the backup extension: also in the list of extensions; only to a GET
by its name; only as a handler in the instance view; nowhere."""


@dataclass(frozen=True, slots=True)
class CaseLock:
    """A lock on the collection's group or on the subscription."""

    on_subscription: bool = False
    name: str = "keep-production"
    notes: str = "Production. Change CHG0041277 wants this group kept."
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One scenario: the VM, its collection and locks, the reported failure, and the
    expected end."""

    name: str
    title: str
    code: str
    cause: str | None
    backup: str | None = COMPLETED
    status: str = "needs_person"
    actions: tuple[str, ...] = ()
    os_type: str = "Windows"
    vm: str = "vm-app-01"
    group: str = "rg-app"
    power: str = "running"
    ready: bool = True
    agent_version: str = ""
    extension: str = "Succeeded"
    vm_state: str = ""
    """Provisioning state of the VM; "" for Succeeded."""
    other_extension: str = ""
    """Provisioning state of an extension of another product; "" for none."""
    extension_error: tuple[str, str] | None = None
    """Code and message of the error that its last command ended with."""
    extension_seen: str = LISTED
    points: int = 3
    collection: str = ""
    collection_group: str = ""
    lock: CaseLock | None = None
    denied: bool = False
    rule_denies: bool = False
    """A network security group denies the way to the internet."""
    vm_gone: bool = False
    job_gone: bool = False
    sql: bool = False
    neighbours: tuple[str, ...] = ()
    """Other VMs in the same group, in the same state."""


FACTS: dict[str, dict[str, Any]] = {
    NO_INTERNET: {"os_type": "Linux", "extension_error": NO_NETWORK},
    WINDOWS_AGENT: {"ready": False, "backup": messages.GUEST_AGENT},
    LINUX_AGENT: {"os_type": "Linux", "agent_version": parts.OLD_LINUX_AGENT},
    SNAPSHOT_STATUS: {"power": "stopped", "ready": False},
    BACKUP_EXTENSION: {"extension": "Failed", "backup": messages.EXTENSION},
    LOCKED_RESTORE_POINTS: {"points": 18, "lock": CaseLock(), "backup": messages.INTERNAL},
    FAILED_STATE: {
        "vm_state": "Failed",
        "other_extension": "Failed",
        "backup": messages.VM_STATE,
    },
    OTHER_OPERATION: {"vm_state": "Updating"},
}
"""How the state shows each cause."""

TITLES = {
    NO_INTERNET: "the VM has no way to Azure storage",
    WINDOWS_AGENT: "the Windows agent does not answer",
    LINUX_AGENT: "the Linux agent is out of date",
    SNAPSHOT_STATUS: "the VM was shut down from inside, its snapshot status cannot be read",
    BACKUP_EXTENSION: "the backup extension failed",
    LOCKED_RESTORE_POINTS: "a lock keeps 18 restore points",
    FAILED_STATE: "another extension failed, and the VM with it",
    OTHER_OPERATION: "the VM is being updated",
}
BY_CODE = {
    messages.GUEST_AGENT: (1, 2, 3, 4, 5),
    messages.NO_NETWORK: (1, 4, 5),
    messages.EXTENSION: (4, 5, 2, 3),
    "ExtensionOperationFailed": (5,),
    "ExtensionOperationFailedForManagedDisks": (5,),
    messages.SNAPSHOT_STATUS: (2, 3, 1),
    messages.INTERNAL: (1, 2, 3, 4, 5, 6),
    "BackUpOperationFailedV2": (5, 6),
    messages.VM_STATE: (7, 5),
    messages.NOT_DESIRABLE: (7, 8, 2, 3),
    messages.STUCK: (2, 3, 5),
    messages.IN_PROGRESS: (8,),
    messages.COPY_TIMED_OUT: (8,),
    messages.OFFLINE: (2, 3, 4),
    messages.SEE_MESSAGE: (6, 7, 8),
}
"""The causes of each code by their numbers, in the order in which they are tried."""


def make_case(code: str, cause: str, name: str = "", title: str = "", **changes: Any) -> Case:
    """The case in which `code` is reported because of `cause`."""
    actions = ACTIONS.get(cause, ())
    end = {"status": "fixed" if actions else "needs_person", "actions": actions}
    fields = {**end, **FACTS[cause], **changes}
    return Case(
        name or f"{code}-{cause}", title or f"{code}: {TITLES[cause]}", code, cause, **fields
    )


def _cases_by_code() -> list[Case]:
    return [
        make_case(code, CAUSES[number - 1], **_variation(code, number))
        for code in BY_CODE
        for number in BY_CODE[code]
    ]


def _variation(code: str, number: int) -> dict[str, Any]:
    """Changes to some rows, so that both forms of a fact occur."""
    if number == 1 and code == messages.NO_NETWORK:
        return {"extension_error": RESTRICTED_NETWORK}
    if number == 5 and code in (messages.NO_NETWORK, "BackUpOperationFailedV2"):
        return {"os_type": "Linux"}
    if code == messages.VM_STATE and number == 5:
        return {"vm_state": "Failed"}
    if code == messages.STUCK and number == 5:
        return {"extension": "Deleting", "backup": messages.STUCK}
    if code == messages.NOT_DESIRABLE and number == 8:
        return {"vm_state": "", "other_extension": "Creating"}
    if code == messages.SEE_MESSAGE:
        return {"status": "needs_person", "actions": ()}
    return {}


NOT_FIXED: dict[str, Any] = {"status": "needs_person", "actions": ()}
CURRENT_LAYOUT = {
    "collection": "AzureBackup_vm-app-01_140738144265919",
    "collection_group": "AzureBackupRG_westeurope_1",
}

SPECIAL = [
    make_case(
        messages.INTERNAL,
        LOCKED_RESTORE_POINTS,
        "winmanagedvm",
        "The article's own example: winmanagedvm in the locked group winvaultrg",
        vm="winmanagedvm",
        group="winvaultrg",
        lock=CaseLock(name="winvaultrg-lock", notes="Owned by the platform team; do not delete."),
    ),
    make_case(
        messages.GUEST_AGENT,
        LINUX_AGENT,
        f"{messages.GUEST_AGENT}-linux_agent-not_ready",
        "The Linux agent does not answer",
        ready=False,
        agent_version="",
        backup=messages.GUEST_AGENT,
    ),
    make_case(
        "UserErrorRpCollectionLimitReached",
        LOCKED_RESTORE_POINTS,
        title="Today's layout: a lock on Azure Backup's own group keeps 18 restore points",
        **CURRENT_LAYOUT,
    ),
    Case(
        "unknown_code",
        "A code that no row names: the file systems could not be frozen",
        "UserErrorFsFreezeFailed",
        None,
        os_type="Linux",
    ),
    Case(
        "second_try",
        "A passing failure: no cause is found, and the backup passes when it is run again",
        messages.INTERNAL,
        None,
        status="fixed",
        actions=("run_backup_again",),
    ),
    Case(
        "second_try_agent",
        "The agent did not answer, and is Ready again",
        messages.GUEST_AGENT,
        None,
        status="fixed",
        actions=("run_backup_again",),
    ),
    make_case(
        messages.INTERNAL,
        LOCKED_RESTORE_POINTS,
        "subscription_lock",
        "The lock that keeps the restore points is on the whole subscription",
        lock=CaseLock(on_subscription=True),
        **NOT_FIXED,
    ),
    make_case(
        messages.INTERNAL,
        LOCKED_RESTORE_POINTS,
        "owned_lock",
        "The lock that keeps the restore points belongs to an application",
        lock=CaseLock(name="managed-lock", owner="44444444-4444-4444-4444-444444444444"),
        **NOT_FIXED,
    ),
    make_case(
        messages.INTERNAL,
        LOCKED_RESTORE_POINTS,
        "deny_assignment",
        "A deny assignment forbids the deletion of the collection, beside the lock",
        denied=True,
        **NOT_FIXED,
    ),
    make_case(
        messages.EXTENSION,
        BACKUP_EXTENSION,
        "extension_failed_agent_not_ready",
        "The extension failed, and the agent that would have to remove it does not answer",
        ready=False,
        backup=messages.GUEST_AGENT,
        **NOT_FIXED,
    ),
    make_case(
        messages.EXTENSION,
        BACKUP_EXTENSION,
        "extension_failed_deallocated",
        "The extension failed, and the VM is deallocated",
        power="deallocated",
        **NOT_FIXED,
    ),
    make_case(
        messages.EXTENSION,
        BACKUP_EXTENSION,
        "extension_hidden",
        "Today's VM: the list hides the extension that failed, and its name finds it",
        extension_seen=HIDDEN,
    ),
    make_case(
        messages.EXTENSION,
        BACKUP_EXTENSION,
        "extension_handler_only",
        "Of the extension only its handler is left, and that failed",
        extension_seen=HANDLER_ONLY,
        backup=COMPLETED,
        **NOT_FIXED,
    ),
    Case(
        "extension_nowhere",
        "Azure shows the backup extension nowhere, which rules nothing out",
        messages.EXTENSION,
        None,
        extension_seen=NOWHERE,
    ),
    Case(
        "extension_names_network",
        "The extension runs and says that its network is restricted: removing it cannot help",
        messages.EXTENSION,
        None,
        os_type="Linux",
        extension_error=RESTRICTED_NETWORK,
    ),
    make_case(
        messages.NO_NETWORK,
        NO_INTERNET,
        "network_rule_denies",
        "The extension says that it has no network, and a rule denies the way to Azure storage",
        rule_denies=True,
    ),
    Case(
        "extension_names_freeze",
        "The extension runs and says that a file system could not be frozen",
        messages.EXTENSION,
        SNAPSHOT_STATUS,
        os_type="Linux",
        extension_error=FREEZE_FAILED,
    ),
    make_case(
        messages.EXTENSION,
        BACKUP_EXTENSION,
        "extension_stuck",
        "The extension has been updating for longer than it may",
        extension="Updating",
        backup=COMPLETED,
    ),
    Case(
        "vm_gone",
        "The VM was deleted",
        messages.INTERNAL,
        None,
        backup=messages.VM_NOT_FOUND,
        vm_gone=True,
    ),
    make_case(
        messages.INTERNAL,
        LOCKED_RESTORE_POINTS,
        "job_gone",
        "The job that the alert names cannot be found",
        job_gone=True,
        **NOT_FIXED,
    ),
    Case(
        "sql_item",
        "Not a VM item: a database in a VM",
        "UserErrorParentFullBackupMissing",
        None,
        backup=None,
        status="ignored",
        sql=True,
    ),
    make_case(
        messages.INTERNAL,
        LOCKED_RESTORE_POINTS,
        "vm1_and_vm10",
        "Two VMs whose collections share a prefix; only that of vm1 may go",
        vm="vm1",
        neighbours=("vm10",),
    ),
]

CASES = [*_cases_by_code(), *SPECIAL]


def build_document(case: Case) -> dict[str, Any]:
    """The scenario as `remediator scenarios NAME --json` prints it; a new copy each
    time."""
    job_id = parts.guid("job", case.name)
    vm_id = parts.machine_id(case.group, case.vm)
    alert = alerts.sql_alert if case.sql else alerts.vm_alert
    hidden = {"hidden_extensions": [parts.extension_id(vm_id, case.os_type)]}
    return {
        "title": case.title,
        "description": (
            f"Reported: {case.code}. Cause: {case.cause or 'none that is known'}. The event and the"
            " failed job are made from documented fields; no real ones of a VM item have been"
            " published."
        ),
        "resources": _vault_alone() if case.sql else _build_resources(case, vm_id, job_id),
        "event": alert(vm_id, case.code, job_id),
        "expect": {
            "status": case.status,
            "cause": case.cause,
            "actions": list(case.actions),
            "backup": case.backup,
        },
        **(hidden if case.extension_seen == HIDDEN else {}),
    }


def _build_resources(case: Case, vm_id: str, job_id: str) -> list[Resource]:
    vms = (case.vm, *case.neighbours)
    groups = [parts.VAULT_GROUP, case.group]
    if case.collection_group:
        groups.append(case.collection_group)
    resources = [parts.group(name) for name in groups]
    for name in vms:
        resources += _build_machine(case, name)
    resources += _build_guards(case)
    resources.append(parts.vault())
    resources += [parts.protected_item(parts.machine_id(case.group, name)) for name in vms]
    if not case.job_gone:
        resources.append(parts.failed_job(vm_id, case.code, job_id))
    return resources


def _vault_alone() -> list[Resource]:
    return [parts.group(parts.VAULT_GROUP), parts.vault()]


def _build_machine(case: Case, name: str) -> list[Resource]:
    """The VM with interface and extension, unless it is gone, and its collection."""
    vm = parts.machine(case.group, name, case.os_type, case.power, case.ready, case.agent_version)
    if case.vm_state:
        parts.set_vm_state(vm, case.vm_state)
    extension = parts.backup_extension(vm, case.extension, case.extension_error)
    others = [parts.script_extension(vm, case.other_extension)] if case.other_extension else []
    if case.extension_seen in (HANDLER_ONLY, NOWHERE):
        vm["properties"]["instanceView"].pop("extensions")
    if case.extension_seen == NOWHERE:
        vm["properties"]["instanceView"]["vmAgent"]["extensionHandlers"] = []
    collection_name = f"AzureBackup_{name}"
    if name == case.vm and case.collection:
        collection_name = case.collection
    group = case.collection_group or case.group
    collection = parts.collection(group, collection_name, vm, case.points)
    if case.vm_gone:
        return [collection]
    seen = [extension] if case.extension_seen in (LISTED, HIDDEN) else []
    deny = parts.outbound("securityRules/deny-internet", 200, "Deny", "Internet", "443-443")
    groups = [parts.security_group(case.group, "nsg-app", [deny])] if case.rule_denies else None
    return [vm, parts.interface(case.group, name, groups), *seen, *others, collection]


def _build_guards(case: Case) -> list[Resource]:
    """The lock and the deny assignment that protect the collection."""
    group = ids.group_id(parts.SUBSCRIPTION, case.collection_group or case.group)
    guards = []
    if lock := case.lock:
        scope = f"/subscriptions/{parts.SUBSCRIPTION}" if lock.on_subscription else group
        guards.append(parts.lock(scope, lock.name, lock.notes, owner=lock.owner))
    if case.denied:
        name = case.collection or f"AzureBackup_{case.vm}"
        scope = f"{group}/providers/{ids.COLLECTION}/{name}"
        guards.append(parts.deny_assignment(scope, "Deployment stack stack-app"))
    return guards
