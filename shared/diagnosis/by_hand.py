"""Steps for a person that a checker fills in from what it read, where the advice of
its cause would be too general."""

from __future__ import annotations

import json
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
INSTALL_AGAIN = (
    r'REG ADD "HKLM\SOFTWARE\Microsoft\BcdrAgent" /v IsProviderInstalled /t REG_SZ /d False /f',
    r'REG ADD "HKLM\SOFTWARE\Microsoft\BcdrAgentPersistentKeys" /v IsCommonProviderInstalled'
    " /t REG_SZ /d False /f",
)
END_ACCESS = "az rest --method post --url 'DISK_ID/endGetAccess?api-version=2025-01-02'"
DISKS_OF_POINTS = (
    "restorePoints[].sourceMetadata.storageProfile.[osDisk,dataDisks][][].diskRestorePoint.id"
)
DENY_DELETION = "78460a36-508a-49a4-b2b2-2f5ec564f4bb"
"""Built-in policy definition "Do not allow deletion of resource types"."""
DENIED_BY_POLICY = "RequestDisallowedByPolicy"
DENIED_BY_ASSIGNMENT = "DenyAssignmentAuthorizationFailed"
DENY_ACTION_PAGE = "https://learn.microsoft.com/azure/governance/policy/concepts/effect-deny-action"
VIRTUAL_MACHINES = "Microsoft.Compute/virtualMachines"
FAQ = "https://learn.microsoft.com/azure/backup/backup-azure-vm-backup-faq"
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
        *(phrase("guest_set_value", command=command) for command in INSTALL_AGAIN),
        phrase("guest_restart", page=MANAGE_PAGE),
    )
    on_linux = (phrase("guest_delete_plugin", folder=LINUX_PLUGIN, page=MANAGE_PAGE),)
    known = {"windows": on_windows, "linux": on_linux}
    return known.get(fold(os_type), (*on_windows, *on_linux))


def start_for_removal(vm_id: str) -> Sentence:
    return phrase("start_for_removal", command=f"az vm start --ids '{vm_id}'")


def see_instance_view(vm_id: str) -> str:
    """The command that shows power state, provisioning state and agent."""
    return f"az vm get-instance-view --ids '{vm_id}' --query instanceView"


def reapply_vm(vm_id: str) -> tuple[Sentence, ...]:
    """For a VM in provisioning state Failed.

    https://learn.microsoft.com/azure/backup/backup-azure-vms-troubleshoot
    """
    return (
        phrase("see_failed_state", command=see_instance_view(vm_id)),
        phrase("reapply_vm", command=f"az vm reapply --ids '{vm_id}'"),
    )


def wait_for_operation(vm_id: str) -> tuple[Sentence, ...]:
    """For a VM on which an operation works, or is stuck."""
    return (
        phrase("see_operation", vm=parse(vm_id).name, command=see_instance_view(vm_id)),
        phrase("wait_for_vm", command=f"az vm wait --updated --ids '{vm_id}'"),
        phrase("reapply_stuck_vm", command=f"az vm reapply --ids '{vm_id}'"),
    )


def mend_file_system(vm: str, mount: str) -> tuple[Sentence, ...]:
    """What to look at where a file system could not be frozen for a snapshot. `mount`:
    the path that the extension names, or "".

    https://learn.microsoft.com/azure/backup/backup-azure-vms-troubleshoot
    """
    return (
        phrase(
            "look_at_mount",
            vm=vm,
            command=f"findmnt --target {shlex.quote(mount)}" if mount else "cat /proc/mounts",
        ),
        phrase("mend_mount", page=TROUBLESHOOT_PAGE),
    )


def remove_lock(lock: Lock) -> Sentence:
    """The command with which its owner removes a lock that we never lift.

    https://learn.microsoft.com/cli/azure/lock#az-lock-delete
    """
    return phrase(
        "remove_lock",
        name=lock.name,
        level=lock.level,
        scope=lock.scope,
        command=delete_lock(lock),
    )


def delete_lock(lock: Lock) -> str:
    """The command that removes this lock, for a POSIX shell. Not by `--ids`: the Azure
    CLI ignores the subscription in the id of a lock."""
    return f"az lock delete --name={shlex.quote(lock.name)} {name_scope(lock.scope)}"


def name_scope(lock_scope: str) -> str:
    """The options that name what a lock is on, for a POSIX shell."""
    scope, where = parse(lock_scope), name_subscription(lock_scope)
    if scope.provider:
        return f"{where} --resource {shlex.quote(scope.text)}"
    if scope.resource_group:
        return f"{where} --resource-group {shlex.quote(scope.resource_group)}"
    return where


def name_subscription(resource_id: str) -> str:
    """The option that names the subscription of this resource, for a POSIX shell whose
    default subscription may be another one. A command with `--ids` needs none."""
    return f"--subscription {shlex.quote(parse(resource_id).subscription)}"


