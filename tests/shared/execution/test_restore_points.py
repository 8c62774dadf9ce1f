"""When a restore point collection may go without a person: must-stay cases first, each
with the words that the person is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.azure.from_wire import read_virtual_machine
from shared.azure.vault_from_wire import (
    read_backup_policy,
    read_protected_item,
    read_recovery_point,
)
from shared.diagnosis.checkers.contract import WINDOWS_VM
from shared.execution.restore_points import Known, why_changed, why_kept
from shared.facts import Absent, RestorePoint, RestorePointCollection, Unreadable
from shared.vault_facts import (
    BackupPolicy,
    ProtectedItem,
    RecoveryPoint,
    Tier,
)

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
VAULTED = (Tier("InstantRP", "Valid"), Tier("HardenedRP", "Valid"))
SNAPSHOT = (Tier("InstantRP", "Valid"),)
ITEM = ProtectedItem(
    "/item", WINDOWS_VM.id, "Protected", "/policy", "V1", False, "2026-11-24T02:00:00Z"
)
POLICY = BackupPolicy("/policy", "V1", 2, timedelta(days=30), "", 7)


def at(days: float = 0, minutes: float = 0) -> datetime:
    """So many days ago, and so many minutes later."""
    return (
        datetime(2026, 11, 25, 2, 0, tzinfo=UTC) - timedelta(days=days) + timedelta(minutes=minutes)
    )


def point(days: float = 0, minutes: float = 0, **changes: str) -> RestorePoint:
    moment = at(days, minutes)
    made = RestorePoint(
        f"AzureBackup_{moment:%Y%m%d_%H%M%S}",
        moment.isoformat(),
        WINDOWS_VM.vm_id_guid,
        "Succeeded",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def copy(
    days: float = 0, minutes: float = 0, tiers: tuple[Tier, ...] = VAULTED, **changes: Any
) -> RecoveryPoint:
    made = RecoveryPoint(
        "1",
        f"{at(days, minutes):%Y-%m-%dT%H:%M:%S}.1234567Z",
        "AppConsistent",
        tiers,
        False,
        "",
        False,
    )
    return replace(made, **changes)


def known(
    points: tuple[RestorePoint, ...] | None, copies: tuple[RecoveryPoint, ...], **changes: Any
) -> Known:
    collection = RestorePointCollection(
        "/c", "AzureBackup_vm1", WINDOWS_VM.id, "westeurope", "Succeeded", points
    )
    return replace(Known(collection, WINDOWS_VM, ITEM, POLICY, copies), **changes)


def why(facts: Known, pairing: timedelta = HOUR) -> str:
    return "; ".join(why_kept(facts, pairing, NOW))


THREE, COPIES = (point(2), point(1), point(0)), (copy(2), copy(1), copy(0))
GOOD = known(THREE, COPIES)
ENHANCED = {"item": replace(ITEM, policy_type="V2"), "policy": replace(POLICY, type="V2")}
HOURLY = tuple(point(0, -60 * hours) for hours in (0, 4, 8, 12))


def tiered(*tiers: tuple[str, str]) -> Known:
    """The newest restore point's copy has these tiers; the others are in the vault."""
    return known(THREE, (copy(2), copy(1), copy(0, tiers=tuple(Tier(*each) for each in tiers))))


