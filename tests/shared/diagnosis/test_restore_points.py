"""Cause 6: whose points count, how soon the failure comes back, and what a person does
about what we never touch."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest

from shared.azure.vault_from_wire import read_backup_policy
from shared.diagnosis import by_hand
from shared.diagnosis.checkers import locked_restore_points as cause
from shared.diagnosis.checkers.contract import DAILY_POLICY, KnownFacts
from shared.diagnosis.checkers.restore_point_examples import (
    ENHANCED_FULL,
    FULL,
    LIMIT,
    OTHERS,
    POINTS,
    holding,
)
from shared.facts import Lock, RestorePointCollection
from shared.incident.model import Finding, Verdict
from shared.incident.returning import Returning, ordinal
from shared.vault_facts import ENHANCED

SERVICE_GROUP = "/subscriptions/s/resourceGroups/AzureBackupRG_westeurope_1"
LOCK = Lock(
    f"{SERVICE_GROUP}/providers/Microsoft.Authorization/locks/keep", "keep", "CanNotDelete", "", ()
)


def in_service_group(count: int = 18) -> RestorePointCollection:
    made = holding(count)
    return replace(made, id=made.id.replace("/subscriptions/s/resourceGroups/g", SERVICE_GROUP))


TODAY = replace(FULL, collections=(in_service_group(),), locked_by=(LOCK,))


async def find(facts: KnownFacts, subject: Any = LIMIT) -> Finding:
    return await cause.check(subject, facts)


SCHEDULES: list[tuple[str, dict[str, Any], int | None]] = [
    ("daily", {"scheduleRunFrequency": "Daily"}, 7),
    (
        "Standard, two days a week",
        {"scheduleRunFrequency": "Weekly", "scheduleRunDays": ["Monday", "Friday"]},
        2,
    ),
    (
        "Enhanced, one day a week",
        {"scheduleRunFrequency": "Weekly", "weeklySchedule": {"scheduleRunDays": ["Monday"]}},
        1,
    ),
    (
        "every 4 of 24 hours",
        {
            "scheduleRunFrequency": "Hourly",
            "hourlySchedule": {"interval": 4, "scheduleWindowDuration": 24},
        },
        42,
    ),
    (
        "every 6 of 12 hours",
        {
            "scheduleRunFrequency": "Hourly",
            "hourlySchedule": {"interval": 6, "scheduleWindowDuration": 12},
        },
        14,
    ),
    (
        "hourly without an interval",
        {"scheduleRunFrequency": "Hourly", "hourlySchedule": {"scheduleWindowDuration": 24}},
        None,
    ),
    (
        "an interval of nothing",
        {
            "scheduleRunFrequency": "Hourly",
            "hourlySchedule": {"interval": 0, "scheduleWindowDuration": 24},
        },
        None,
    ),
    ("weekly without days", {"scheduleRunFrequency": "Weekly"}, None),
    ("of another version", {"scheduleRunFrequency": "Monthly"}, None),
    ("none", {}, None),
]


@pytest.mark.parametrize(
    ("schedule", "wanted"), [row[1:] for row in SCHEDULES], ids=[row[0] for row in SCHEDULES]
)
def test_how_many_backups_a_schedule_makes(schedule: dict[str, Any], wanted: int | None) -> None:
    policy = {"id": "/p", "properties": {"policyType": "V2", "schedulePolicy": schedule}}
    assert read_backup_policy(policy).backups_a_week == wanted


async def test_under_a_standard_policy_18_points_have_room_again() -> None:
    found = await find(TODAY)
    assert found.returning == Returning(room=18, backups_a_week=7, locks=(LOCK.id,))


async def test_points_that_stay_take_room() -> None:
    """10 of ours go, 9 of another tool's stay: the 19th of all is reached in 9."""
    facts = replace(TODAY, collections=(in_service_group(10), replace(OTHERS, points=POINTS[:9])))
    found = await find(facts)
    assert found.returning == Returning(9, 7, (LOCK.id,))


async def test_under_an_enhanced_policy_the_limit_is_what_there_is_now() -> None:
    facts = replace(TODAY, item=ENHANCED_FULL.item, policy=ENHANCED_FULL.policy)
    found = await find(facts)
    assert found.returning == Returning(18, 7, (LOCK.id,))


