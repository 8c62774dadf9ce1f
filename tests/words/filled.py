"""The values that replace holes and placeholders in a line before it is parsed."""

from __future__ import annotations

import shlex

from command_line.doctor.alerts import ALERTS_ON
from shared.diagnosis.by_hand import DENY_DELETION, DISKS_OF_POINTS

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-app (old)"
VM_ID = f"{GROUP_ID}/providers/Microsoft.Compute/virtualMachines/vm1"
VAULT_ID = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-backup"
    "/providers/Microsoft.RecoveryServices/vaults/vault1"
)
CONTAINER, ITEM = "IaasVMContainer;iaasvmcontainerv2;rg-app;vm1", "VM;iaasvmcontainerv2;rg-app;vm1"
ITEM_ID = f"{VAULT_ID}/backupFabrics/Azure/protectionContainers/{CONTAINER}/protectedItems/{ITEM}"
APP_ID = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-backup-remediator"
    "/providers/Microsoft.Web/sites/func"
)
ROLE = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"

FILLED = {
    "about.group": "rg-app (old)",
    "about.item_id": ITEM_ID,
    "about.subscription": f"--subscription {SUBSCRIPTION}",
    "about.vm": "vm1",
    "about.vm_id": VM_ID,
    "about.which_vm": (
        f"--vm-name vm1 --resource-group 'rg-app (old)' --subscription {SUBSCRIPTION}"
    ),
    "container": CONTAINER,
    "group": "rg-app (old)",
    "group_id": GROUP_ID,
    "len(result.resources())": "30",
    "job_id": ROLE,
    "item": ITEM,
    "principal": ROLE,
    "principal_id": ROLE,
    "on.view.subscription": f"/subscriptions/{SUBSCRIPTION}",
    "role": ROLE,
    "self.item_id": ITEM_ID,
    "self.vm_id": VM_ID,
    "shlex.quote(ALERTS_ON)": shlex.quote(ALERTS_ON),
    "shlex.quote(app_id)": shlex.quote(APP_ID),
    "shlex.quote(lock.name)": "keep",
    "shlex.quote(scope)": shlex.quote(VAULT_ID),
    "shlex.quote(vault_id)": shlex.quote(VAULT_ID),
    "site": "func",
    "url": shlex.quote(f"{VAULT_ID}?api-version=2024-04-01"),
    "vault_id": VAULT_ID,
    "command_line/doctor/app.py: group": shlex.quote("rg-app (old)"),
    "command_line/doctor/installation.py: values": "signInClientId=CLIENT_ID mode=auto",
    "command_line/doctor/installation.py: where": (
        "--location REGION --template-file infra/main.bicep"
    ),
    "command_line/doctor/stores.py: name": "st",
    "shlex.quote(collection.name)": "AzureBackup_vm1",
    "shlex.quote(collection.resource_group)": shlex.quote("rg-app (old)"),
    "shlex.quote(name.rpartition('/')[2])": "approved-ext",
    "shlex.quote(target.id)": shlex.quote(f"{VM_ID}/extensions/VMSnapshot"),
    "which": f"--ids {shlex.quote(f'{VM_ID}/extensions/VMSnapshot')}",
    "where": f"--subscription {SUBSCRIPTION}",
    "which_vault": f"--vault-name vault1 -g rg-backup --subscription {SUBSCRIPTION}",
    "shared/execution/lock_window/words.py: where": f"--subscription {SUBSCRIPTION}",
    "shlex.quote(name)": "keep",
    "name_scope(lock.scope)": f"--subscription {SUBSCRIPTION}",
    "name_scope(scope)": f"--subscription {SUBSCRIPTION}",
    "name_subscription(collection_id)": f"--subscription {SUBSCRIPTION}",
    "self.container": "IaasVMContainer;iaasvmcontainerv2;rg-app;vm1",
    "self.item": "VM;iaasvmcontainerv2;rg-app;vm1",
    "name_subscription(group_id)": f"--subscription {SUBSCRIPTION}",
    "name_subscription(scope)": f"--subscription {SUBSCRIPTION}",
    "name_subscription(vm_id)": f"--subscription {SUBSCRIPTION}",
    "shlex.quote(group_id)": shlex.quote(GROUP_ID),
    "shlex.quote(which.name)": "AzureBackup_vm1_1",
    "shlex.quote(which.resource_group)": shlex.quote("rg-app (old)"),
    "DISKS_OF_POINTS": DISKS_OF_POINTS,
    "DENY_DELETION": DENY_DELETION,
    "shlex.quote(json.dumps(kinds))": shlex.quote('{"a": {"value": ["b"]}}'),
    "nic_id": f"'{GROUP_ID}/providers/Microsoft.Network/networkInterfaces/nic1'",
    "nsg.resource_group": "rg-app (old)",
    "nsg.name": "nsg-app",
    "rule": "deny-internet",
    "priority": "199",
    "tag": "Storage.westeurope",
    "notes": "",
    "lock.level": "CanNotDelete",
    "verb[status]": "stop",
    "vm": "vm1",
    "vm_id": VM_ID,
}
"""By the expression in an f-string, or the name in a template."""

VARIABLES = {"$HERE": "infra", "$1": "value"}
"""Variables of the scripts whose values the parser checks; the others stay as they are
written."""

PLACEHOLDERS = {
    "DISK_ID": (
        f"{GROUP_ID}/providers/Microsoft.Compute/restorePointCollections/AzureBackup_vm1"
        "/restorePoints/point1/diskRestorePoints/disk1"
    ),
    "VM_OR_GROUP_ID": VM_ID,
    "CLIENT_ID": ROLE,
    "REGION": "westeurope",
    "PRIORITY": "4000",
    "POLICY": "DefaultPolicy",
    "NEW_VM_ID": VM_ID,
}
"""Words that a reader of the documents replaces."""
