"""Makes the facts of a protected VM from its vault's JSON.

https://learn.microsoft.com/rest/api/backup/protected-items/get,
https://learn.microsoft.com/rest/api/backup/protection-policies/get and
https://learn.microsoft.com/rest/api/backup/recovery-points/list
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypeGuard

from shared.arm_ids import fold
from shared.azure.wire import Wire, read_list, read_object, read_text
from shared.vault_facts import ENHANCED, STANDARD, BackupPolicy, ProtectedItem, RecoveryPoint, Tier

_DAYS = {"days": 1, "weeks": 7, "months": 31, "years": 366}
"""The longest month and year: a point counts as expired only when that is certain."""


def read_protected_item(wire: Wire) -> ProtectedItem:
    properties = read_object(wire, "properties")
    scheduled = properties.get("isScheduledForDeferredDelete") is True
    return ProtectedItem(
        id=read_text(wire, "id"),
        source_id=read_text(properties, "sourceResourceId")
        or read_text(properties, "virtualMachineId"),
        protection_state=read_text(properties, "protectionState"),
        policy_id=read_text(properties, "policyId"),
        policy_type=_find_policy_type(read_text(properties, "policyType")),
        deletion_scheduled=scheduled or bool(read_text(properties, "deferredDeleteTimeInUTC")),
        last_recovery_point=read_text(properties, "lastRecoveryPoint"),
    )


def read_backup_policy(wire: Wire) -> BackupPolicy:
    properties = read_object(wire, "properties")
    daily = read_object(read_object(properties, "retentionPolicy"), "dailySchedule")
    days = properties.get("instantRpRetentionRangeInDays")
    return BackupPolicy(
        id=read_text(wire, "id"),
        type=_read_policy_type(properties),
        instant_retention_days=(
            days if isinstance(days, int) and not isinstance(days, bool) else None
        ),
        daily_retention=_read_duration(read_object(daily, "retentionDuration")),
        consistency=read_text(properties, "snapshotConsistencyType"),
        backups_a_week=_count_backups_a_week(read_object(properties, "schedulePolicy")),
    )


def read_recovery_point(wire: Wire) -> RecoveryPoint:
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


def _read_policy_type(properties: Wire) -> str:
    """From `policyType`, else from the kind of schedule; "" where the two contradict
    each other."""
    written = read_text(properties, "policyType")
    known = _find_policy_type(written)
    schedules = {"simpleschedulepolicy": STANDARD, "simpleschedulepolicyv2": ENHANCED}
    scheduled = schedules.get(
        fold(read_text(read_object(properties, "schedulePolicy"), "schedulePolicyType")), ""
    )
    if (written and not known) or (known and scheduled and known != scheduled):
        return ""
    return known or scheduled


def _count_backups_a_week(schedule: Wire) -> int | None:
    """Of a Standard or an Enhanced schedule. An hourly one makes its first backup when
    its window opens, and one after each interval within the window."""
    frequency = fold(read_text(schedule, "scheduleRunFrequency"))
    if frequency == "hourly":
        hourly = read_object(schedule, "hourlySchedule")
        interval, hours = hourly.get("interval"), hourly.get("scheduleWindowDuration")
        if not _is_count(interval) or not _is_count(hours):
            return None
        return 7 * max(1, hours // interval)
    if frequency == "weekly":
        weekly = read_object(schedule, "weeklySchedule")
        days = weekly.get("scheduleRunDays") or schedule.get("scheduleRunDays")
        return len(days) if isinstance(days, list) and 0 < len(days) <= 7 else None
    return 7 if frequency == "daily" else None


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 24


def _find_policy_type(text: str) -> str:
    return next((known for known in (STANDARD, ENHANCED) if fold(known) == fold(text)), "")


def _read_duration(wire: Wire) -> timedelta | None:
    count, unit = wire.get("count"), _DAYS.get(fold(read_text(wire, "durationType")))
    if (
        unit is None
        or not isinstance(count, int)
        or isinstance(count, bool)
        or not 0 < count <= 36_500
    ):
        return None
    return timedelta(days=count * unit)
