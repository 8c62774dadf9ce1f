"""What a person is asked to do for each cause, filled in for this VM.

The words are in shared/sentences.toml, the commands here. A command ends its step,
with nothing behind it, so that it can be copied; a word in capital letters in it is for
the reader to replace. `make words` puts each through the Azure CLI's own parser.

From the troubleshooting article that the catalogue follows and its present edition:
https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.arm_ids import parse, protected_item_id
from shared.diagnosis.agent_steps import mend_linux_agent, mend_windows_agent
from shared.diagnosis.by_hand import (
    name_subscription,
    open_way_to_storage,
    reapply,
    see_instance_view,
)
from shared.incident.model import NOT_FOUND, Incident
from shared.sentences import Sentence, phrase


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
    def backup_now(self) -> Sentence:
        return phrase(
            "run_backup", command=f"az backup protection backup-now --ids '{self.item_id}'"
        )

    @property
    def see_points(self) -> Sentence:
        """What the deletion of a collection rests on, by hand as well."""
        which_vault = _name_vault(self.vault_id)
        return phrase(
            "see_points",
            vm=self.vm,
            command=(
                f"az backup recoverypoint list {which_vault}"
                f" --container-name '{self.container}' --item-name '{self.item}'"
                " --backup-management-type AzureIaasVM --workload-type VM --query"
                " '[].properties.[recoveryPointTime,recoveryPointTierDetails[].[type,status],"
                "threatStatus,recoveryPointProperties.isSoftDeleted]'"
            ),
        )

    @property
    def item_id(self) -> str:
        return protected_item_id(self.vault_id, self.container, self.item)

    @property
    def instance_view(self) -> str:
        return see_instance_view(self.vm_id)

    @property
    def subscription(self) -> str:
        """The option that names the subscription of the VM."""
        return name_subscription(self.vm_id)

    @property
    def which_vm(self) -> str:
        """The options that name the VM to a command for its extensions."""
        return f"--vm-name '{self.vm}' --resource-group '{self.group}' {self.subscription}"


COMMON_ISSUES = "https://learn.microsoft.com/azure/backup/backup-azure-vms-troubleshoot"


def unknown_code(incident: Incident, page: str = COMMON_ISSUES) -> tuple[Sentence, ...]:
    """For a code that does not say what failed: where to look, and nothing that changes
    anything."""
    return (
        look_at_job(incident),
        phrase("look_up_code", code=incident.code_now or phrase("no_code"), page=page),
        About.of(incident).backup_now,
    )


def work_lost(incident: Incident) -> tuple[Sentence, ...]:
    """The durable engine lost the incident's work again and again."""
    return (
        phrase("look_at_app_log"),
        look_at_job(incident),
        About.of(incident).backup_now,
    )


def look_at_job(incident: Incident) -> Sentence:
    """The command that shows what Azure Backup says of the job that failed last: that
    of a backup of ours where it did not complete."""
    return phrase("read_job", command=_show_job(incident, _last_job(incident)))


def look_at_warnings(incident: Incident, job_id: str) -> Sentence:
    """For a backup that ended as CompletedWithWarnings."""
    return phrase("read_warnings", job=job_id, command=_show_job(incident, job_id))


def _last_job(incident: Incident) -> str:
    newest, shown = incident.newest_failure, incident.verification
    ended = shown is not None and shown.outcome not in ("", NOT_FOUND) and not shown.completed
    if shown is not None and ended and (newest is None or shown.began_at >= newest.began_at):
        return shown.job_id
    return newest.job_id if newest else incident.job_id


def _show_job(incident: Incident, job_id: str) -> str:
    which_vault = _name_vault(incident.vault_id)
    return f"az backup job show --name '{job_id}' {which_vault} --query properties"


def _name_vault(vault_id: str) -> str:
    """The options that name the vault to a command of Azure Backup."""
    vault, where = parse(vault_id), name_subscription(vault_id)
    return f"--vault-name '{vault.name}' -g '{vault.resource_group}' {where}"


def no_internet(about: About) -> tuple[Sentence, ...]:
    return (*open_way_to_storage(about.vm_id), about.backup_now)


def windows_agent(about: About) -> tuple[Sentence, ...]:
    return (
        *mend_windows_agent(about.vm, about.group),
        phrase("see_agent_ready", command=about.instance_view),
        about.backup_now,
    )