async def test_a_lock_on_the_vm_s_own_group_protects_the_vm() -> None:
    found = await find(FULL)
    assert found.verdict is Verdict.CONFIRMED
    assert found.returning == Returning(18, 7, locks=())


async def test_a_group_that_the_policy_names_is_not_the_vm_s_own() -> None:
    def renamed(arm_id: str) -> str:
        return arm_id.replace("AzureBackupRG_westeurope_1", "contoso-rpc-1")

    made = in_service_group()
    facts = replace(
        TODAY,
        collections=(replace(made, id=renamed(made.id)),),
        locked_by=(replace(LOCK, id=renamed(LOCK.id)),),
    )
    found = await find(facts)
    assert found.returning is not None and found.returning.locks == (renamed(LOCK.id),)


async def test_what_is_not_confirmed_does_not_return() -> None:
    found = await find(replace(TODAY, locked_by=()))
    assert (found.verdict, found.returning) == (Verdict.UNKNOWN, None)


async def test_a_lock_on_the_vault_is_named_with_the_command_that_removes_it() -> None:
    vault = "/subscriptions/s/resourceGroups/v/providers/Microsoft.RecoveryServices/vaults/v"
    lock = replace(LOCK, id=f"{vault}/providers/Microsoft.Authorization/locks/frozen's")
    found = await find(replace(TODAY, locked_by=(replace(lock, name="frozen's"),)))
    assert [each.key for each in found.evidence][-2:] == ["no_lock", "vault_locked"]
    (step,) = found.by_hand
    command = str(step.values["command"])
    assert shlex.split(command) == [
        *("az", "lock", "delete", "--name=frozen's"),
        *("--subscription", "s", "--resource", vault),
    ]


async def test_without_a_lock_a_point_may_be_in_use() -> None:
    found = await find(replace(TODAY, locked_by=()))
    assert [each.key for each in found.by_hand] == ["list_disks_of_points", "end_access"]
    assert "--collection-name AzureBackup_vm1 " in str(found.by_hand[0])


async def test_points_that_failed_or_are_in_work_are_named() -> None:
    made = in_service_group()
    assert made.points is not None
    points = (
        replace(made.points[0], provisioning_state="Failed"),
        replace(made.points[1], provisioning_state="Deleting"),
        *made.points[2:],
    )
    found = await find(replace(TODAY, collections=(replace(made, points=points),)))
    said = {each.key: str(each) for each in found.evidence}
    assert "AzureBackup_20260101_020000 (Failed)" in said["points_failed"]
    assert "AzureBackup_20260102_020000 (Deleting)" in said["points_in_work"]


SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
ON: dict[str, list[str]] = {
    SUBSCRIPTION: [],
    f"{SUBSCRIPTION}/resourceGroups/a b": ["--resource-group", "a b"],
}


@pytest.mark.parametrize("scope", ON)
def test_the_command_that_removes_a_lock(scope: str) -> None:
    lock = replace(LOCK, id=f"{scope}/providers/Microsoft.Authorization/locks/-keep", name="-keep")
    command = str(by_hand.remove_lock(lock).values["command"])
    wanted = ["az", "lock", "delete", "--name=-keep", "--subscription", SUBSCRIPTION.split("/")[2]]
    assert shlex.split(command) == [*wanted, *ON[scope]]


def test_what_an_owner_of_a_lock_is_told() -> None:
    vm = f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm"
    steps = by_hand.free_backup_group(vm, (LOCK.id,))
    assert [each.key for each in steps] == [
        "unlock_backup_group",
        "protect_vm",
        "find_locking_policy",
    ]
    assert f"--scope {SUBSCRIPTION}/resourceGroups/rg " in str(steps[1])
    assert by_hand.free_backup_group(vm, ()) == ()


@pytest.mark.parametrize(
    ("days", "a_week", "kept"),
    [(2, 7, 5), (7, 42, 45), (5, 1, 4), (None, 7, None), (2, None, None)],
)
def test_how_many_points_a_policy_keeps_by_itself(
    days: int | None, a_week: int | None, kept: int | None
) -> None:
    policy = replace(
        DAILY_POLICY, type=ENHANCED, instant_retention_days=days, backups_a_week=a_week
    )
    assert policy.instant_points_kept == kept


def test_ordinals() -> None:
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 112)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th")
    ]
