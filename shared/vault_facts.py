"""What the vault told us of a protected VM: its item, its policy, its recovery points.

https://learn.microsoft.com/rest/api/backup/protected-items/get,
https://learn.microsoft.com/rest/api/backup/protection-policies/get and
https://learn.microsoft.com/rest/api/backup/recovery-points/list
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from shared.arm_ids import fold
from shared.azure.wire import Wire, read_list, read_object, read_text

STANDARD, ENHANCED = "V1", "V2"
BACKED_UP_STATES = ("irpending", "protected", "protectionerror")
"""Protection states in which Azure Backup goes on making backups. Stopped, paused,
suspended, Invalid, "" and unknown ones are none."""
INSTANT_TIERS = ("instantrp", "1")
VAULT_TIERS = ("hardenedrp", "archivedrp", "2", "3")
"""The second form is the number that older traces show."""
VAULT_STATUSES = ("valid", "rehydrated")
KNOWN_STATUSES = ("invalid", "valid", "disabled", "deleted", "rehydrated")
UNFLAGGED = ("", "healthy", "unknown", "notavailable")
"""Threat states that say nothing against a point; "" where the vault does not look for
threats."""
_DAYS = {"days": 1, "weeks": 7, "months": 31, "years": 366}
"""The longest month and year: a point counts as expired only when it is for certain."""


@dataclass(frozen=True, slots=True)
class ProtectedItem:
    """A VM as its vault protects it. Empty strings mean that Azure's answer did not
    have the field."""

    id: str
    source_id: str
    """Id of the VM."""
    protection_state: str
    policy_id: str
    policy_type: str
    """V1 (Standard) or V2 (Enhanced)."""
    deletion_scheduled: bool
    """Soft-deleted: its data is kept for some days, and nothing is backed up any more.
    """
    last_recovery_point: str

    @property
    def why_not_backed_up(self) -> str:
        """Why no further backup of this item is made, or "" when there will be one."""
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
    """V1 (Standard), V2 (Enhanced), or "" when the policy does not say, or says both.
    """
    instant_retention_days: int | None
    daily_retention: timedelta | None
    """How long the vault keeps a daily point. None: the policy has no daily retention,
    or it cannot be read."""
    consistency: str
    """OnlyCrashConsistent for agentless backups, else ""."""


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
    """Whether a file-recovery session has its disks mounted; None when Azure does not
    say."""
    threat: str
    """`threatStatus` as Azure wrote it, or ""."""
    soft_deleted: bool

    @property
    def in_vault(self) -> bool:
        """Whether the vault can restore from it when its snapshot is gone. A flagged or
        soft-deleted point replaces nothing."""
        return (
            any(tier.in_vault for tier in self.tiers)
            and fold(self.threat) in UNFLAGGED
            and not self.soft_deleted
        )

    @property
    def unknown_tiers(self) -> tuple[str, ...]:
        """Each tier whose type or status we do not know, as Azure wrote it."""
        return tuple(
            f"{tier.type or '?'} {tier.status or '?'}" for tier in self.tiers if not tier.known
        )


def protected_item(wire: Wire) -> ProtectedItem:
    properties = read_object(wire, "properties")
    scheduled = properties.get("isScheduledForDeferredDelete") is True
    return ProtectedItem(
        id=read_text(wire, "id"),
        source_id=read_text(properties, "sourceResourceId")
        or read_text(properties, "virtualMachineId"),
        protection_state=read_text(properties, "protectionState"),
        policy_id=read_text(properties, "policyId"),
        policy_type=_policy_type(read_text(properties, "policyType")),
        deletion_scheduled=scheduled or bool(read_text(properties, "deferredDeleteTimeInUTC")),
        last_recovery_point=read_text(properties, "lastRecoveryPoint"),
    )


def backup_policy(wire: Wire) -> BackupPolicy:
    properties = read_object(wire, "properties")
    daily = read_object(read_object(properties, "retentionPolicy"), "dailySchedule")
    days = properties.get("instantRpRetentionRangeInDays")
    return BackupPolicy(
        id=read_text(wire, "id"),
        type=_type_of_policy(properties),
        instant_retention_days=(
            days if isinstance(days, int) and not isinstance(days, bool) else None
        ),
        daily_retention=_duration(read_object(daily, "retentionDuration")),
        consistency=read_text(properties, "snapshotConsistencyType"),
    )


def recovery_point(wire: Wire) -> RecoveryPoint:
    properties = read_object(wire, "properties")
    session = properties.get("isInstantIlrSessionActive")
    tiers = read_list(properties, "recoveryPointTierDetails")
    return RecoveryPoint(
        name=read_text(wire, "name"),
        time=read_text(properties, "recoveryPointTime"),
        type=read_text(properties, "recoveryPointType"),
        tiers=tuple(Tier(read_text(tier, "type"), read_text(tier, "status")) for tier in tiers),
        session_open=session if isinstance(session, bool) else None,
        threat=read_text(properties, "threatStatus"),
        soft_deleted=read_object(properties, "recoveryPointProperties").get("isSoftDeleted")
        is True,
    )


def _type_of_policy(properties: Wire) -> str:
    """What `policyType` says, else the kind of schedule; "" where the two contradict
    each other."""
    written = read_text(properties, "policyType")
    told = _policy_type(written)
    schedules = {"simpleschedulepolicy": STANDARD, "simpleschedulepolicyv2": ENHANCED}
    scheduled = schedules.get(
        fold(read_text(read_object(properties, "schedulePolicy"), "schedulePolicyType")), ""
    )
    if (written and not told) or (told and scheduled and told != scheduled):
        return ""
    return told or scheduled


def _policy_type(text: str) -> str:
    return next((known for known in (STANDARD, ENHANCED) if fold(known) == fold(text)), "")


def _duration(wire: Wire) -> timedelta | None:
    count, unit = wire.get("count"), _DAYS.get(fold(read_text(wire, "durationType")))
    if (
        unit is None
        or not isinstance(count, int)
        or isinstance(count, bool)
        or not 0 < count <= 36_500
    ):
        return None
    return timedelta(days=count * unit)
