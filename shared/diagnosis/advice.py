"""What a person is asked to do for each cause, filled in for this VM.

A command ends its step, with nothing behind it, so that it can be copied; a word in
capital letters in it is for the reader to replace. `make words` puts each through the
Azure CLI's own parser.

From the troubleshooting article that the catalogue follows and its present edition:
https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.arm_ids import parse, protected_item_id
from shared.incident.model import Incident


@dataclass(frozen=True, slots=True)
class About:
    """The names that the steps are filled in with."""

    vm: str
    group: str
    vm_id: str
    vault_id: str
    container: str
    item: str

    @classmethod
    def of(cls, incident: Incident) -> About:
        vm = parse(incident.vm_id)
        return cls(
            vm.name,
            vm.resource_group,
            incident.vm_id,
            incident.vault_id,
            incident.container_name,
            incident.item_name,
        )

    @property
    def backup_now(self) -> str:
        return f"Run a backup: az backup protection backup-now --ids '{self.item_id}'"

    @property
    def item_id(self) -> str:
        return protected_item_id(self.vault_id, self.container, self.item)

    @property
    def instance_view(self) -> str:
        return f"az vm get-instance-view --ids '{self.vm_id}' --query instanceView"


def unknown_code(incident: Incident) -> tuple[str, ...]:
    """No row in the catalogue: where the answer is, and nothing that changes anything."""
    return (
        look_at_job(incident),
        (
            f"Look the code up: {incident.code_now or 'the job names none'}, in"
            " https://learn.microsoft.com/azure/backup/backup-azure-vms-troubleshoot"
        ),
        About.of(incident).backup_now,
    )


def work_lost(incident: Incident) -> tuple[str, ...]:
    """The durable engine lost the incident's work again and again."""
    return (
        "Look at the app's log for this incident's id.",
        look_at_job(incident),
        About.of(incident).backup_now,
    )


def look_at_job(incident: Incident) -> str:
    """The command that shows what Azure Backup says of the failed job."""
    vault = parse(incident.vault_id)
    where = f"--vault-name '{vault.name}' -g '{vault.resource_group}'"
    return (
        f"Read what the job says: az backup job show --name '{incident.job_id}' {where} --query"
        " properties"
    )


def no_internet(about: About) -> tuple[str, ...]:
    return (
        (
            f"List the network interfaces of {about.vm}: az vm nic list --vm-name '{about.vm}'"
            f" --resource-group '{about.group}' --query '[].id'"
        ),
        (
            f"Find the rule that blocks {about.vm}: in the rules in effect on each interface, look"
            " for a Deny of outbound 443 (and 8443 for managed disks) with a lower priority number"
            " than any Allow: az network nic list-effective-nsg --resource-group GROUP --name"
            " NETWORK_INTERFACE"
        ),
        (
            "Allow outbound 443 to the service tag Storage of the VM's region with a lower priority"
            " number than that Deny."
        ),
        (
            "Look at the routes of each interface; an appliance that 0.0.0.0/0 leads to must let"
            f" {about.vm} reach Azure storage: az network nic show-effective-route-table"
            " --resource-group GROUP --name NETWORK_INTERFACE"
        ),
        "Where only a proxy leads out, set the proxy in the guest for the system account as well.",
        about.backup_now,
    )


def windows_agent(about: About) -> tuple[str, ...]:
    return (
        (
            f"In {about.vm} (group {about.group}) open services.msc and restart Windows Azure Guest"
            " Agent (WindowsAzureGuestAgent, RdAgent)."
        ),
        (
            "If the service is missing, look in Programs and Features; uninstall what is left of"
            " the agent there."
        ),
        (
            "Install the newest agent MSI (https://go.microsoft.com/fwlink/?LinkID=394789) as an"
            " administrator and see that the service runs."
        ),
        "See that .NET Framework 4.5 or newer is installed: the agent needs it.",
        f"See that the agent is Ready: {about.instance_view}",
        about.backup_now,
    )


def linux_agent(about: About) -> tuple[str, ...]:
    return (
        (
            f"On {about.vm} (group {about.group}) update the agent from the distribution's own"
            " repository (Ubuntu and Debian: sudo apt-get install --only-upgrade walinuxagent;"
            " RHEL: sudo yum update WALinuxAgent; SUSE: sudo zypper update python-azure-agent),"
            " never from GitHub."
        ),
        (
            "See that it runs (ps -e | grep -i waagent); restart it: sudo systemctl restart"
            " walinuxagent (Ubuntu, Debian) or sudo systemctl restart waagent (others)."
        ),
        (
            "Let it restart by itself after a crash:"
            " https://github.com/Azure/WALinuxAgent/wiki/Known-Issues"
        ),
        about.backup_now,
        (
            "If it fails again, set Logs.Verbose=y in /etc/waagent.conf, restart the agent, and"
            " collect /var/lib/waagent/*.xml, /var/log/waagent.log and /var/log/azure/*."
        ),
    )


def snapshot_status(about: About) -> tuple[str, ...]:
    return (
        f"See whether Azure's state of {about.vm} is right: {about.instance_view}",
        (
            "If the VM was shut down from inside (Remote Desktop, shutdown), stop it through Azure"
            f" so that the state is right: az vm deallocate --ids '{about.vm_id}'"
        ),
        f"Or start it: az vm start --ids '{about.vm_id}'",
        (
            "If it runs: see that DHCP is on in the guest (option 245 brings the host's address). A"
            " static private address belongs on the network interface in Azure, not in the guest."
        ),
        about.backup_now,
    )


def backup_extension(about: About) -> tuple[str, ...]:
    return (
        f"See that {about.vm} runs and its agent is Ready: {about.instance_view}",
        (
            "On Windows, uninstall the backup extension; the next backup installs it again: az vm"
            f" extension delete --vm-name '{about.vm}' --resource-group '{about.group}' --name"
            " VMSnapshot"
        ),
        (
            f"On Linux it has another name: az vm extension delete --vm-name '{about.vm}'"
            f" --resource-group '{about.group}' --name VMSnapshotLinux"
        ),
        about.backup_now,
    )


def locked_restore_points(about: About) -> tuple[str, ...]:
    return (
        (
            f"Find the collections of {about.vm}: az restore-point collection list-all --query"
            f" \"[?source.id=='{about.vm_id}' && starts_with(name,'AzureBackup_')].id\""
        ),
        (
            "For each, list the locks at and above it, and write down scope, name, level and notes:"
            " az lock list --resource-group GROUP --resource COLLECTION --resource-type"
            " Microsoft.Compute/restorePointCollections --filter-string 'atScope()'"
        ),
        (
            "Whoever owns the lock on the group takes it off: az lock delete --name=LOCK"
            " --resource-group GROUP"
        ),
        (
            "Delete the collection: az restore-point collection delete --resource-group GROUP"
            " --collection-name COLLECTION --yes"
        ),
        (
            "Put the same lock back at once, with its own level and notes: az lock create"
            " --name=LOCK --lock-type CanNotDelete --notes=NOTES --resource-group GROUP"
        ),
        about.backup_now,
    )


def vm_gone(about: About) -> tuple[str, ...]:
    return (
        f"{about.vm_id} does not exist any more, but the vault still tries to back it up.",
        (
            "If that is right, stop its protection and decide whether its recovery points are kept:"
            f" az backup protection disable --yes --ids '{about.item_id}'"
        ),
    )
