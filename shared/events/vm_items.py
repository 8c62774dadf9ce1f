"""Protected items of Azure VMs: taken apart from their ids, and made from the names that other places give."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.arm_ids import parse
from shared.errors import NotUsable

VAULT_TYPE = "microsoft.recoveryservices/vaults"
_ITEM = re.compile(
    r"(?P<vault>.+)/backupFabrics/[^/]+/protectionContainers/(?P<container>[^/]+)/protectedItems/(?P<item>[^/]+)", re.IGNORECASE
)
_VM_ITEM = re.compile(r"VM;iaasvmcontainerv2;(?P<group>[^;/]+);(?P<vm>[^;/]+)", re.IGNORECASE)
_NAMES = re.compile(r"iaasvmcontainerv2;(?P<group>[^;/]+);(?P<vm>[^;/]+)", re.IGNORECASE)


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
        """Of the VM that the item is of, or "" when it is no Azure VM. Vault and VM are always in one subscription."""
        found = _VM_ITEM.fullmatch(self.name)
        return _vm_id(self.subscription_id, found["group"], found["vm"]) if found else ""


def item_of_id(protected_item_id: str, field: str) -> Item:
    """Raises NotUsable, naming the event's field, for what is no item of a Recovery Services vault."""
    if not protected_item_id:
        raise NotUsable(f"the event names no protected item: {field} is missing")
    found = _ITEM.fullmatch(str(parse(protected_item_id)))
    if found is None or parse(found["vault"]).type != VAULT_TYPE:
        raise NotUsable(f"{field} is no item of a Recovery Services vault: {protected_item_id[:300]!r}")
    return Item(found["vault"], found["container"], found["item"])


def item_of_names(vault_id: str, names: str, field: str) -> Item:
    """From a vault and a text that holds iaasvmcontainerv2;{group};{vm}. Raises NotUsable where either is none."""
    if parse(vault_id).type != VAULT_TYPE:
        raise NotUsable(f"not a Recovery Services vault: {vault_id[:300]!r}")
    found = _NAMES.search(names)
    if found is None:
        raise NotUsable(f"{field} names no Azure VM: {names[:300]!r}")
    tail = f"iaasvmcontainerv2;{found['group']};{found['vm']}"
    return Item(str(parse(vault_id)), f"IaasVMContainer;{tail}", f"VM;{tail}")


def _vm_id(subscription_id: str, group: str, name: str) -> str:
    made = f"/subscriptions/{subscription_id}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{name}"
    return str(parse(made))
