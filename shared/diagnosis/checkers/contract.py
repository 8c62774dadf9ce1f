"""What a checker is and is given, and the examples from which its tests are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from shared.arm_ids import is_at_or_above, same
from shared.facts import Absent, Extension, Lock, RestorePointCollection, Unreadable, VirtualMachine
from shared.guest_facts import Guest
from shared.incident.model import Finding, Target, Verdict
from shared.network_facts import AppliedGroup, Route
from shared.sentences import Sentence, phrase
from shared.vault_facts import ENHANCED, STANDARD, BackupPolicy, ProtectedItem


class Reader(Protocol):
    """What checkers may ask of Azure. There is no method that changes anything."""

    async def virtual_machine(self, vm_id: str) -> VirtualMachine | Absent | Unreadable: ...
    async def extensions(self, vm_id: str) -> tuple[Extension, ...] | Absent | Unreadable: ...
    async def extension(self, extension_id: str) -> Extension | Absent | Unreadable: ...
    async def restore_point_collections(
        self, vm_id: str
    ) -> tuple[RestorePointCollection, ...] | Absent | Unreadable: ...
    async def locks(
        self, scope: str, *, below: bool = False
    ) -> tuple[Lock, ...] | Absent | Unreadable: ...
    async def protected_item(self, item_id: str) -> ProtectedItem | Absent | Unreadable: ...
    async def backup_policy(self, policy_id: str) -> BackupPolicy | Absent | Unreadable: ...
    async def effective_groups(
        self, interface_id: str
    ) -> tuple[AppliedGroup, ...] | Absent | Unreadable: ...
    async def effective_routes(
        self, interface_id: str
    ) -> tuple[Route, ...] | Absent | Unreadable: ...


@dataclass(frozen=True, slots=True)
class Subject:
    """The failed backup that a checker looks at."""

    vm_id: str
    failed_at: str
    """When the failed job began, ISO 8601, or "" when unknown."""
    minimum_linux_agent: str
    error_code: str
    """As the job named it, in the catalogue's spelling, or "" when unknown."""
    item_id: str
    """Id of the vault's protected item, or "" when unknown."""
    now: str
    """When it looks, in our own format."""
    stuck_extension_seconds: float
    """After how long in transition an extension is stuck."""


@dataclass(frozen=True, slots=True)
class Checker:
    cause: str
    """The slug that the catalogue, the findings and the docs page use."""
    check: Callable[[Subject, Reader], Awaitable[Finding]]
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """A reader over facts already at hand. What an example leaves out is unreadable,
    not empty."""

    vm: VirtualMachine | Absent | Unreadable = Unreadable("the VM", "not part of this example")
    vm_extensions: tuple[Extension, ...] | Unreadable = Unreadable(
        "the extensions", "not part of this example"
    )
    hidden: tuple[Extension, ...] = ()
    """Extensions that only a GET by name finds, not the list."""
    collections: tuple[RestorePointCollection, ...] | Unreadable = Unreadable(
        "the restore point collections", "not part of this example"
    )
    locked_by: tuple[Lock, ...] | Unreadable = Unreadable("the locks", "not part of this example")
    item: ProtectedItem | Absent | Unreadable = Unreadable(
        "the protected item", "not part of this example"
    )
    policy: BackupPolicy | Absent | Unreadable = Unreadable(
        "the backup policy", "not part of this example"
    )

    groups: tuple[AppliedGroup, ...] | Absent | Unreadable = Unreadable(
        "the effective security rules", "not part of this example"
    )
    routes: tuple[Route, ...] | Absent | Unreadable = Unreadable(
        "the effective routes", "not part of this example"
    )

    async def virtual_machine(self, vm_id: str) -> VirtualMachine | Absent | Unreadable:  # noqa: ARG002
        return self.vm

    async def extensions(self, vm_id: str) -> tuple[Extension, ...] | Absent | Unreadable:  # noqa: ARG002
        return self.vm_extensions

    async def extension(self, extension_id: str) -> Extension | Absent | Unreadable:
        if isinstance(self.vm_extensions, Unreadable):
            return self.vm_extensions
        known = (*self.hidden, *self.vm_extensions)
        found = (each for each in known if same(each.id, extension_id))
        return next(found, Absent(f"the extension {last_name(extension_id)}"))

    async def restore_point_collections(
        self, vm_id: str
    ) -> tuple[RestorePointCollection, ...] | Absent | Unreadable:
        if isinstance(self.collections, Unreadable):
            return self.collections
        return tuple(each for each in self.collections if each.is_of(vm_id))

    async def locks(
        self, scope: str, *, below: bool = False
    ) -> tuple[Lock, ...] | Absent | Unreadable:
        if isinstance(self.locked_by, Unreadable):
            return self.locked_by
        return tuple(
            each
            for each in self.locked_by
            if is_at_or_above(each.scope, scope) or (below and is_at_or_above(scope, each.scope))
        )

    async def protected_item(self, item_id: str) -> ProtectedItem | Absent | Unreadable:  # noqa: ARG002
        return self.item

    async def backup_policy(self, policy_id: str) -> BackupPolicy | Absent | Unreadable:  # noqa: ARG002
        return self.policy

    async def effective_groups(
        self,
        interface_id: str,  # noqa: ARG002
    ) -> tuple[AppliedGroup, ...] | Absent | Unreadable:
        return self.groups

    async def effective_routes(
        self,
        interface_id: str,  # noqa: ARG002
    ) -> tuple[Route, ...] | Absent | Unreadable:
        return self.routes


