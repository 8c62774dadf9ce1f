"""Steps for a person that a checker fills in from what it read, where the advice of
its cause would be too general."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from shared.arm_ids import fold, parse
from shared.facts import Lock
from shared.incident.model import Target
from shared.sentences import Sentence, phrase

MANAGE_PAGE = "https://learn.microsoft.com/azure/backup/backup-azure-manage-vms"
TROUBLESHOOT_PAGE = "https://learn.microsoft.com/azure/backup/backup-azure-vms-troubleshoot"
WINDOWS_PLUGIN = r"C:\Packages\Plugins\Microsoft.Azure.RecoveryServices.VMSnapshot"
WINDOWS_STATE = (
    r"HKLM\SOFTWARE\Microsoft\Windows Azure\HandlerState"
    r"\Microsoft.Azure.RecoveryServices.VMSnapshot_*"
)
LINUX_PLUGIN = "/var/lib/waagent/Microsoft.Azure.RecoveryServices.VMSnapshotLinux-*"


def remove_extension_in_guest(os_type: str) -> tuple[Sentence, ...]:
    """What is left to do in the guest where removing the extension through Azure did
    not help, or is not possible.

    https://learn.microsoft.com/azure/backup/backup-azure-manage-vms
    """
    on_windows = (
        phrase("guest_stop_agent", command="Stop-Service RdAgent, WindowsAzureGuestAgent"),
        phrase("guest_rename_plugin", folder=WINDOWS_PLUGIN),
        phrase("guest_delete_state", key=WINDOWS_STATE),
        phrase("guest_set_values_and_restart", page=MANAGE_PAGE),
    )
    on_linux = (phrase("guest_delete_plugin", folder=LINUX_PLUGIN, page=MANAGE_PAGE),)
    known = {"windows": on_windows, "linux": on_linux}
    return known.get(fold(os_type), (*on_windows, *on_linux))


def mend_file_system(vm: str) -> tuple[Sentence, ...]:
    """What to look at where a file system could not be frozen for a snapshot.

    https://learn.microsoft.com/azure/backup/backup-azure-vms-troubleshoot
    """
    return (
        phrase("look_at_mount", vm=vm, command="cat /proc/mounts"),
        phrase("mend_mount", page=TROUBLESHOOT_PAGE),
    )


def open_way_to_storage(vm: str, group: str) -> tuple[Sentence, ...]:
    """How to find what keeps a VM from Azure storage, and to open the way."""
    return (
        phrase(
            "list_interfaces",
            vm=vm,
            command=(f"az vm nic list --vm-name '{vm}' --resource-group '{group}' --query '[].id'"),
        ),
        phrase(
            "find_blocking_rule",
            vm=vm,
            command=(
                "az network nic list-effective-nsg --resource-group GROUP --name NETWORK_INTERFACE"
            ),
        ),
        phrase("allow_storage"),
        phrase(
            "look_at_routes",
            vm=vm,
            command=(
                "az network nic show-effective-route-table --resource-group GROUP"
                " --name NETWORK_INTERFACE"
            ),
        ),
        phrase("set_proxy"),
    )


def allow_storage(group_id: str, rule: str, priority: int | None, tag: str) -> Sentence:
    """How to let a VM reach Azure storage past a rule that denies it. `priority`: the
    number of the new rule; None where none is free ahead of that rule."""
    if "/networksecuritygroups/" not in fold(group_id):
        return phrase("mend_manager_rule", rule=rule, manager=group_id or "?", tag=tag)
    nsg = parse(group_id)
    if priority is None:
        return phrase(
            "make_room_for_rule",
            rule=rule,
            command=(
                f"az network nsg rule update --resource-group '{nsg.resource_group}'"
                f" --nsg-name '{nsg.name}' --name '{rule}' --priority PRIORITY"
            ),
        )
    return phrase(
        "allow_storage_rule",
        rule=rule,
        tag=tag,
        command=(
            f"az network nsg rule create --resource-group '{nsg.resource_group}'"
            f" --nsg-name '{nsg.name}' --name AllowStorageForBackup --priority {priority}"
            " --direction Outbound --access Allow --protocol Tcp"
            f" --destination-address-prefixes {tag} --destination-port-ranges 443 8443"
        ),
    )


def take_off(lock: Lock, refuses: Sentence) -> Sentence:
    """A lock that will refuse something, named, with the command that takes it off: it
    is its owner's to decide."""
    return phrase(
        "lock_refuses",
        name=lock.name,
        level=lock.level,
        scope=lock.scope,
        refuses=refuses,
        command=f"az lock delete --ids {shlex.quote(lock.id)}",
    )