def linux_agent(about: About) -> tuple[Sentence, ...]:
    """For any distribution: a finding that knows it has steps of its own."""
    return (
        *mend_linux_agent(about.vm, about.group, None),
        phrase("see_agent_ready", command=about.instance_view),
        about.backup_now,
    )


def snapshot_status(about: About) -> tuple[Sentence, ...]:
    return (
        phrase("see_state", vm=about.vm, command=about.instance_view),
        phrase("deallocate", command=f"az vm deallocate --ids '{about.vm_id}'"),
        phrase("start_vm", command=f"az vm start --ids '{about.vm_id}'"),
        phrase("see_dhcp"),
        about.backup_now,
    )


def backup_extension(about: About) -> tuple[Sentence, ...]:
    return (
        phrase("see_running", vm=about.vm, command=about.instance_view),
        phrase(
            "uninstall_on_windows",
            command=f"az vm extension delete {about.which_vm} --name VMSnapshot",
        ),
        phrase(
            "uninstall_on_linux",
            command=f"az vm extension delete {about.which_vm} --name VMSnapshotLinux",
        ),
        about.backup_now,
    )


def locked_restore_points(about: About) -> tuple[Sentence, ...]:
    return (
        about.see_points,
        phrase(
            "find_collections",
            vm=about.vm,
            command=(
                f"az restore-point collection list-all {about.subscription} --query"
                f" \"[?source.id=='{about.vm_id}' && starts_with(name,'AzureBackup_')].id\""
            ),
        ),
        phrase(
            "list_locks",
            command=(
                f"az lock list {about.subscription} --resource-group GROUP"
                " --resource COLLECTION --resource-type"
                " Microsoft.Compute/restorePointCollections --filter-string 'atScope()'"
            ),
        ),
        phrase(
            "take_lock_off",
            command=f"az lock delete --name=LOCK {about.subscription} --resource-group GROUP",
        ),
        phrase(
            "delete_collection",
            command=(
                f"az restore-point collection delete --yes {about.subscription}"
                " --resource-group GROUP --collection-name COLLECTION"
            ),
        ),
        phrase(
            "put_lock_back",
            command=(
                "az lock create --name=LOCK --lock-type CanNotDelete --notes=NOTES"
                f" {about.subscription} --resource-group GROUP"
            ),
        ),
        about.backup_now,
    )


def failed_state(about: About) -> tuple[Sentence, ...]:
    return (
        phrase(
            "list_extensions",
            vm=about.vm,
            command=f"{about.instance_view}.extensions",
        ),
        phrase(
            "mend_extension",
            command=f"az vm extension delete {about.which_vm} --name EXTENSION",
        ),
        reapply(about.vm_id),
        about.backup_now,
    )


def other_operation(about: About) -> tuple[Sentence, ...]:
    which_vault = _name_vault(about.vault_id)
    return (
        phrase("see_operation", vm=about.vm, command=about.instance_view),
        phrase("wait_for_vm", command=f"az vm wait --updated --ids '{about.vm_id}'"),
        phrase(
            "list_running_jobs",
            command=f"az backup job list {which_vault} --status InProgress",
        ),
        about.backup_now,
    )


def vm_gone(about: About) -> tuple[Sentence, ...]:
    """The VM was deleted, moved or renamed; Azure Backup protects it by its old id.

    https://learn.microsoft.com/azure/backup/backup-azure-vms-troubleshoot
    """
    which_vault = _name_vault(about.vault_id)
    return (
        phrase("vm_gone", vm_id=about.vm_id),
        phrase(
            "find_moved_vm",
            vm=about.vm,
            command=(
                f"az resource list --name '{about.vm}' {about.subscription}"
                " --resource-type Microsoft.Compute/virtualMachines --query '[].id'"
            ),
        ),
        phrase(
            "find_who_moved_vm",
            command=(
                f"az monitor activity-log list {about.subscription}"
                f" --resource-group '{about.group}' --offset 30d"
                " --query \"[?contains(operationName.value,'virtualMachines') ||"
                " contains(operationName.value,'moveResources')]"
                '.[eventTimestamp,caller,operationName.value,resourceId]"'
            ),
        ),
        phrase(
            "protect_moved_vm",
            command=(
                "az backup protection enable-for-vm --policy-name POLICY --vm NEW_VM_ID"
                f" {which_vault}"
            ),
        ),
        phrase(
            "stop_protection",
            command=f"az backup protection disable --yes --ids '{about.item_id}'",
        ),
    )
