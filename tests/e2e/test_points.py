"""Restore points are deleted only where that helps and loses nothing: through the event
path, must-stay cases first."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.scenarios import parts
from local.scenarios.parts import FAILED_AT
from local.simulator import clock, recovery_points
from tests.e2e.conftest import Product, scenario
from tests.e2e.test_guards import ended, of_type

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = "UserErrorRpCollectionLimitReached-locked_restore_points"
EXTENSION = "ExtentionOperationFailed-backup_extension"
COLLECTION, LOCK = "Microsoft.Compute/restorePointCollections", "Microsoft.Authorization/locks"
ITEM = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems"
type Case = dict[str, Any]
type Hand = Callable[[Case], None]


def one(case: Case, kind: str) -> dict[str, Any]:
    return of_type(case, kind)[0]


def points(case: Case) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = one(case, COLLECTION)["properties"]["restorePoints"]
    return found


def item(**changes: Any) -> Hand:
    return lambda case: one(case, ITEM)["properties"].update(changes)


def newest(**changes: Any) -> Hand:
    return lambda case: points(case)[-1]["properties"].update(changes)


def copies(
    case: Case, since: datetime | None = None, *tiers: dict[str, Any]
) -> list[dict[str, Any]]:
    """Name the recovery points of all restore points (made since then) in the state;
    with these tiers where they are given."""
    made: list[dict[str, Any]] = []
    for point in points(case):
        at = clock.parse(point["properties"]["timeCreated"])
        assert at is not None
        if since is None or at >= since:
            made.append(recovery_points.new_point(one(case, ITEM)["id"], at))
            made[-1]["properties"]["recoveryPointTierDetails"] = (
                list(tiers) or made[-1]["properties"]["recoveryPointTierDetails"]
            )
    case["resources"] += made
    return made


def of_another_machine(case: Case) -> None:
    """One beside the 18 of this machine."""
    point = deepcopy(points(case)[0])
    point["name"], point["id"] = f"{point['name']}0", f"{point['id']}0"
    point["properties"]["sourceMetadata"]["vmId"] = parts.guid("another machine")
    points(case).append(point)


def session(case: Case) -> None:
    copies(case)[0]["properties"]["isInstantIlrSessionActive"] = True


def snapshots_only(case: Case) -> None:
    copies(case, None, {"type": "InstantRP", "status": "Valid"})


def pending(case: Case) -> None:
    item(protectionState="IRPending")(case)


def lost_newest(case: Case) -> None:
    copies(case)[-1]["properties"]["recoveryPointTierDetails"] = [
        {"type": "InstantRP", "status": "Valid"}
    ]


def unknown_tier(case: Case) -> None:
    copies(case)[-1]["properties"]["recoveryPointTierDetails"] = [
        {"type": "IASnapshotRP", "status": "Valid"}
    ]


def policy(case: Case, **changes: Any) -> dict[str, Any]:
    made = recovery_points.standard_policy(one(case, ITEM)["properties"]["policyId"])
    made["properties"] |= changes
    case["resources"].append(made)
    return made


def enhanced(case: Case) -> None:
    policy(
        case,
        policyType="V2",
        instantRpRetentionRangeInDays=7,
        schedulePolicy={
            "schedulePolicyType": "SimpleSchedulePolicyV2",
            "scheduleRunFrequency": "Hourly",
            "hourlySchedule": {"interval": 4, "scheduleWindowDuration": 24},
        },
    )


def hourly(case: Case) -> None:
    """An Enhanced policy: a snapshot each four hours, the last of each day in the
    vault."""
    enhanced(case)
    last = datetime.now(UTC) - timedelta(hours=1)  # what the policy has expired would be no loss
    for number, point in enumerate(reversed(points(case))):
        point["properties"]["timeCreated"] = clock.compute_time(last - timedelta(hours=4 * number))
    made = copies(case)
    for each in made[:-1]:
        each["properties"]["recoveryPointTierDetails"] = [{"type": "InstantRP", "status": "Valid"}]


def locked(scope_type: str) -> Hand:
    def hand(case: Case) -> None:
        vault = one(case, "Microsoft.RecoveryServices/vaults")["id"]
        scope = vault if scope_type == "vault" else vault.split("/providers/")[0]
        case["resources"].append(
            parts.lock(scope, "frozen", "Nobody writes here.", level="ReadOnly")
        )

    return hand


def disagrees(case: Case) -> None:
    policy(case)
    item(policyType="V2")(case)


STAYS: list[tuple[str, Hand, str]] = [
    ("protection is stopped", item(protectionState="ProtectionStopped"), "ProtectionStopped"),
    ("scheduled for deletion", item(isScheduledForDeferredDelete=True), "scheduled for deletion"),
    ("nothing in the vault yet", pending, "the vault holds no recovery point"),
    ("only snapshots", snapshots_only, "the vault holds no recovery point"),
    (
        "another machine",
        of_another_machine,
        "restore points of another machine",
    ),
    ("in the making", newest(provisioningState="Creating"), "is Creating"),
    ("a file-recovery session", session, "a file-recovery session is open"),
    (
        "the newest is not in the vault",
        lost_newest,
        "AzureBackup_20261120_223107 (2026-11-20T22:31:07.014604+00:00)",
    ),
    ("an unknown tier", unknown_tier, "IASnapshotRP"),
    ("hourly snapshots", hourly, "AzureBackup_"),
    ("ReadOnly on the vault", locked("vault"), "frozen (ReadOnly)"),
    ("ReadOnly on the vault's group", locked("group"), "frozen (ReadOnly)"),
]


@pytest.mark.parametrize(
    ("hand", "told"), [(hand, told) for _, hand, told in STAYS], ids=[name for name, _, _ in STAYS]
)
async def test_nothing_is_lifted_or_deleted_and_a_person_is_told_why(
    product: Product, hand: Hand, told: str
) -> None:
    case = scenario(LIMIT)
    hand(case)
    await product.azure(case)

    incident = await ended(product, case)

    assert await product.changes() == []
    assert incident["status"] == "needs_person", incident
    assert told in incident["reason"]
    assert incident["manual_steps"]


def subscription_lock(case: Case) -> None:
    scope = one(case, COLLECTION)["id"].split("/resourceGroups/")[0]
    case["resources"].append(parts.lock(scope, "all", "Nothing is deleted here."))


async def test_a_lock_on_the_subscription_is_reported_with_its_command(product: Product) -> None:
    case = scenario(LIMIT)
    subscription_lock(case)
    await product.azure(case)

    incident = await ended(product, case)

    assert await product.changes() == []
    assert incident["status"] == "needs_person", incident
    command = f"az lock delete --name=all --subscription {parts.SUBSCRIPTION}"
    assert incident["manual_steps"][0].endswith(command)


async def test_a_repair_under_azure_backups_own_lock_comes_back(product: Product) -> None:
    """18 points, one backup a day: in 18 days, unless the lock goes."""
    case = scenario(LIMIT)
    await product.azure(case)

    incident = await ended(product, case)

    assert incident["status"] == "fixed", incident
    at = incident["returning"]["at"]
    days = (datetime.fromisoformat(at) - datetime.now(UTC)) / timedelta(days=1)
    assert 17.9 < days <= 18
    assert f"returns about {at[:10]} unless somebody removes the lock" in incident["reason"]
    assert "the 1st repair of this kind" in incident["reason"]
    (lock_id,) = incident["returning"]["locks"]
    assert "AzureBackupRG_" in lock_id
    wanted = ("az lock delete --name=", "denyAction", "deployIfNotExists")
    for step, words in zip(incident["manual_steps"], wanted, strict=True):
        assert words in step


@pytest.mark.parametrize(
    ("value", "status"), [("off", "ignored"), ("observe", "observed"), ("approve", "needs_person")]
)
async def test_a_tag_on_the_group_of_the_lock_holds_the_fix_back(
    product: Product, value: str, status: str
) -> None:
    case = scenario(LIMIT)
    group_id = one(case, COLLECTION)["id"].split("/providers/")[0]
    group = next(each for each in case["resources"] if each["id"] == group_id)
    group["tags"] = {"backup-remediation": value}
    await product.azure(case)

    incident = await ended(product, case)

    assert await product.changes() == []
    assert incident["status"] == status, incident
    assert group["name"] in incident["reason"]


VAULT_FACTS = {
    "the item": r"/protectedItems/[^/]+$",
    "the policy": r"/backupPolicies/[^/]+$",
    "the recovery points": r"/recoveryPoints$",
}
NO_ANSWER: list[dict[str, Any]] = [
    {"status": 403},
    {"status": 404},
    {"status": 500},
    {"reset": True},
    {"status": 200, "body": {}},
]


@pytest.mark.parametrize("what", VAULT_FACTS)
@pytest.mark.parametrize("action", NO_ANSWER, ids=["403", "404", "500", "reset", "empty"])
async def test_a_fact_of_the_vault_that_cannot_be_read_changes_nothing(
    impatient: Product, what: str, action: dict[str, Any]
) -> None:
    case = scenario(LIMIT)
    await impatient.azure(case)
    await impatient.fault(method="GET", path_regex=VAULT_FACTS[what], times=1000, action=action)

    incident = await ended(impatient, case)

    assert await impatient.changes() == [], f"changed although {what} could not be read: {incident}"
    assert incident["status"] == "needs_person", incident


@pytest.mark.parametrize(
    "changes", [{"protectionState": "ProtectionStopped"}, {"isScheduledForDeferredDelete": True}]
)
async def test_the_extension_stays_where_no_backup_would_bring_it_back(
    product: Product, changes: dict[str, Any]
) -> None:
    case = scenario(EXTENSION)
    item(**changes)(case)
    await product.azure(case)

    incident = await ended(product, case)

    assert await product.changes() == []
    assert incident["status"] == "needs_person", incident
    assert "no new backup would follow" in incident["reason"]


@pytest.mark.parametrize("action", NO_ANSWER, ids=["403", "404", "500", "reset", "empty"])
async def test_the_extension_stays_where_the_item_cannot_be_read(
    impatient: Product, action: dict[str, Any]
) -> None:
    case = scenario(EXTENSION)
    await impatient.azure(case)
    await impatient.fault(
        method="GET", path_regex=VAULT_FACTS["the item"], times=1000, action=action
    )

    incident = await ended(impatient, case)

    assert await impatient.changes() == []
    assert incident["status"] == "needs_person", incident


def other_tool(count: int) -> Hand:
    """10 of Azure Backup's, so many of another tool's, in a group of its own.
    azure-docs issue 47934."""

    def hand(case: Case) -> None:
        vm = one(case, "Microsoft.Compute/virtualMachines")
        del points(case)[:-10]
        case["resources"] += [
            parts.group("rg-acronis"),
            parts.collection("rg-acronis", f"acronis-{vm['name']}", vm, count),
        ]

    return hand


def leftover(case: Case) -> None:
    """Points of an old layout that the policy expired long ago; today's snapshots are
    in the vault. Nothing is lost with them."""
    for number, point in enumerate(points(case)[:15]):
        point["properties"]["timeCreated"] = clock.compute_time(
            FAILED_AT - timedelta(days=400 - number)
        )
    copies(case, FAILED_AT - timedelta(days=3))


def numbers(case: Case) -> None:
    copies(case, None, {"type": 1, "status": "Deleted"}, {"type": 2, "status": "Valid"})


def few_and_enhanced(case: Case) -> None:
    enhanced(case)
    del points(case)[:-4]


def keep_vault(case: Case) -> None:
    vault = one(case, "Microsoft.RecoveryServices/vaults")["id"]
    case["resources"].append(parts.lock(vault, "vault-keep", "The vault stays."))


GOES: list[tuple[str, Hand]] = [
    ("10 of ours and 9 of another tool", other_tool(9)),
    ("old leftovers", leftover),
    ("tiers as numbers", numbers),
    ("Enhanced, by the job's own error", few_and_enhanced),
    ("a CanNotDelete lock on the vault", keep_vault),
]


@pytest.mark.parametrize("hand", [hand for _, hand in GOES], ids=[name for name, _ in GOES])
async def test_it_is_fixed_and_only_azure_backups_collection_is_deleted(
    product: Product, hand: Hand
) -> None:
    case = scenario(LIMIT)
    hand(case)
    await product.azure(case)

    incident = await ended(product, case)

    assert incident["status"] == "fixed", incident
    deleted = [
        path
        for method, path in await product.changes()
        if method == "DELETE" and COLLECTION in path
    ]
    assert deleted == [one(case, COLLECTION)["id"]]
    assert recovery_points_of(
        await product.state()
    )  # what was in the vault is there, and the new backup's


def recovery_points_of(state: dict[str, Any]) -> list[str]:
    return [each["id"] for each in state["resources"] if "/recoveryPoints/" in each["id"]]


@pytest.mark.parametrize(
    ("others", "status"), [(9, "fixed"), (7, "needs_person"), (18, "needs_person")]
)
async def test_another_tools_points_count_and_are_named(
    product: Product, others: int, status: str
) -> None:
    """Below the limit nothing is confirmed; where theirs alone reach it, ours would go
    in vain."""
    case = scenario(LIMIT)
    other_tool(others)(case)
    await product.azure(case)

    incident = await ended(product, case)

    assert incident["status"] == status, incident
    (finding,) = [each for each in incident["findings"] if each["cause"] == "locked_restore_points"]
    assert finding["verdict"] == (
        "CONFIRMED" if status == "fixed" else "UNKNOWN"
    )  # the job itself names the limit
    assert any("acronis-" in line and "is not touched" in line for line in finding["evidence"])
    assert any(each["name"].startswith("acronis-") for each in (await product.state())["resources"])


async def test_an_enhanced_policy_is_never_judged_by_a_count(product: Product) -> None:
    case = scenario("BackUpOperationFailed-locked_restore_points")
    enhanced(case)
    await product.azure(case)

    incident = await ended(product, case)

    assert [method for method, _ in await product.changes()] == ["POST"], "more than a second try"
    (finding,) = [each for each in incident["findings"] if each["cause"] == "locked_restore_points"]
    assert finding["verdict"] == "UNKNOWN"


@pytest.mark.parametrize(
    "hand", [disagrees, item(policyId="/subscriptions/s/providers/x"), item(policyId="")]
)
async def test_a_policy_that_is_not_known_confirms_nothing(product: Product, hand: Hand) -> None:
    case = scenario(LIMIT)
    hand(case)
    await product.azure(case)

    incident = await ended(product, case)

    assert await product.changes() == []
    assert incident["status"] == "needs_person", incident
    assert [each["verdict"] for each in incident["findings"]] == ["UNKNOWN"]


async def test_a_lock_of_the_vault_is_named_where_none_keeps_the_points(product: Product) -> None:
    case = scenario(LIMIT)
    case["resources"] = [each for each in case["resources"] if f"/{LOCK}/" not in each["id"]]
    keep_vault(case)
    await product.azure(case)

    incident = await ended(product, case)

    assert await product.changes() == []
    told = [line for each in incident["findings"] for line in each["evidence"]]
    assert any("vault-keep (CanNotDelete)" in line for line in told)