STAYS = [
    (
        "protection is stopped",
        replace(GOOD, item=replace(ITEM, protection_state="ProtectionStopped")),
        "ProtectionStopped",
    ),
    (
        "protection is paused",
        replace(GOOD, item=replace(ITEM, protection_state="ProtectionPaused")),
        "ProtectionPaused",
    ),
    (
        "backups are suspended",
        replace(GOOD, item=replace(ITEM, protection_state="BackupsSuspended")),
        "BackupsSuspended",
    ),
    (
        "an invalid state",
        replace(GOOD, item=replace(ITEM, protection_state="Invalid")),
        "state is Invalid",
    ),
    ("no state", replace(GOOD, item=replace(ITEM, protection_state="")), "not told"),
    (
        "a state nobody knows",
        replace(GOOD, item=replace(ITEM, protection_state="ProtectedSoon")),
        "ProtectedSoon",
    ),
    (
        "soft-deleted",
        replace(GOOD, item=replace(ITEM, deletion_scheduled=True)),
        "scheduled for deletion",
    ),
    (
        "the item is another VM's",
        replace(GOOD, item=replace(ITEM, source_id=WINDOWS_VM.id + "0")),
        "not /subscriptions/s",
    ),
    (
        "the item cannot be read",
        replace(GOOD, item=Unreadable("the protected item vm1", "403")),
        "the protected item vm1 could not be read: 403",
    ),
    ("the item is gone", replace(GOOD, item=Absent("the protected item vm1")), "does not exist"),
    (
        "the policy cannot be read",
        replace(GOOD, policy=Unreadable("the backup policy p", "403")),
        "the backup policy p could not be read: 403",
    ),
    (
        "the policy is gone",
        replace(GOOD, policy=Absent("the backup policy p")),
        "the backup policy p does not exist",
    ),
    (
        "the policy names no type",
        replace(GOOD, policy=replace(POLICY, type="")),
        "the policy nothing",
    ),
    (
        "the item names no type",
        replace(GOOD, item=replace(ITEM, policy_type="")),
        "the item says nothing",
    ),
    (
        "item and policy disagree",
        replace(GOOD, policy=replace(POLICY, type="V2")),
        "the item says V1, the policy V2",
    ),
    (
        "the VM cannot be read",
        replace(GOOD, vm=Unreadable("the VM vm1", "500")),
        "the VM vm1 could not be read: 500",
    ),
    (
        "the VM does not tell its vmId",
        replace(GOOD, vm=replace(WINDOWS_VM, vm_id_guid="")),
        "does not tell its vmId",
    ),
    ("the points were not told", known(None, COPIES), "were not told"),
    (
        "the recovery points cannot be read",
        replace(GOOD, recovery_points=Unreadable("the recovery points", "403")),
        "403",
    ),
    ("no recovery point at all", known(THREE, ()), "the vault holds no recovery point"),
    (
        "IRPending",
        replace(known(THREE, ()), item=replace(ITEM, protection_state="IRPending")),
        "holds no recovery point",
    ),
    (
        "snapshots only",
        known(THREE, tuple(copy(days, tiers=SNAPSHOT) for days in (2, 1, 0))),
        "holds no recovery point",
    ),
    (
        "a point of another machine",
        known((point(2, vm_id_guid="61b7aa89"), *THREE[1:]), COPIES),
        "of 61b7aa89",
    ),
    (
        "a point that names no machine",
        known((point(2, vm_id_guid=""), *THREE[1:]), COPIES),
        "no machine that it names",
    ),
    (
        "a point in the making",
        known((*THREE[:2], point(0, provisioning_state="Creating")), COPIES),
        "is Creating",
    ),
    (
        "a point on its way out",
        known((*THREE[:2], point(0, provisioning_state="Deleting")), COPIES),
        "is Deleting",
    ),
    (
        "a point in no state",
        known((*THREE[:2], point(0, provisioning_state="")), COPIES),
        "in no state",
    ),
    (
        "a file-recovery session",
        known(THREE, (*COPIES[:2], copy(0, session_open=True))),
        "file-recovery session is open",
    ),
    (
        "a session on an old one",
        known(THREE, (*COPIES, copy(20, session_open=True))),
        "file-recovery session is open",
    ),
    (
        "a session is not told",
        known(THREE, (*COPIES[:2], copy(0, session_open=None))),
        "does not say whether a file-recovery",
    ),
    ("a point without a time", known((*THREE, point(3, created_at="")), COPIES), "without a time"),
    (
        "a point whose time is none",
        known((*THREE, point(3, created_at="last night")), COPIES),
        "without a time",
    ),
    (
        "a point newer than the vault",
        known((*THREE, point(0, 120)), COPIES),
        "AzureBackup_20261125_040000",
    ),
    (
        "a lost one in between",
        known(THREE, (copy(2), copy(0))),
        "AzureBackup_20261124_020000 (2026-11-24T02:00:00+00:00)",
    ),
    ("61 minutes apart", known((point(0),), (copy(0, 61),)), "not in the vault"),
    (
        "two points, one copy between them",
        known((point(0), point(0, 10)), (copy(0, 5),)),
        "not in the vault",
    ),
    (
        "its own entry is a snapshot, another's copy is near",
        known((point(0),), (copy(0, tiers=SNAPSHOT), copy(0, 50))),
        "not in",
    ),
    (
        "hourly snapshots, one a day in the vault",
        known(HOURLY, (copy(0),), **ENHANCED),
        "AzureBackup_20261124_220000",
    ),
    (
        "hourly, each with its own entry",
        known(HOURLY, (copy(0), copy(0, -240, SNAPSHOT)), **ENHANCED),
        "not in the vault",
    ),
    (
        "no daily retention",
        known((point(40), *THREE), COPIES, policy=replace(POLICY, daily_retention=None)),
        "not in the vault",
    ),
    ("29 days old, kept 30", known((point(29), *THREE), COPIES), "AzureBackup_20261027_020000"),
    (
        "expired, but newer than the vault",
        known((point(35),), (copy(40),)),
        "AzureBackup_20261021_020000",
    ),
    (
        "expired, its entry has an unknown tier",
        known((point(35), *THREE), (*COPIES, copy(35, tiers=(Tier("X", "Valid"),)))),
        "X Valid",
    ),
    (
        "an unknown tier",
        tiered(("IASnapshotRP", "Valid")),
        "a tier that is not known: IASnapshotRP Valid",
    ),
    ("a tier as an unknown number", tiered(("4", "Valid")), "4 Valid"),
    ("an unknown status", tiered(("HardenedRP", "Moving")), "HardenedRP Moving"),
    (
        "the copy was deleted",
        tiered(("InstantRP", "Valid"), ("HardenedRP", "Deleted")),
        "AzureBackup_20261125_020000",
    ),
    ("the copy is disabled", tiered(("HardenedRP", "Disabled")), "not in the vault"),
    ("no tier told", tiered(), "none is told"),
    (
        "expired, its entry tells no tier",
        known((point(35), *THREE), (*COPIES, copy(35, tiers=()))),
        "none is told",
    ),
    (
        "flagged as a threat",
        known(THREE, (*COPIES[:2], copy(0, threat="UnHealthy"))),
        "AzureBackup_20261125_020000",
    ),
    (
        "a threat state nobody knows",
        known(THREE, (*COPIES[:2], copy(0, threat="Suspicious"))),
        "AzureBackup_20261125_020000",
    ),
    (
        "the copy is soft-deleted",
        known(THREE, (*COPIES[:2], copy(0, soft_deleted=True))),
        "AzureBackup_20261125_020000",
    ),
    (
        "a recovery point without a time",
        known(THREE, (*COPIES[:2], copy(0, time=""))),
        "AzureBackup_20261125_020000",
    ),
]
GOES = [
    ("each has its copy", GOOD),
    (
        "the points carry the vmId in capitals",
        known(tuple(replace(p, vm_id_guid=p.vm_id_guid.upper()) for p in THREE), COPIES),
    ),
    ("the vault holds more", known(THREE, (*COPIES, copy(9), copy(20)))),
    ("59 minutes apart", known(THREE, (copy(2, 59), copy(1, -59), copy(0, 1)))),
    (
        "archived",
        tiered(("InstantRP", "Deleted"), ("HardenedRP", "Deleted"), ("ArchivedRP", "Valid")),
    ),
    ("rehydrated", tiered(("ArchivedRP", "Rehydrated"))),
    ("tiers as numbers", tiered(("1", "Valid"), ("2", "Valid"))),
    ("the archive as a number", tiered(("3", "Valid"))),
    (
        "in the vault, and one tier unknown",
        tiered(("HardenedRP", "Valid"), ("IASnapshotRP", "Valid")),
    ),
    ("scanned, nothing found", known(THREE, (*COPIES[:2], copy(0, threat="Healthy")))),
    ("an old leftover beside the good ones", known((point(400), *THREE), COPIES)),
    ("only old leftovers", known((point(400), point(399)), (copy(0),))),
    (
        "an expired snapshot that still has its entry",
        known((point(35), *THREE), (*COPIES, copy(35, tiers=SNAPSHOT))),
    ),
    ("Enhanced, once a day", known(THREE, COPIES, **ENHANCED)),
    (
        "protected with an error",
        replace(GOOD, item=replace(ITEM, protection_state="ProtectionError")),
    ),
    (
        "a failed point with its copy",
        known((*THREE[:2], point(0, provisioning_state="Failed")), COPIES),
    ),
    ("no points", known((), COPIES)),
]