def end_access(collection_id: str) -> tuple[Sentence, ...]:
    """How to end the use of restore points: a collection with one whose disk has a
    shared access signature cannot be deleted. Azure does not show which disk that is.

    https://learn.microsoft.com/azure/virtual-machines/restore-point-troubleshooting
    """
    which = parse(collection_id)
    return (
        phrase(
            "list_disks_of_points",
            collection=which.name,
            command=(
                f"az restore-point collection show --collection-name {shlex.quote(which.name)}"
                f" --resource-group {shlex.quote(which.resource_group)}"
                f" {name_subscription(collection_id)} --restore-points"
                f" --query '{DISKS_OF_POINTS}'"
            ),
        ),
        phrase("end_access", command=END_ACCESS),
    )


def free_backup_group(vm_id: str, lock_ids: Iterable[str]) -> tuple[Sentence, ...]:
    """What the owner of locks on groups of Azure Backup's restore points is told: to
    remove them, what protects the VM in their stead, and what may set them again.

    https://learn.microsoft.com/azure/backup/backup-azure-vm-backup-faq
    """
    unlock = tuple(_unlock_backup_group(lock_id) for lock_id in lock_ids)
    return (*unlock, *protect_otherwise(vm_id, lock_ids))


def protect_otherwise(vm_id: str, lock_ids: Iterable[str]) -> tuple[Sentence, ...]:
    """What protects the VM in the stead of these locks, and what may set them again."""
    return (*protect_vm(vm_id), *_find_policy(lock_ids)) if lock_ids else ()


def _unlock_backup_group(lock_id: str) -> Sentence:
    scope, name = lock_id.rsplit("/", 4)[0], lock_id.rsplit("/", 1)[1]
    return phrase(
        "unlock_backup_group",
        group=parse(scope).name,
        page=FAQ,
        command=f"az lock delete --name={shlex.quote(name)} {name_scope(scope)}",
    )


def protect_vm(vm_id: str) -> tuple[Sentence, ...]:
    """Azure Policy that refuses the deletion of VMs, and of nothing that a backup
    deletes: unlike a lock it does not stop the clean-up of restore points."""
    group_id = vm_id.split("/providers/", 1)[0]
    kinds = {"listOfResourceTypesDisallowedForDeletion": {"value": [VIRTUAL_MACHINES]}}
    command = (
        f"az policy assignment create --name keep-vms --scope {shlex.quote(group_id)}"
        f" {name_subscription(vm_id)}"
        f" --policy {DENY_DELETION} --params {shlex.quote(json.dumps(kinds))}"
    )
    return (phrase("protect_vm", page=DENY_ACTION_PAGE, command=command),)


def _find_policy(lock_ids: Iterable[str]) -> tuple[Sentence, ...]:
    """A policy of effect deployIfNotExists that sets locks sets one again on a group
    that changes.

    https://learn.microsoft.com/azure/governance/policy/concepts/effect-deploy-if-not-exists
    """
    scopes = dict.fromkeys(lock_id.rsplit("/", 4)[0] for lock_id in lock_ids)
    return tuple(
        phrase(
            "find_locking_policy",
            group=parse(scope).name,
            command=(
                f"az policy assignment list --scope {shlex.quote(scope)}"
                f" {name_subscription(scope)} --disable-scope-strict-match"
                " --query '[].[id,displayName,policyDefinitionId,notScopes]'"
            ),
        )
        for scope in scopes
    )


def convert_disks(vm_id: str) -> tuple[Sentence, ...]:
    """https://learn.microsoft.com/azure/virtual-machines/unmanaged-disks-deprecation"""
    return (
        phrase("deallocate_to_convert", command=f"az vm deallocate --ids '{vm_id}'"),
        phrase("convert_disks", command=f"az vm convert --ids '{vm_id}'"),
        phrase("start_vm", command=f"az vm start --ids '{vm_id}'"),
    )


def open_way_to_storage(
    vm_id: str, interfaces: Iterable[str] = (), tag: str = ""
) -> tuple[Sentence, ...]:
    """How to find what keeps a VM from Azure storage, and to open the way.
    `interfaces`: ids of the VM's network interfaces, `tag`: service tag of Azure
    storage in its region; without them the steps say how to find both."""
    named, where = parse(vm_id), name_subscription(vm_id)
    vm, group = named.name, named.resource_group
    looks = [
        (phrase("the_interface", interface=parse(each).name), shlex.quote(each))
        for each in interfaces
    ]
    first = () if looks else (_list_interfaces(vm, group, where),)
    if not looks:
        any_nic = (
            f"/subscriptions/{named.subscription}/resourceGroups/GROUP/providers"
            "/Microsoft.Network/networkInterfaces/NETWORK_INTERFACE"
        )
        looks = [(phrase("each_interface"), any_nic)]
    return (
        *first,
        *(_find_blocking_rule(vm, interface, nic_id) for interface, nic_id in looks),
        phrase("allow_storage", tag=tag or phrase("storage_of_region")),
        *(_look_at_routes(vm, interface, nic_id) for interface, nic_id in looks),
        phrase("set_proxy"),
    )


def _list_interfaces(vm: str, group: str, where: str) -> Sentence:
    command = f"az vm nic list --vm-name '{vm}' --resource-group '{group}' {where} --query '[].id'"
    return phrase("list_interfaces", vm=vm, command=command)