def put_back(lock: Lock) -> str:
    """The command that puts this lock back, for a POSIX shell.

    Name and notes are joined to their options by `=`: one that begins with a dash would
    be read as an option. https://learn.microsoft.com/cli/azure/lock#az-lock-create
    """
    scope = parse(lock.scope)
    where = f"--subscription {shlex.quote(scope.subscription)}"
    if scope.provider:
        where += f" --resource {shlex.quote(scope.text)}"
    elif scope.resource_group:
        where += f" --resource-group {shlex.quote(scope.resource_group)}"
    notes = f" --notes={shlex.quote(lock.notes)}" if lock.notes else ""
    return f"az lock create --name={shlex.quote(lock.name)} --lock-type {lock.level} {where}{notes}"


def unlock_collections(targets: Iterable[Target]) -> tuple[Sentence, ...]:
    """How the locked collections of a VM are deleted by hand: each lock off, each
    collection away, each lock back."""
    targets = tuple(targets)
    locks = {fold(lock.id): lock for target in targets for lock in target.locks}
    return (
        *(take_off(lock, phrase("clean_up")) for lock in locks.values()),
        *(_delete_collection(target.id) for target in targets),
        *(phrase("put_lock_back", command=put_back(lock)) for lock in locks.values()),
    )


def _delete_collection(collection_id: str) -> Sentence:
    collection = parse(collection_id)
    command = (
        f"az restore-point collection delete --yes --subscription {collection.subscription}"
        f" --resource-group {shlex.quote(collection.resource_group)}"
        f" --collection-name {shlex.quote(collection.name)}"
    )
    return phrase("delete_collection", command=command)


def mend_extension(vm_id: str, name: str, handler: str) -> tuple[Sentence, ...]:
    """An extension that failed and that is not ours. `name`: "" where only its handler
    is seen."""
    if not name:
        return (phrase("handler_failed", handler=handler),)
    which = f"--ids {shlex.quote(f'{vm_id}/extensions/{name}')}"
    return (
        phrase(
            "see_failed_extension",
            name=name,
            handler=handler,
            command=f"az vm extension show --instance-view {which}",
        ),
        phrase("mend_extension", command=f"az vm extension delete {which}"),
    )


def uninstall(targets: Iterable[Target]) -> tuple[Sentence, ...]:
    """The removal of the backup extension, under the name that a GET found."""
    return tuple(
        phrase(
            "uninstall_by_name",
            name=parse(target.id).name,
            command=f"az vm extension delete --ids {shlex.quote(target.id)}",
        )
        for target in targets
    )


def wait_for_extension(extension_id: str) -> tuple[Sentence, ...]:
    """An operation works on the backup extension: it is not removed in the middle of
    it."""
    name, which = parse(extension_id).name, f"--ids {shlex.quote(extension_id)}"
    return (
        phrase(
            "wait_for_extension",
            name=name,
            command=f"az vm extension wait --updated {which}",
        ),
        phrase(
            "remove_stuck_extension",
            command=f"az vm extension delete {which}",
        ),
    )


def reapply(vm_id: str) -> Sentence:
    """For a VM that stays in a failed state once its extensions are mended."""
    return phrase("reapply_vm", command=f"az vm reapply --ids '{vm_id}'")