@pytest.mark.parametrize(
    ("facts", "told"),
    [(facts, told) for _, facts, told in STAYS],
    ids=[name for name, _, _ in STAYS],
)
def test_it_stays_and_the_person_is_told_why(facts: Known, told: str) -> None:
    assert told in why(facts)


@pytest.mark.parametrize("facts", [facts for _, facts in GOES], ids=[name for name, _ in GOES])
def test_it_may_go(facts: Known) -> None:
    assert why(facts) == ""


def test_what_is_unread_is_told_all_at_once() -> None:
    told = why(
        replace(
            GOOD,
            policy=Unreadable("the policy", "403"),
            recovery_points=Unreadable("the recovery points", "429"),
        )
    )
    assert "the policy could not be read: 403" in told
    assert "the recovery points could not be read: 429" in told


def test_the_setting_is_how_far_apart_they_may_lie() -> None:
    apart = known((point(0),), (copy(0, 10),))
    assert why(apart, timedelta(minutes=11)) == ""
    assert "not in the vault" in why(apart, timedelta(minutes=9))


DAILY = {
    "retentionPolicy": {
        "dailySchedule": {"retentionDuration": {"count": 30, "durationType": "Days"}}
    }
}
SIMPLE, SIMPLE_2 = (
    {"schedulePolicy": {"schedulePolicyType": kind}}
    for kind in ("SimpleSchedulePolicy", "SimpleSchedulePolicyV2")
)