def _find_blocking_rule(vm: str, interface: Sentence, nic_id: str) -> Sentence:
    command = f"az network nic list-effective-nsg --ids {nic_id}"
    return phrase("find_blocking_rule", vm=vm, interface=interface, command=command)


def _look_at_routes(vm: str, interface: Sentence, nic_id: str) -> Sentence:
    command = f"az network nic show-effective-route-table --ids {nic_id}"
    return phrase("look_at_routes", vm=vm, interface=interface, command=command)


def allow_storage(group_id: str, rule: str, priority: int | None, tag: str) -> Sentence:
    """How to let a VM reach Azure storage past a rule that denies it. `priority`: the
    number of the new rule; None where none is free ahead of that rule."""
    if "/networksecuritygroups/" not in fold(group_id):
        return phrase("mend_manager_rule", rule=rule, manager=group_id or "?", tag=tag)
    nsg, where = parse(group_id), name_subscription(group_id)
    if priority is None:
        return phrase(
            "make_room_for_rule",
            rule=rule,
            command=(
                f"az network nsg rule update --resource-group '{nsg.resource_group}'"
                f" --nsg-name '{nsg.name}' {where} --name '{rule}' --priority PRIORITY"
            ),
        )
    return phrase(
        "allow_storage_rule",
        rule=rule,
        tag=tag,
        command=(
            f"az network nsg rule create --resource-group '{nsg.resource_group}'"
            f" --nsg-name '{nsg.name}' {where}"
            f" --name AllowStorageForBackup --priority {priority}"
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
        command=delete_lock(lock),
    )


def allow_extension(extension: str, assignment_id: str) -> Sentence | None:
    """What comes before an extension is removed that a policy would keep from coming
    back; None where Azure does not name the assignment."""
    scope, _, name = assignment_id.rpartition("/providers/Microsoft.Authorization/")
    if not scope:
        return None
    return phrase(
        "allow_extension",
        extension=extension,
        command=(
            f"az policy assignment show --name {shlex.quote(name.rpartition('/')[2])}"
            f" --scope {shlex.quote(scope)}"
        ),
    )


def ask_governance(code: str, group_id: str, *, lock_stays: bool) -> tuple[Sentence, ...]:
    """Where Azure refused a change with this `error.code` because of an Azure Policy or
    a deny assignment, which refuses it to a person too; () with any other code.
    `lock_stays`: it was a lock that could not be written.

    https://learn.microsoft.com/azure/governance/policy/concepts/exemption-structure
    https://learn.microsoft.com/azure/role-based-access-control/deny-assignments
    """
    group = parse(group_id).resource_group
    if fold(code) == fold(DENIED_BY_POLICY):
        command = (
            "az policy exemption create --name backup-repair --exemption-category Waiver"
            f" --policy-assignment ASSIGNMENT_ID --scope {shlex.quote(group_id)}"
            f" {name_subscription(group_id)}"
        )
        keep = (phrase("leave_lock_on"),) if lock_stays else ()
        return (*keep, phrase("exempt_from_policy", group=group, command=command))
    if fold(code) == fold(DENIED_BY_ASSIGNMENT):
        command = (
            f"az rest --method get --url '{group_id}/providers/Microsoft.Authorization"
            "/denyAssignments?api-version=2022-04-01'"
        )
        return (phrase("exclude_from_deny", group=group, command=command),)
    return ()


def put_back(lock: Lock) -> str:
    """The command that puts this lock back, for a POSIX shell.

    Name and notes are joined to their options by `=`: one that begins with a dash would
    be read as an option. https://learn.microsoft.com/cli/azure/lock#az-lock-create
    """
    where = name_scope(lock.scope)
    notes = f" --notes={shlex.quote(lock.notes)}" if lock.notes else ""
    return f"az lock create --name={shlex.quote(lock.name)} --lock-type {lock.level} {where}{notes}"


def unlock_collections(
    targets: Iterable[Target], lasting: Iterable[str] = ()
) -> tuple[Sentence, ...]:
    """How the locked collections of a VM are deleted by hand: each lock off, each
    collection away, each lock back. `lasting`: ids of the locks under which the failure
    comes back, and which are better left off."""
    targets, lasting = tuple(targets), {fold(each) for each in lasting}
    locks = {fold(lock.id): lock for target in targets for lock in target.locks}
    return (
        *(take_off(lock, phrase("clean_up")) for lock in locks.values()),
        *(_delete_collection(target.id) for target in targets),
        *(_end_unlocking(lock, fold(lock.id) in lasting) for lock in locks.values()),
    )


def _end_unlocking(lock: Lock, lasting: bool) -> Sentence:
    if not lasting:
        return phrase("put_lock_back", command=put_back(lock))
    group = parse(lock.scope).name
    return phrase("leave_lock_off", group=group, page=FAQ, command=put_back(lock))


def _delete_collection(collection_id: str) -> Sentence:
    collection = parse(collection_id)
    command = (
        f"az restore-point collection delete --yes {name_subscription(collection_id)}"
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
