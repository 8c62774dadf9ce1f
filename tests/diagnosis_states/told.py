"""What a person must read where a state ends with him: words of his steps, or of why it
is so. Cases from the field, and states of today's documents."""

from __future__ import annotations

from local.scenarios import parts
from tests.diagnosis_states.azure import SERVICE_GROUP, VM_GROUP, VM_ID

REMOVE = f"az lock delete --name=keep-1 --subscription {parts.SUBSCRIPTION}"
EXTENSION_ID = f"{VM_ID}/extensions/VMSnapshot"
MUST_BE_TOLD: dict[str, tuple[str, ...]] = {
    "S02 extension says restricted network": (
        " last said (",
        "RestrictedNetwork",
        "az network nic list-effective-nsg --ids",
        "vm-app-01-nic",
        "to Storage.westeurope with",
    ),
    "S03 success with an error in the substatus": (
        "443",
        "az network nic list-effective-nsg --ids",
    ),
    "S05 cause outside the code's row": (
        "The backup extension VMSnapshot is Failed",
        f"az vm extension delete --ids {EXTENSION_ID}",
        "itself is Failed, and a new backup would fail again",
    ),
    "S14 other extension failed": (
        "The extension run-setup (Microsoft.Compute.CustomScriptExtension) is Failed",
        f"az vm extension show --instance-view --ids {VM_ID}/extensions/run-setup",
        f"az vm extension delete --ids {VM_ID}/extensions/run-setup",
        "az vm reapply",
    ),
    "S17 lock on the vault": (
        "keep-1 (CanNotDelete)",
        f"{REMOVE} --resource {parts.vault_id()}",
    ),
    "S18 the limit, told as an error of Compute": (
        f"{REMOVE} --resource-group {SERVICE_GROUP}",
        "az restore-point collection delete",
        "AzureBackup_vm-app-01_140738144265919",
        "az lock create --name=keep-1 --lock-type CanNotDelete",
        "az backup recoverypoint list",
        "under a lock they pile up and backups fail again",
    ),
    "S25 resource in locked state": (
        "keep-1 (ReadOnly)",
        f"{REMOVE} --resource {VM_ID}",
    ),
    "S28 failed in view, still running": (
        f"az vm extension wait --updated --ids {EXTENSION_ID}",
        "do not uninstall it meanwhile",
    ),
    "S36 extension says fsfreeze failed": ("findmnt --target /data/dblog",),
    "other extension failed, VM succeeded": ("The extension run-setup",),
    "extension failed, its group is locked": (
        "locks are not lifted for extensions",
        f"{REMOVE} --resource-group {VM_GROUP}",
    ),
    "handler refuses a downgrade": (
        "HandlerState",
        "Stop-Service RdAgent",
        "/v IsProviderInstalled /t REG_SZ /d False",
        "/v IsCommonProviderInstalled /t REG_SZ /d False",
    ),
    "extension failed, deallocated": ("az vm start",),
    "nowhere on windows": ("nothing that Azure can uninstall", r"C:\WindowsAzure\Logs"),
    "nowhere on linux, agent ready": ("nothing that Azure can uninstall", "/var/log/waagent.log"),
    "18 points locked, agent silent": (
        'no new backup can pass while this holds: "The VM agent does not',
        "WindowsAzureGuestAgent",
        "az restore-point collection delete",
    ),
    "18 points locked, shut down inside the guest": (
        'a new backup can pass without what only a person can mend: "No snapshot status',
        "az vm deallocate",
    ),
    "subscription locked": (REMOVE,),
    "lock with an owner": (f"{REMOVE} --resource-group {SERVICE_GROUP}",),
    "VM is gone": (
        "deleted, moved or renamed",
        "az resource list --name 'vm-app-01'",
        "az monitor activity-log list",
        "az backup protection disable",
    ),
    "extension failed, agent silent": (
        "no new backup can pass while this holds",
        "WindowsAzureGuestAgent",
        f"az vm extension delete --ids {EXTENSION_ID}",
    ),
    "extension failed, shut down inside the guest": (
        "no new backup can pass while this holds",
        "az vm start",
    ),
}
"""Row -> what stands in the reason or in the steps."""
MUST_NOT_BE_TOLD: dict[str, tuple[str, ...]] = {
    "nowhere on windows": ("az vm extension delete",),
    "nowhere on linux, agent ready": ("az vm extension delete",),
    "S02 extension says restricted network": ("az vm extension delete", "NETWORK_INTERFACE"),
    "S36 extension says fsfreeze failed": ("az vm extension delete",),
    "S05 cause outside the code's row": ("NETWORK_INTERFACE",),
}
"""Row -> what does not: it cannot help there, or what is known is not filled in."""