@pytest.mark.parametrize(
    ("properties", "kind", "retention"),
    [
        ({"policyType": "V1"} | DAILY, "V1", timedelta(days=30)),
        ({"policyType": "v2"} | SIMPLE_2, "V2", None),
        (SIMPLE | DAILY, "V1", timedelta(days=30)),
        ({"policyType": None} | SIMPLE_2, "V2", None),
        ({"policyType": "V1"} | SIMPLE_2, "", None),
        ({"policyType": "V3"} | SIMPLE, "", None),
        ({}, "", None),
        (
            {
                "retentionPolicy": {
                    "dailySchedule": {"retentionDuration": {"count": 2, "durationType": "Months"}}
                }
            },
            "",
            timedelta(days=62),
        ),
        (
            {
                "retentionPolicy": {
                    "dailySchedule": {"retentionDuration": {"count": 2, "durationType": "Moons"}}
                }
            },
            "",
            None,
        ),
        (
            {
                "retentionPolicy": {
                    "dailySchedule": {"retentionDuration": {"count": "30", "durationType": "Days"}}
                }
            },
            "",
            None,
        ),
        (
            {
                "retentionPolicy": {
                    "dailySchedule": {"retentionDuration": {"count": 0, "durationType": "Days"}}
                }
            },
            "",
            None,
        ),
    ],
)
def test_what_a_policy_says(
    properties: dict[str, Any], kind: str, retention: timedelta | None
) -> None:
    found = read_backup_policy({"id": "/p", "properties": properties})
    assert (found.type, found.daily_retention) == (kind, retention)


