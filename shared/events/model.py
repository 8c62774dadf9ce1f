"""The results of reading an event: a failed VM backup, something that is not ours, or
something unusable."""

from __future__ import annotations

from dataclasses import dataclass

LOCK_NOT_BACK = "AzureBackupRemediator.LockNotBack"
"""Type of our own event that a lock could not be put back yet."""


@dataclass(frozen=True, slots=True)
class CodeHint:
    """An error code in one place of the event. The job in the vault overrules it."""

    source: str
    """link, originAlertId or description."""
    code: str
    """In the catalogue's spelling where the catalogue has it, else as written."""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class FailureEvent:
    """The event says that a backup of an Azure VM failed."""

    subscription_id: str
    vault_id: str
    vm_id: str
    container_name: str
    """Such as IaasVMContainer;iaasvmcontainerv2;{group};{vm}."""
    item_name: str
    """Such as VM;iaasvmcontainerv2;{group};{vm}."""
    job_id: str
    error_code_hints: tuple[CodeHint, ...]
    """Most trusted first."""
    description: str
    fired_at: str
    alert_id: str
    shape: str
    """Its envelope and its form, such as "CloudEvents 1.0: log search alert"."""
    event_id: str
    contradictions: tuple[str, ...] = ()
    """Fields that name another resource than the item's VM. The job in the vault
    decides whose failure it is; these are put on record."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A well-formed event that is not about a failed backup of an Azure VM, and why."""

    reason: str
    shape: str
    subscription_id: str = ""
    vm_id: str = ""
    job_id: str = ""
    vault_id: str = ""
    key: str = ""
    """Set for the failed backup of something else, which a person may look for; "" for
    anything else."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """An event that cannot be used, however often it is sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Several:
    """One body about several things, such as the rows of a log alert."""

    found: tuple[FailureEvent | Ignored, ...]
    unusable: str = ""
    """Which part of it is unusable, and why; "" where all of it was read."""
