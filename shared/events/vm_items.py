"""Protected items of Azure VMs, from their ids or from the names in other fields.

Every id goes through `shared.arm_ids.parse`, in any case: Resource Graph and many tools
write ids in lower case. Each reason names the field of the event that is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.arm_ids import fold, parse, same
from shared.errors import NotOurs, NotUsable

VAULT_TYPE = "microsoft.recoveryservices/vaults"
ITEM_TYPE = f"{VAULT_TYPE}/backupfabrics/protectioncontainers/protecteditems"
JOB_TYPE = f"{VAULT_TYPE}/backupjobs"
VM_TYPE = "microsoft.compute/virtualmachines"
_SEGMENTS_OF_VM = 8
_SEGMENTS_BELOW_VAULT = {ITEM_TYPE: 6, JOB_TYPE: 2}
_OF_OTHERS = {
    "microsoft.dataprotection/backupvaults": (
        "a Backup vault (Microsoft.DataProtection), which protects no VMs"
    ),
    f"{VAULT_TYPE}/replicationfabrics": "Azure Site Recovery, not Azure Backup",
    f"{VAULT_TYPE}/replicationjobs": "Azure Site Recovery, not Azure Backup",
}
"""Types in the same fields that are not ours, with what they belong to."""
_NAMES = re.compile(
    r"(?:^|[;/])iaasvmcontainerv2;(?P<group>[^;/]+);(?P<vm>[^;/]+)", re.IGNORECASE | re.ASCII
)
"""Without ASCII, IGNORECASE takes the long s for an s, which is another resource."""


@dataclass(frozen=True, slots=True)
class Item:
    """A protected item, in the parts of its id."""

    vault_id: str
    container: str
    name: str

    @property
    def subscription_id(self) -> str:
        return parse(self.vault_id).subscription

    @property
    def vm_id(self) -> str:
        """Id of the VM; "" where the item is not an Azure VM. Vault and VM are always
        in one subscription."""
        parts = self.name.split(";")
        if len(parts) != 4 or (fold(parts[0]), fold(parts[1])) != ("vm", "iaasvmcontainerv2"):
            return ""
        return _make_vm_id(self.subscription_id, parts[2], parts[3])


def item_of_id(protected_item_id: str, field: str) -> Item:
    """Raises NotUsable, which names the event's field, for anything but an item of a
    Recovery Services vault."""
    if not protected_item_id:
        raise NotUsable(f"the event names no protected item: {field} is missing")
    vault_id = _read_vault_id(protected_item_id, ITEM_TYPE, field, "item")
    _, _, container, name = parse(protected_item_id, field).names
    return Item(vault_id, container, name)


def item_of_names(vault_id: str, names: str, field: str, vault_field: str) -> Item:
    """From a vault's id and a text with iaasvmcontainerv2;{group};{vm}. Raises
    NotUsable for any other."""
    vault = _check_vault_id(vault_id, vault_field)
    found = _NAMES.search(names)
    if found is None:
        raise NotUsable(f"{field} names no Azure VM: {names[:300]!r}")
    return _make_item(vault, found["group"], found["vm"])


def item_of_vm(vault_id: str, vm_id: str, field: str, vault_field: str) -> Item:
    """From a vault's id and the id of a VM that it protects, or of something below that
    VM. Raises NotOurs or NotUsable for any other."""
    vault, named = _check_vault_id(vault_id, vault_field), vm_of(vm_id, field)
    if not named:
        raise NotOurs(f"not an Azure VM: {field} is {vm_id[:300]!r}")
    vm = parse(named)
    if fold(vm.subscription) != fold(parse(vault).subscription):
        raise NotUsable(f"{field} is in another subscription than the vault: {vm_id[:300]!r}")
    return _make_item(vault, vm.resource_group, vm.name)


def vm_of(resource_id: str, field: str) -> str:
    """Id of the VM that the id names: its own, or that of an extension or another thing
    below it; "" for any other resource. Raises NotUsable for what is no id."""
    segments = parse(resource_id, field).text.split("/")[: _SEGMENTS_OF_VM + 1]
    above = "/".join(segments)
    named = len(segments) > _SEGMENTS_OF_VM and parse(above).type == VM_TYPE
    return above if named else ""


def why_another(resource_id: str, vm_id: str, field: str) -> str:
    """How the field contradicts that the event is of this VM; "" where it names that
    VM or nothing. The job in the vault decides whose failure it is."""
    if not resource_id:
        return ""
    try:
        named = vm_of(resource_id, field)
    except NotUsable as error:
        return error.reason
    return "" if named and same(named, vm_id) else f"{field} is {resource_id[:300]!r}"


def job_of_id(job_id: str, field: str) -> tuple[str, str]:
    """Id of the vault and name of the job. Raises NotUsable for anything but a backup
    job of a Recovery Services vault."""
    return _read_vault_id(job_id, JOB_TYPE, field, "backup job"), parse(job_id, field).name


def _read_vault_id(resource_id: str, kind: str, field: str, what: str) -> str:
    found = parse(resource_id, field)
    _refuse_others(found.type, field)
    if found.type != kind:
        raise NotUsable(f"{field} is no {what} of a Recovery Services vault: {resource_id[:300]!r}")
    return found.text.rsplit("/", _SEGMENTS_BELOW_VAULT[kind])[0]


def _check_vault_id(vault_id: str, field: str) -> str:
    if not vault_id:
        raise NotUsable(f"the event names no vault: {field} is missing")
    found = parse(vault_id, field)
    _refuse_others(found.type, field)
    if found.type != VAULT_TYPE:
        raise NotUsable(f"{field} is not a Recovery Services vault: {vault_id[:300]!r}")
    return str(found)


def _refuse_others(kind: str, field: str) -> None:
    for each, whose in _OF_OTHERS.items():
        if kind == each or kind.startswith(f"{each}/"):
            raise NotOurs(f"{field} is of {whose}")


def _make_item(vault_id: str, group: str, vm: str) -> Item:
    tail = f"iaasvmcontainerv2;{group};{vm}"
    return Item(vault_id, f"IaasVMContainer;{tail}", f"VM;{tail}")


def _make_vm_id(subscription_id: str, group: str, name: str) -> str:
    made = (
        f"/subscriptions/{subscription_id}/resourceGroups/{group}"
        f"/providers/Microsoft.Compute/virtualMachines/{name}"
    )
    return str(parse(made, "the VM's id"))
