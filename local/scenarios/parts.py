"""Builds the ARM resources of scenarios, as Azure would return them.

No real failed VM job has been published; the one here has the documented fields.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from local.simulator import clock, ids, jobs, machines, messages, physics
from local.simulator.ids import fold
from local.simulator.state import Resource

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
REGION = "westeurope"
VAULT_GROUP, VAULT = "rg-backup", "vault-backup"
FAILED_AT = datetime(2026, 11, 20, 22, 31, 7, 14604, tzinfo=UTC)
OLD_LINUX_AGENT = "2.0.8"
AGENTS = {"Windows": "2.7.41491.1149", "Linux": "2.12.0.4"}
IMAGES = {
    "Windows": {
        "publisher": "MicrosoftWindowsServer",
        "offer": "WindowsServer",
        "sku": "2022-datacenter-g2",
    },
    "Linux": {
        "publisher": "Canonical",
        "offer": "0001-com-ubuntu-server-jammy",
        "sku": "22_04-lts-gen2",
    },
}
EXTENSION_FAILED = "The extension failed to load and to process the snapshot command."
POWER = {"running": "VM running", "stopped": "VM stopped", "deallocated": "VM deallocated"}


def guid(*parts: str) -> str:
    """A GUID that depends on the parts alone, so that a scenario is the same each time
    it is built."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(parts)))


def group(name: str, tags: dict[str, str] | None = None) -> Resource:
    """A resource group."""
    return {
        "id": ids.group_id(SUBSCRIPTION, name),
        "name": name,
        "type": ids.GROUP,
        "location": REGION,
        "tags": tags or {},
        "properties": {"provisioningState": "Succeeded"},
    }


def machine_id(group_name: str, name: str) -> str:
    return f"{ids.group_id(SUBSCRIPTION, group_name)}/providers/{ids.VIRTUAL_MACHINE}/{name}"


def machine(
    group_name: str,
    name: str,
    os_type: str,
    power: str = "running",
    ready: bool = True,
    agent_version: str = "",
) -> Resource:
    """A VM with a managed disk and its instance view; a deallocated one has no agent
    report."""
    identity = machine_id(group_name, name)
    disk = f"{name}_OsDisk_1"
    return {
        "id": identity,
        "name": name,
        "type": ids.VIRTUAL_MACHINE,
        "location": REGION,
        "tags": {},
        "properties": {
            "vmId": guid(identity),
            "hardwareProfile": {"vmSize": "Standard_D2s_v3"},
            "provisioningState": "Succeeded",
            "storageProfile": {
                "imageReference": {**IMAGES[os_type], "version": "latest"},
                "osDisk": {
                    "osType": os_type,
                    "name": disk,
                    "createOption": "FromImage",
                    "caching": "ReadWrite",
                    "managedDisk": {
                        "storageAccountType": "Premium_LRS",
                        "id": f"{ids.group_of(identity)}/providers/Microsoft.Compute/disks/{disk}",
                    },
                    "diskSizeGB": 127,
                },
                "dataDisks": [],
            },
            "osProfile": {
                "computerName": name,
                "adminUsername": "azureuser",
                f"{fold(os_type)}Configuration": {"provisionVMAgent": True},
                "allowExtensionOperations": True,
            },
            "networkProfile": {"networkInterfaces": [{"id": _interface_id(group_name, name)}]},
            "instanceView": _instance_view(disk, power, ready, agent_version or AGENTS[os_type]),
        },
    }


