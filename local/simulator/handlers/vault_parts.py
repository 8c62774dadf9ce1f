"""Microsoft.RecoveryServices: parts of a vault that only people read (with the Azure
CLI): containers, settings, operations.

https://learn.microsoft.com/rest/api/backup/backup-protection-containers/list
https://learn.microsoft.com/rest/api/backup/backup-resource-vault-configs/get
https://learn.microsoft.com/rest/api/backup/backup-operation-statuses/get
"""

from __future__ import annotations

from collections.abc import Iterator

from local.simulator import errors, filters, ids
from local.simulator.handlers.backups import render_status
from local.simulator.handlers.resources import get_existing, page
from local.simulator.handlers.vaults import vault_id
from local.simulator.ids import fold
from local.simulator.recovery_points import machine_of
from local.simulator.state import Resource, properties, wire
from local.simulator.world import Answer, Call

CONTAINER = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers"
SETTINGS = {
    "backupconfig": {
        "enhancedSecurityState": "Enabled",
        "softDeleteFeatureState": "Enabled",
        "softDeleteRetentionPeriodInDays": 14,
        "isSoftDeleteFeatureStateEditable": True,
    },
    "backupstorageconfig": {
        "storageModelType": "GeoRedundant",
        "storageType": "GeoRedundant",
        "storageTypeState": "Locked",
        "crossRegionRestoreFlag": False,
    },
}
"""Azure's defaults, for a vault that protects something."""


def list_containers(call: Call) -> Answer:
    """One container for each VM that the vault protects."""
    get_existing(call, vault_id(call))
    fields = ("backupManagementType", "friendlyName", "status")
    terms = filters.parse(call.query.get("$filter", ""), fields)
    return page(call, (each for each in _containers(call) if _matches(each, terms)))


def get_container(call: Call) -> Answer:
    get_existing(call, vault_id(call))
    for container in _containers(call):
        if ids.key(container["id"]) == ids.key(call.path):
            return Answer(200, container)
    raise errors.resource_not_found(call.path)


def get_settings(call: Call) -> Answer:
    """The settings in the state, else Azure's defaults."""
    if stored := call.state.get(call.path):
        return Answer(200, wire(stored))
    vault = get_existing(call, vault_id(call))["id"]
    kind, name = (fold(part) for part in call.path.rsplit("/", 2)[1:])
    return Answer(
        200,
        {
            "id": f"{vault}/{kind}/{name}",
            "name": name,
            "type": f"{ids.VAULT}/{kind}",
            "properties": dict(SETTINGS[kind]),
        },
    )


def get_operation_status(call: Call) -> Answer:
    """The same as the item's operationsStatus, by the vault alone, as the Azure CLI
    reads it."""
    vault = get_existing(call, vault_id(call))
    operation = call.world.operations.find(call.names["operation"])
    of_vault = operation is not None and ids.at_or_above(vault["id"], operation.target)
    if operation is None or operation.kind != "backup_start" or not of_vault:
        raise errors.resource_not_found(call.path)
    return Answer(200, render_status(operation))


def _containers(call: Call) -> Iterator[Resource]:
    seen = set()
    for item in call.state.of_type(ids.PROTECTED_ITEM, vault_id(call)):
        container, machine = ids.ancestor(item["id"], 1), machine_of(item)
        if machine and ids.key(container) not in seen:
            seen.add(ids.key(container))
            yield _render_container(container, machine)


def _render_container(container_id: str, machine_id: str) -> Resource:
    machine = ids.parse(machine_id)
    return {
        "id": container_id,
        "name": ids.parse(container_id).name,
        "type": CONTAINER,
        "properties": {
            "virtualMachineId": machine_id,
            "virtualMachineVersion": "Compute",
            "resourceGroup": machine.group,
            "friendlyName": machine.name,
            "backupManagementType": "AzureIaasVM",
            "registrationStatus": "Registered",
            "healthStatus": "Healthy",
            "containerType": "Microsoft.Compute/virtualMachines",
            "protectableObjectType": "Microsoft.Compute/virtualMachines",
        },
    }


def _matches(container: Resource, terms: dict[str, str]) -> bool:
    values = {**properties(container), "status": properties(container)["registrationStatus"]}
    return all(fold(str(values[name])) == fold(value) for name, value in terms.items())