EXAMPLE_SUBJECT = Subject(
    vm_id="/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm1",
    failed_at="2026-01-10T02:00:00Z",
    minimum_linux_agent="2.2.53.1",
    error_code="BackUpOperationFailed",
    item_id=(
        "/subscriptions/s/resourceGroups/v/providers/Microsoft.RecoveryServices/vaults/v/backupFabrics/Azure"
        "/protectionContainers/IaasVMContainer;iaasvmcontainerv2;g;vm1/protectedItems/VM;iaasvmcontainerv2;g;vm1"
    ),
    now="2026-01-10T02:30:00.000000Z",
    stuck_extension_seconds=600,
)


@dataclass(frozen=True, slots=True)
class Example:
    says: str
    facts: KnownFacts
    verdict: Verdict
    subject: Subject = EXAMPLE_SUBJECT


WINDOWS_VM = VirtualMachine(
    id="/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm1",
    name="vm1",
    location="westeurope",
    os_type="Windows",
    power_state="running",
    provisioning_state="succeeded",
    provisioning_time="2025-12-01T08:00:00Z",
    agent_status="Ready",
    agent_version="2.7.41491.1095",
    agent_message="GuestAgent is running and processing the extensions.",
    agent_time="2026-01-10T02:29:40Z",
    managed_disks=True,
    tags={},
    vm_id_guid="5c0e5f5a-6c0b-4c5c-9a65-3f6e0d6f1a01",
    extensions=(),
    handlers=(),
    interfaces=(
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/vm1-nic",
    ),
    guest=Guest(
        os_name="Windows Server 2022 Datacenter Azure Edition",
        os_version="10.0.20348.2582",
        image="MicrosoftWindowsServer WindowsServer 2022-datacenter-g2",
        provision_agent=True,
        extension_operations=True,
    ),
)
"""A healthy VM from which examples vary."""
LINUX_VM = replace(
    WINDOWS_VM,
    os_type="Linux",
    agent_version="2.11.1.12",
    guest=replace(
        WINDOWS_VM.guest,
        os_name="ubuntu",
        os_version="22.04",
        image="Canonical 0001-com-ubuntu-server-jammy 22_04-lts-gen2",
    ),
)


def silent(vm: VirtualMachine) -> VirtualMachine:
    """The VM with an agent that does not answer, as Azure shows it."""
    return replace(
        vm,
        agent_status="Not Ready",
        agent_version="Unknown",
        agent_message="VM status blob is not populated.",
        handlers=(),
        guest=replace(vm.guest, os_name="", os_version=""),
    )


def confirmed(cause: str, *evidence: Sentence, targets: tuple[Target, ...] = ()) -> Finding:
    return Finding(cause, Verdict.CONFIRMED, evidence, targets)


def ruled_out(cause: str, *evidence: Sentence) -> Finding:
    return Finding(cause, Verdict.RULED_OUT, evidence)


def unknown(cause: str, *evidence: Sentence) -> Finding:
    return Finding(cause, Verdict.UNKNOWN, evidence)


def not_read(cause: str, what: Sentence, fact: Absent | Unreadable) -> Finding:
    """UNKNOWN with the reason, for a fact that a checker cannot do without."""
    if isinstance(fact, Absent):
        return unknown(cause, phrase("not_there", what=what))
    return unknown(cause, phrase("not_read", what=what, reason=fact.reason))


PROTECTED_ITEM = ProtectedItem(
    id=EXAMPLE_SUBJECT.item_id,
    source_id=WINDOWS_VM.id,
    protection_state="Protected",
    policy_id="/subscriptions/s/resourceGroups/v/providers/Microsoft.RecoveryServices/vaults/v/backupPolicies/daily",
    policy_type=STANDARD,
    deletion_scheduled=False,
    last_recovery_point="2026-01-09T02:00:00Z",
)
DAILY_POLICY = BackupPolicy(
    id=PROTECTED_ITEM.policy_id,
    type=STANDARD,
    instant_retention_days=2,
    daily_retention=timedelta(days=30),
    consistency="",
    backups_a_week=7,
)
AGENTLESS_POLICY = replace(DAILY_POLICY, type=ENHANCED, consistency="OnlyCrashConsistent")
ENHANCED_ITEM = replace(PROTECTED_ITEM, policy_type=ENHANCED)
IN_VAULT = KnownFacts(item=PROTECTED_ITEM, policy=DAILY_POLICY)
"""What the vault knows of the VM of the examples."""


def the_vm(subject: Subject) -> Sentence:
    return phrase("the_vm", name=last_name(subject.vm_id))


def the_item(subject: Subject) -> Sentence:
    return phrase("the_item", name=last_name(subject.item_id))


def the_policy(item: ProtectedItem) -> Sentence:
    return phrase("the_policy", name=last_name(item.policy_id))


def the_extensions(subject: Subject) -> Sentence:
    return phrase("the_extensions", vm=last_name(subject.vm_id))


def last_name(arm_id: str) -> str:
    """For people; "?" where there is no id."""
    return arm_id.rsplit("/", 1)[-1] or "?"
