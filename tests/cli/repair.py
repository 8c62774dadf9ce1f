"""The article's repair of cause 6 by hand, and what a person reads on the way: a row a
command, in order.

https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from local import scenarios
from local.simulator import ids
from shared.diagnosis.advice import About
from shared.execution.lock_window.words import by_hand
from shared.facts import Lock
from tests.cli.azure import PRINCIPAL
from tests.cli.client import Ran

SCENARIO = "winmanagedvm"
SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
GROUP_ID, VAULT_GROUP = f"{SUBSCRIPTION}/resourceGroups/winvaultrg", "rg-backup"
VM_ID = f"{GROUP_ID}/providers/Microsoft.Compute/virtualMachines/winmanagedvm"
VAULT_ID = (
    f"{SUBSCRIPTION}/resourceGroups/{VAULT_GROUP}"
    "/providers/Microsoft.RecoveryServices/vaults/vault-backup"
)
COLLECTION = "AzureBackup_winmanagedvm"
CONTAINER, ITEM = (
    "IaasVMContainer;iaasvmcontainerv2;winvaultrg;winmanagedvm",
    "VM;iaasvmcontainerv2;winvaultrg;winmanagedvm",
)
ITEM_ID = f"{VAULT_ID}/backupFabrics/Azure/protectionContainers/{CONTAINER}/protectedItems/{ITEM}"
OF_VAULT = f"--resource-group {VAULT_GROUP} --vault-name vault-backup"
ABOUT = About("winmanagedvm", "winvaultrg", VM_ID, VAULT_ID, CONTAINER, ITEM)
LOCK_ID = f"{GROUP_ID}/providers/Microsoft.Authorization/locks/winvaultrg-lock"
DELETE_COLLECTION = (
    f"az restore-point collection delete --resource-group winvaultrg --collection-name {COLLECTION}"
    " --yes"
)
ROLE_ASSIGNMENT = {
    "id": (
        f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments/66666666-6666-6666-6666-666666666666"
    ),
    "name": "66666666-6666-6666-6666-666666666666",
    "type": "Microsoft.Authorization/roleAssignments",
    "properties": {
        "principalId": PRINCIPAL,
        "principalType": "ServicePrincipal",
        "scope": SUBSCRIPTION,
        "roleDefinitionId": (
            f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{PRINCIPAL}"
        ),
    },
}

type Check = Callable[[Ran], bool]


@dataclass(frozen=True, slots=True)
class Step:
    """`right` checks the output; `refused` is the code with which the command must
    fail."""

    command: str
    right: Check = lambda _: True
    refused: str = ""

    def problem(self, ran: Ran) -> str:
        if self.refused:
            return (
                ""
                if ran.code and f"({self.refused})" in ran.err
                else f"not refused with {self.refused}: {ran.err or ran.out}"
            )
        if ran.code:
            return ran.err or f"exit code {ran.code}"
        try:
            right = self.right(ran)
        except (LookupError, TypeError, ValueError) as error:
            return f"printed something else ({error!r}): {ran.out[:1500]}"
        return "" if right else f"printed something else: {ran.out[:1500]}"


def state() -> dict[str, Any]:
    """The failed backup of a VM whose restore points a lock keeps, and a role that
    somebody holds."""
    document = scenarios.load(SCENARIO)
    return {**document, "resources": [*document["resources"], ROLE_ASSIGNMENT]}


def lock_before(document: dict[str, Any]) -> Lock:
    held = next(each for each in document["resources"] if ids.key(each["id"]) == ids.key(LOCK_ID))
    return Lock(
        held["id"], held["name"], held["properties"]["level"], held["properties"].get("notes"), ()
    )


def look() -> Iterator[Step]:
    """What is read before anything is done."""
    yield Step("az account show", lambda ran: ran.json["id"] == SUBSCRIPTION.rsplit("/", 1)[1])
    yield Step("az backup vault list", has(VAULT_ID))
    yield Step(
        f"az backup vault show --resource-group {VAULT_GROUP} --name vault-backup",
        lambda ran: ran.json["id"] == VAULT_ID,
    )
    yield Step(f"az resource show --ids {VAULT_ID}", lambda ran: ran.json["id"] == VAULT_ID)
    yield Step(
        f"az rest --method get --url '{VAULT_ID}?api-version=2024-04-01'",
        lambda ran: ran.json["id"] == VAULT_ID,
    )
    yield Step(
        f"az backup vault backup-properties show --resource-group {VAULT_GROUP} --name"
        " vault-backup",
        lambda ran: {each["name"] for each in ran.json} == {"vaultconfig", "vaultstorageconfig"},
    )
    yield Step(f"az backup policy list {OF_VAULT}", lambda ran: len(ran.json) == 1)
    yield Step(
        f"az backup policy show {OF_VAULT} --name DefaultPolicy",
        lambda ran: ran.json["name"] == "DefaultPolicy",
    )
    containers = f"{OF_VAULT} --backup-management-type AzureIaasVM"
    yield Step(
        f"az backup container list {containers}",
        lambda ran: [each["name"] for each in ran.json] == [CONTAINER],
    )
    yield Step(
        f"az backup container show {containers} --name winmanagedvm",
        lambda ran: ran.json["name"] == CONTAINER,
    )
    yield Step(f"az backup item list {OF_VAULT}", has(ITEM_ID))
    items = "--backup-management-type AzureIaasVM --workload-type VM"
    yield Step(
        f"az backup item show {OF_VAULT} --container-name winmanagedvm --name winmanagedvm {items}",
        lambda ran: ran.json["properties"]["lastBackupStatus"] == "Failed",
    )
    yield Step(
        str(ABOUT.see_points.values["command"]),
        lambda ran: (
            len(ran.json) > 0 and all(["HardenedRP", "Valid"] in each[1] for each in ran.json)
        ),
    )
    yield Step(
        f"az backup job list {OF_VAULT} --operation Backup --status Failed",
        lambda ran: len(ran.json) == 1,
    )
    yield Step(
        f"az vm get-instance-view --ids {VM_ID} --query instanceView",
        lambda ran: bool(ran.json["vmAgent"]),
    )
    yield Step(
        "az restore-point collection list-all",
        has(f"{GROUP_ID}/providers/{ids.COLLECTION}/{COLLECTION}"),
    )
    yield Step(
        "az restore-point collection show --resource-group winvaultrg --collection-name"
        f" {COLLECTION} --restore-points",
        lambda ran: len(ran.json["restorePoints"]) >= 18,
    )
    of_collection = (
        f"--resource-group winvaultrg --resource {COLLECTION} --resource-type {ids.COLLECTION}"
    )
    yield Step(f"az lock list {of_collection} --filter-string 'atScope()'", has(LOCK_ID))
    yield Step(f"az lock show --ids {LOCK_ID}", lambda ran: ran.json["level"] == "CanNotDelete")
    yield Step(
        f"az role assignment list --scope {SUBSCRIPTION} --fill-principal-name false"
        " --fill-role-definition-name false",
        has(str(ROLE_ASSIGNMENT["id"])),
    )
    yield Step(
        "az role assignment list --all --fill-principal-name false --fill-role-definition-name"
        " false",
        has(str(ROLE_ASSIGNMENT["id"])),
    )


def repair(lock: Lock) -> Iterator[Step]:
    """The commands that the product prints put the lock back and start the backup."""
    yield Step(DELETE_COLLECTION, refused="ScopeLocked")
    yield Step("az lock delete --name=winvaultrg-lock --resource-group winvaultrg")
    yield Step(DELETE_COLLECTION)
    yield Step(
        "az restore-point collection show --resource-group winvaultrg --collection-name"
        f" {COLLECTION}",
        refused="ResourceNotFound",
    )
    yield Step(by_hand(lock), is_lock(lock))
    started = str(ABOUT.backup_now).partition(": ")[2]
    yield Step(started, lambda ran: ran.json["properties"]["operation"] == "Backup")


def afterwards(job: str) -> Iterator[Step]:
    yield Step(f"az backup job wait {OF_VAULT} --name {job}")
    yield Step(
        f"az backup job show {OF_VAULT} --name {job}",
        lambda ran: ran.json["properties"]["status"] == "Completed",
    )
    yield Step(
        "az restore-point collection show --resource-group winvaultrg --collection-name"
        f" {COLLECTION} --restore-points",
        lambda ran: len(ran.json["restorePoints"]) == 1,
    )
    yield Step(DELETE_COLLECTION, refused="ScopeLocked")
    yield Step(
        "az monitor activity-log list --resource-group winvaultrg --offset 1h --max-events 200",
        shows_deletion,
    )


def shows_deletion(ran: Ran) -> bool:
    """The runbook sends a reader here to see who removed the lock."""
    operations = {each["operationName"]["value"] for each in ran.json}
    return any(ids.fold(each) == "microsoft.authorization/locks/delete" for each in operations)


def locks_everywhere() -> Iterator[Step]:
    """A lock at each kind of scope, made by the command that the product prints."""
    for scope in (
        SUBSCRIPTION,
        f"{SUBSCRIPTION}/resourceGroups/{VAULT_GROUP}",
        VAULT_ID,
        f"{VM_ID}/extensions/VMSnapshot",
    ):
        lock = Lock(
            f"{scope}/providers/Microsoft.Authorization/locks/-by hand",
            "-by hand",
            "CanNotDelete",
            "-it's $HOME",
            (),
        )
        path = f"'{lock.id}'"
        yield Step(by_hand(lock), is_lock(lock))
        yield Step(f"az lock show --ids {path}", is_lock(lock))
        yield Step("az lock list", has(lock.id))
        yield Step(f"az lock delete --ids {path}")


def is_lock(lock: Lock) -> Check:
    """The same id, name, level and notes; the CLI changes the case of the id."""
    return lambda ran: (
        (ids.key(ran.json["id"]), ran.json["name"], ran.json["level"], ran.json["notes"])
        == (
            ids.key(lock.id),
            lock.name,
            lock.level,
            lock.notes,
        )
    )


def has(resource_id: str) -> Check:
    return lambda ran: any(ids.key(each["id"]) == ids.key(resource_id) for each in ran.json)
