"""Steps for a person that a checker fills in from what it read, where the advice of
its cause would be too general."""

from __future__ import annotations

from shared.arm_ids import fold, parse
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