@pytest.mark.parametrize(
    ("properties", "scheduled", "source"),
    [
        ({"isScheduledForDeferredDelete": True}, True, ""),
        ({"isScheduledForDeferredDelete": False, "virtualMachineId": "/v"}, False, "/v"),
        (
            {
                "deferredDeleteTimeInUTC": "2026-11-30T00:00:00Z",
                "sourceResourceId": "/s",
                "virtualMachineId": "/v",
            },
            True,
            "/s",
        ),
        ({"deferredDeleteTimeInUTC": None}, False, ""),
    ],
)
def test_what_an_item_says(properties: dict[str, Any], scheduled: bool, source: str) -> None:
    found = read_protected_item({"id": "/i", "properties": properties})
    assert (found.deletion_scheduled, found.source_id) == (scheduled, source)


@pytest.mark.parametrize(
    ("properties", "in_vault", "session"),
    [
        (
            {
                "recoveryPointTierDetails": [{"type": 2, "status": "Valid"}],
                "isInstantIlrSessionActive": False,
            },
            True,
            False,
        ),
        (
            {
                "recoveryPointTierDetails": [{"type": 3, "status": "Rehydrated"}],
                "isInstantIlrSessionActive": True,
            },
            True,
            True,
        ),
        (
            {
                "recoveryPointTierDetails": [{"type": 1, "status": "Valid"}],
                "isInstantIlrSessionActive": "no",
            },
            False,
            None,
        ),
        ({"recoveryPointTierDetails": [{"type": "HardenedRP", "status": 1}]}, False, None),
        ({"recoveryPointTierDetails": [{"type": "HardenedRP"}]}, False, None),
        ({"recoveryPointTierDetails": None}, False, None),
        ({}, False, None),
    ],
)
def test_what_a_recovery_point_says(
    properties: dict[str, Any], in_vault: bool, session: bool | None
) -> None:
    found = read_recovery_point({"id": "/r", "name": "1", "properties": properties})
    assert (found.in_vault, found.session_open) == (in_vault, session)


def test_a_vm_tells_which_machine_it_is() -> None:
    assert read_virtual_machine({"id": "/v", "properties": {"vmId": "61B7"}}).vm_id_guid == "61B7"
    assert (
        read_virtual_machine(
            {"id": "/v", "properties": {"provisioningState": "Succeeded"}}
        ).vm_id_guid
        == ""
    )


CHANGED = [
    ("nothing changed", THREE, ITEM, COPIES, ""),
    ("a point went", THREE[1:], ITEM, COPIES, ""),
    (
        "a point came",
        (*THREE, point(0, 60)),
        ITEM,
        COPIES,
        "made just now: AzureBackup_20261125_030000",
    ),
    (
        "a point is worked on",
        (*THREE[:2], point(0, provisioning_state="Updating")),
        ITEM,
        COPIES,
        "is Updating",
    ),
    (
        "a session was opened",
        THREE,
        ITEM,
        (copy(0, session_open=True),),
        "file-recovery session is open",
    ),
    (
        "protection was stopped",
        THREE,
        replace(ITEM, protection_state="ProtectionStopped"),
        COPIES,
        "ProtectionStopped",
    ),
    (
        "the item cannot be read",
        THREE,
        Unreadable("the item", "500"),
        COPIES,
        "the item could not be read: 500",
    ),
    (
        "the recovery points cannot be read",
        THREE,
        ITEM,
        Unreadable("the recovery points", "500"),
        "the recovery points could not be read: 500",
    ),
    ("the points are not told", None, ITEM, COPIES, "were not told"),
]


@pytest.mark.parametrize(
    ("points", "item", "copies", "told"),
    [row[1:] for row in CHANGED],
    ids=[row[0] for row in CHANGED],
)
def test_the_last_look(points: Any, item: Any, copies: Any, told: str) -> None:
    now = replace(GOOD.collection, points=points)
    found = "; ".join(why_changed(GOOD.collection, now, WINDOWS_VM.id, item, copies))
    assert told in found and bool(found) == bool(told)


def test_what_goes_with_its_collection_is_not_in_use() -> None:
    """After a crash the same deletion is sent again; points on their way out of a
    collection that stays are another matter."""
    going = known(tuple(replace(each, provisioning_state="Deleting") for each in THREE), COPIES)
    assert "is Deleting" in why(going)
    assert (
        why(replace(going, collection=replace(going.collection, provisioning_state="Deleting")))
        == ""
    )
