"""Microsoft.RecoveryServices: vaults, what they protect, and whether a VM is protected.

https://learn.microsoft.com/rest/api/backup/backup-protected-items
"""

from __future__ import annotations

from typing import Any

from simulator import errors, filters, ids
from simulator.handlers.resources import found, page
from simulator.ids import fold
from simulator.state import Resource, text, wire
from simulator.world import Answer, Call

WORKLOADS = {"itemType": "workloadType", "backupManagementType": "backupManagementType", "friendlyName": "friendlyName"}


def vault_id(call: Call) -> str:
    return f"{call.group_id}/providers/{ids.VAULT}/{call.names['vault']}"


def item_id(call: Call) -> str:
    container = f"backupFabrics/{call.names['fabric']}/protectionContainers/{call.names['container']}"
    return f"{vault_id(call)}/{container}/protectedItems/{call.names['item']}"


def machine_of(item: Resource) -> str:
    """Id of the VM that the item protects, "" when it protects something else."""
    identity = text(item, "sourceResourceId") or text(item, "virtualMachineId")
    return identity if ids.is_id(identity) and ids.same_type(ids.parse(identity).type, ids.VIRTUAL_MACHINE) else ""


def list_vaults(call: Call) -> Answer:
    scope = call.group_id if "group" in call.names else call.subscription_id
    return page(call, (wire(each) for each in call.state.of_type(ids.VAULT, scope)))


def list_items(call: Call) -> Answer:
    found(call, vault_id(call))
    terms = filters.parse(call.query.get("$filter", ""), tuple(WORKLOADS))
    items = call.state.of_type(ids.PROTECTED_ITEM, vault_id(call))
    return page(call, (wire(each) for each in items if _matches(each, terms)))


def get_item(call: Call) -> Answer:
    return Answer(200, wire(found(call, call.path)))


def list_recovery_points(call: Call) -> Answer:
    """Whatever recovery points the state holds; a backup in the simulator makes none in the vault."""
    found(call, item_id(call))
    return page(call, (wire(each) for each in call.state.of_type(ids.RECOVERY_POINT, item_id(call))))


def backup_status(call: Call) -> Answer:
    """Names in lower case and without an errorCode, as recorded."""
    given = call.body.get("resourceId") if isinstance(call.body, dict) else None
    if not isinstance(given, str) or not ids.is_id(given):
        raise errors.invalid_content("resourceId is the id of a resource")
    machine = ids.parse(given)
    suffix = fold(f"iaasvmcontainerv2;{machine.group};{machine.name}")
    body: dict[str, Any] = {
        "protectionStatus": "NotProtected",
        "fabricName": "Azure",
        "containerName": f"iaasvmcontainer;{suffix}",
        "protectedItemName": f"vm;{suffix}",
        "protectedItemsCount": 0,
        "objectType": "BackupStatusResponse",
    }
    for item in call.state.of_type(ids.PROTECTED_ITEM):
        if machine_of(item) and ids.key(machine_of(item)) == ids.key(given):
            policy = text(item, "policyId").rsplit("/", 1)[-1]
            body |= {"protectionStatus": "Protected", "vaultId": ids.ancestor(item["id"], 3), "policyName": policy}
    return Answer(200, body)


def _matches(item: Resource, terms: dict[str, str]) -> bool:
    return all(fold(text(item, WORKLOADS[name])) == fold(value) for name, value in terms.items())
