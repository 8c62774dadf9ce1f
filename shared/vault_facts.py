"""Facts of a protected VM in its vault: its item, its policy, its recovery points.
shared/azure/vault_from_wire.py makes them from the vault's JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from shared.arm_ids import fold

STANDARD, ENHANCED = "V1", "V2"
BACKED_UP_STATES = ("irpending", "protected", "protectionerror")
"""Protection states in which Azure Backup continues to make backups. Stopped, paused,
suspended, Invalid, "" and unknown states are not among them."""
INSTANT_TIERS = ("instantrp", "1")
VAULT_TIERS = ("hardenedrp", "archivedrp", "2", "3")
"""By name, or by number as older traces show them."""
VAULT_STATUSES = ("valid", "rehydrated")
KNOWN_STATUSES = ("invalid", "valid", "disabled", "deleted", "rehydrated")
NORMAL_EXCESS = 3
"""Instant restore points beyond the retention that are normal."""
UNFLAGGED = ("", "healthy", "unknown", "notavailable")
"""Threat states that do not rule a point out; "" where the vault does not scan for
threats."""


@dataclass(frozen=True, slots=True)
class ProtectedItem:
    """A VM as its vault protects it. An empty string: Azure's answer did not have the
    field."""

    id: str
    source_id: str
    """Id of the VM."""
    protection_state: str
    policy_id: str
    policy_type: str
    """V1 (Standard) or V2 (Enhanced)."""
    deletion_scheduled: bool
    """Soft-deleted: its data is kept for some days, and no backup is made any more."""
    last_recovery_point: str

    @property
    def why_not_backed_up(self) -> str:
        """Why no further backup of this item will be made; "" where one will."""
        if self.deletion_scheduled:
            return "the item is scheduled for deletion"
        if fold(self.protection_state) not in BACKED_UP_STATES:
            return (
                f"protection is not on: the item's state is {self.protection_state or 'not told'}"
            )
        return ""


@dataclass(frozen=True, slots=True)
class BackupPolicy:
    id: str
    type: str
    """V1 (Standard) or V2 (Enhanced); "" where the policy says neither or both."""
    instant_retention_days: int | None
    daily_retention: timedelta | None
    """How long the vault keeps a daily point. None: the policy has no daily retention,
    or one that we cannot read."""
    consistency: str
    """OnlyCrashConsistent for agentless backups, else ""."""
    backups_a_week: int | None
    """How many its schedule makes; None for a schedule that we cannot read."""

    @property
    def instant_points_kept(self) -> int | None:
        """How many instant restore points it keeps by itself; None where it does not
        say. Up to three more are normal.
        https://learn.microsoft.com/azure/backup/backup-instant-restore-capability"""
        if self.instant_retention_days is None or self.backups_a_week is None:
            return None
        return ceil(self.instant_retention_days * self.backups_a_week / 7) + NORMAL_EXCESS

    @property
    def is_agentless(self) -> bool:
        """Whether its backups need neither VM agent nor extension.
        https://learn.microsoft.com/azure/backup/backup-azure-vms-agentless-multi-disk-crash-consistent-overview
        """
        return fold(self.consistency) == "onlycrashconsistent"


@dataclass(frozen=True, slots=True)
class Tier:
    type: str
    status: str

    @property
    def in_vault(self) -> bool:
        return fold(self.type) in VAULT_TIERS and fold(self.status) in VAULT_STATUSES

    @property
    def known(self) -> bool:
        return (
            fold(self.type) in (*INSTANT_TIERS, *VAULT_TIERS)
            and fold(self.status) in KNOWN_STATUSES
        )


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    name: str
    time: str
    """ISO 8601 as Azure wrote it, or ""."""
    type: str
    """AppConsistent, CrashConsistent, FileSystemConsistent, or whatever Azure wrote."""
    tiers: tuple[Tier, ...]
    session_open: bool | None
    """Whether a file-recovery session has its disks mounted; None where Azure does not
    say."""
    threat: str
    """`threatStatus` as Azure wrote it; or ""."""
    soft_deleted: bool

    @property
    def in_vault(self) -> bool:
        """Whether the vault can restore from it without its snapshot. A flagged or
        soft-deleted point does not count."""
        return (
            any(tier.in_vault for tier in self.tiers)
            and fold(self.threat) in UNFLAGGED
            and not self.soft_deleted
        )

    @property
    def unknown_tiers(self) -> tuple[str, ...]:
        """Each tier of an unknown type or status, as Azure wrote it."""
        return tuple(
            f"{tier.type or '?'} {tier.status or '?'}" for tier in self.tiers if not tier.known
        )