def security_group(group_name: str, name: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    """A network security group as it is in effect on an interface: its own outbound
    rules and two of Azure's default rules."""
    group_id = ids.group_id(SUBSCRIPTION, group_name)
    identity = f"{group_id}/providers/Microsoft.Network/networkSecurityGroups/{name}"
    default = [
        outbound("defaultSecurityRules/AllowInternetOutBound", 65001, "Allow", "Internet"),
        outbound("defaultSecurityRules/DenyAllOutBound", 65500, "Deny", "0.0.0.0/0"),
    ]
    return {
        "networkSecurityGroup": {"id": identity},
        "association": {
            "subnet": {
                "id": f"{group_id}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/default"
            }
        },
        "effectiveSecurityRules": [*rules, *default],
    }


def outbound(
    name: str, priority: int, access: str, destination: str, ports: str = "0-65535"
) -> dict[str, Any]:
    """An outbound rule as the effective rules show it."""
    return {
        "name": name,
        "protocol": "All",
        "sourcePortRange": "0-65535",
        "destinationPortRange": ports,
        "sourceAddressPrefix": "0.0.0.0/0",
        "destinationAddressPrefix": destination,
        "access": access,
        "priority": priority,
        "direction": "Outbound",
    }


def interface(group_name: str, name: str, groups: list[dict[str, Any]] | None = None) -> Resource:
    """The VM's network interface, with the network security groups that apply to it."""
    return {
        "id": _interface_id(group_name, name),
        "name": f"{name}-nic",
        "type": "Microsoft.Network/networkInterfaces",
        "location": REGION,
        "properties": {
            "provisioningState": "Succeeded",
            "primary": True,
            "virtualMachine": {"id": machine_id(group_name, name)},
            "ipConfigurations": [],
            **({"effectiveNetworkSecurityGroups": groups} if groups else {}),
        },
    }


def _interface_id(group_name: str, name: str) -> str:
    group_id = ids.group_id(SUBSCRIPTION, group_name)
    return f"{group_id}/providers/Microsoft.Network/networkInterfaces/{name}-nic"


def _instance_view(disk: str, power: str, ready: bool, agent_version: str) -> dict[str, Any]:
    provisioned = {
        "code": "ProvisioningState/succeeded",
        "level": "Info",
        "displayStatus": "Provisioning succeeded",
        "time": clock.compute_time(FAILED_AT),
    }
    power_status = {"code": f"PowerState/{power}", "level": "Info", "displayStatus": POWER[power]}
    view: dict[str, Any] = {
        "disks": [{"name": disk, "statuses": [provisioned]}],
        "hyperVGeneration": "V2",
    }
    if power != "deallocated":
        view["vmAgent"] = _agent(ready, agent_version)
    return {**view, "statuses": [provisioned, power_status]}


def _agent(ready: bool, version: str) -> dict[str, Any]:
    status = {
        "code": "ProvisioningState/Unavailable",
        "level": "Warning",
        "displayStatus": "Not Ready",
        "message": "VM status blob is found but not yet populated.",
        "time": clock.compute_time(FAILED_AT),
    }
    if not ready:
        return {"vmAgentVersion": "Unknown", "statuses": [status]}
    status |= {
        "code": "ProvisioningState/succeeded",
        "level": "Info",
        "displayStatus": "Ready",
        "message": "GuestAgent is running and processing the extensions.",
    }
    return {"vmAgentVersion": version, "statuses": [status], "extensionHandlers": []}


def backup_extension(
    vm: Resource, state: str = "Succeeded", error: tuple[str, str] | None = None
) -> Resource:
    """The backup extension of a VM. Its status goes into the VM's instance view; of one
    that did not fail, with the result of its command, or the code and message of its
    `error`."""
    failed = state == "Failed"
    moved_at = FAILED_AT if state in ("Succeeded", "Failed") else FAILED_AT - timedelta(hours=2)
    kind, version = machines.BACKUP_EXTENSION[machines.os_type(vm)]
    handler = f"{machines.BACKUP_PUBLISHER}.{kind}"
    status = {
        "code": "ProvisioningState/failed/1" if failed else "ProvisioningState/succeeded",
        "level": "Error" if failed else "Info",
        "displayStatus": "Provisioning failed" if failed else "Provisioning succeeded",
        "message": EXTENSION_FAILED if failed else "Command completed successfully.",
        "time": clock.compute_time(moved_at),
    }
    view = vm["properties"]["instanceView"]
    if "extensionHandlers" in view.get("vmAgent", {}):
        view["vmAgent"]["extensionHandlers"] = [_handler(handler, version, failed)]
    result = machines.command_result("error", *error) if error else machines.command_result()
    shown = {"name": kind, "type": handler, "typeHandlerVersion": version, "statuses": [status]}
    view["extensions"] = [shown if failed else {**shown, "substatuses": [result]}]
    return {
        "id": extension_id(vm["id"], machines.os_type(vm)),
        "name": kind,
        "type": ids.EXTENSION,
        "location": REGION,
        "properties": {
            "autoUpgradeMinorVersion": True,
            "provisioningState": state,
            "publisher": machines.BACKUP_PUBLISHER,
            "type": kind,
            "typeHandlerVersion": version,
            "settings": {},
        },
    }


def set_vm_state(vm: Resource, state: str) -> None:
    """Put the VM into another provisioning state than Succeeded."""
    vm["properties"]["provisioningState"] = state
    vm["properties"]["instanceView"]["statuses"][0] = {
        "code": f"ProvisioningState/{fold(state)}",
        "level": "Error" if state == "Failed" else "Info",
        "displayStatus": f"Provisioning {fold(state)}",
        "time": clock.compute_time(FAILED_AT),
    }


def script_extension(vm: Resource, state: str) -> Resource:
    """An extension of another product, in this provisioning state."""
    publisher, kind = "Microsoft.Compute", "CustomScriptExtension"
    status = {
        "code": f"ProvisioningState/{fold(state)}/1",
        "level": "Error" if state == "Failed" else "Info",
        "displayStatus": f"Provisioning {fold(state)}",
        "message": "Command execution finished, but failed because it returned code 1.",
        "time": clock.compute_time(FAILED_AT - timedelta(hours=3)),
    }
    view = {"name": "run-setup", "type": f"{publisher}.{kind}", "typeHandlerVersion": "1.10"}
    vm["properties"]["instanceView"]["extensions"].append({**view, "statuses": [status]})
    return {
        "id": f"{vm['id']}/extensions/run-setup",
        "name": "run-setup",
        "type": ids.EXTENSION,
        "location": REGION,
        "properties": {
            "autoUpgradeMinorVersion": True,
            "provisioningState": state,
            "publisher": publisher,
            "type": kind,
            "typeHandlerVersion": "1.10",
            "settings": {},
        },
    }


def extension_id(vm_id: str, os_type: str) -> str:
    return f"{vm_id}/extensions/{machines.BACKUP_EXTENSION[os_type][0]}"


def _handler(kind: str, version: str, failed: bool) -> dict[str, Any]:
    status = {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Ready"}
    if failed:
        status = {
            "code": "ProvisioningState/failed/1",
            "level": "Error",
            "displayStatus": "Not Ready",
        }
    return {"type": kind, "typeHandlerVersion": version, "status": status}


def collection(group_name: str, name: str, vm: Resource, points: int) -> Resource:
    """A restore point collection with one point a day, the newest on the day of the
    failure."""
    identity = f"{ids.group_id(SUBSCRIPTION, group_name)}/providers/{ids.COLLECTION}/{name}"
    days = [FAILED_AT - timedelta(days=points - 1 - day) for day in range(points)]
    return {
        "id": identity,
        "name": name,
        "type": ids.COLLECTION,
        "location": REGION,
        "properties": {
            "source": {"id": vm["id"], "location": REGION},
            "restorePointCollectionId": guid(identity),
            "restorePoints": [
                physics.restore_point(identity, f"AzureBackup_{day:%Y%m%d_%H%M%S}", vm, day)
                for day in days
            ],
            "provisioningState": "Succeeded",
        },
    }


def lock(
    scope: str, name: str, notes: str, level: str = "CanNotDelete", owner: str = ""
) -> Resource:
    """A management lock; `owner` is the id of the application that owns it."""
    properties: dict[str, Any] = {"level": level, "notes": notes}
    if owner:
        properties["owners"] = [{"applicationId": owner}]
    return {
        "properties": properties,
        "id": f"{scope}/providers/{ids.LOCK}/{name}",
        "type": ids.LOCK,
        "name": name,
    }


def deny_assignment(scope: str, name: str) -> Resource:
    """A deny assignment as a deployment stack makes it: only the stack may delete."""
    assignment = guid(scope, name)
    return {
        "id": f"{scope}/providers/{ids.DENY_ASSIGNMENT}/{assignment}",
        "name": assignment,
        "type": ids.DENY_ASSIGNMENT,
        "properties": {
            "denyAssignmentName": name,
            "permissions": [
                {"actions": ["*/delete"], "notActions": [], "dataActions": [], "notDataActions": []}
            ],
            "scope": scope,
            "doNotApplyToChildScopes": False,
            "principals": [{"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}],
            "excludePrincipals": [],
            "isSystemProtected": True,
        },
    }


def vault() -> Resource:
    return {
        "id": vault_id(),
        "name": VAULT,
        "type": ids.VAULT,
        "location": REGION,
        "sku": {"name": "RS0", "tier": "Standard"},
        "properties": {"provisioningState": "Succeeded"},
    }


def vault_id() -> str:
    return f"{ids.group_id(SUBSCRIPTION, VAULT_GROUP)}/providers/{ids.VAULT}/{VAULT}"


def item_id(vm_id: str) -> str:
    tail = item_tail(vm_id)
    container = f"protectionContainers/IaasVMContainer;{tail}"
    return f"{vault_id()}/backupFabrics/Azure/{container}/protectedItems/VM;{tail}"


def protected_item(vm_id: str) -> Resource:
    """The VM's backup item, whose last backup failed."""
    return {
        "id": item_id(vm_id),
        "name": f"VM;{item_tail(vm_id)}",
        "type": ids.PROTECTED_ITEM,
        "properties": {
            "friendlyName": ids.parse(vm_id).name,
            "virtualMachineId": vm_id,
            "sourceResourceId": vm_id,
            "protectionStatus": "Unhealthy",
            "protectionState": "Protected",
            "healthStatus": "ActionRequired",
            "lastBackupStatus": "Failed",
            "lastBackupTime": clock.backup_time(FAILED_AT),
            "lastRecoveryPoint": clock.backup_time(FAILED_AT - timedelta(days=1)),
            "protectedItemType": ids.VIRTUAL_MACHINE,
            "backupManagementType": "AzureIaasVM",
            "workloadType": "VM",
            "containerName": item_tail(vm_id),
            "policyId": f"{vault_id()}/backupPolicies/DefaultPolicy",
        },
    }


def failed_job(vm_id: str, code: str, job_id: str) -> Resource:
    """The scheduled backup that failed."""
    started = FAILED_AT - timedelta(minutes=20)
    job = jobs.new_job(vault_id(), job_id, vm_id, started, user_triggered=False)
    jobs.fail(job, code, messages.message(code), FAILED_AT)
    return job


def item_tail(vm_id: str) -> str:
    """The part that the names of the VM's container and item share."""
    parsed = ids.parse(vm_id)
    return f"iaasvmcontainerv2;{parsed.group};{parsed.name}"
