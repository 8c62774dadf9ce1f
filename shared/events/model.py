"""What an event turns out to be: a failed VM backup, something that is not ours, or
something that nobody can use."""

from __future__ import annotations

from dataclasses import dataclass

LOCK_NOT_BACK = "AzureBackupRemediator.LockNotBack"
"""Type of the event by which the product itself tells that a lock could not be put back
yet."""


@dataclass(frozen=True, slots=True)
class CodeHint:
    """An error code that the event names in one of its places. The job in the vault may
    know better."""

    source: str
    """link, originAlertId or description."""
    code: str
    """In the catalogue's spelling where it is known there, else as it was written."""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class FailureEvent:
    """A backup job of an Azure VM failed, says the event."""

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
    """How it was wrapped: CloudEvents 1.0, Event Grid schema, or common alert schema.
    """
    event_id: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A well-formed event that is not the failed backup of an Azure VM, and why."""

    reason: str
    shape: str
    subscription_id: str = ""
    vm_id: str = ""
    job_id: str = ""
    vault_id: str = ""
    key: str = ""
    """Set for failed backups of others: a person may look for them. "" for what is no
    failed backup at all."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """Nothing can be made of it, however often it is sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Several:
    """One body that tells of several things, such as the rows of a log alert: each is
    taken."""

    found: tuple[FailureEvent | Ignored, ...]
    unusable: str = ""
    """Which part of it nobody can use, and why; "" where all of it was read."""
