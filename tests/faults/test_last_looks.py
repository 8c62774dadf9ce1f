"""The executor's last looks: whatever changes between the plan and the change is seen,
and then nothing is changed.

A hand strikes right after the plan was made, or right after the window was opened. Its
table of what must be left alone comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.scenarios import cases, parts
from local.simulator import ids, machines
from tests.faults import hands
from tests.faults.azure import Failure, broken_extension, locked_groups
from tests.faults.hands import GROUP_ID, OTHER_VM_ID, VM_ID
from tests.faults.runs import Outcome, run
from tests.faults.world import Fault, Hand, Place, World

type Azure = Callable[[], tuple[dict[str, Any], list[Failure]]]
NO_NETWORK = machines.command_result("error", *cases.NO_NETWORK)
PLANNED: Place = ("after store insert fixes", 1)
INTENDED: Place = ("after store insert audit intent uninstall_extension", 1)
WINDOW_OPEN: Place = ("after store replace windows open", 1)


def locked() -> tuple[dict[str, Any], list[Failure]]:
    return locked_groups({"rg-one": 1})


def changes(outcome: Outcome) -> list[tuple[str, str]]:
    """(method, path) of what changes Azure. Of POSTs the order of a backup alone does:
    others are questions.
    """
    sent = [(each["method"], each["path"]) for each in outcome.requests]
    return [
        (method, path)
        for method, path in sent
        if method in ("PUT", "PATCH", "DELETE") or is_backup(method, path)
    ]


def is_backup(method: str, path: str) -> bool:
    return method == "POST" and path.split("?")[0].endswith("/backup")


async def struck(folder: Path, azure: Azure, at: Place, does: Hand | str, **more: Any) -> Outcome:
    outcome = await run(folder, *azure(), {at: Fault("person", {"does": does})}, **more)
    assert len(outcome.struck) == 1, "the hand was never reached"
    assert outcome.broken == {}
    return outcome


SWITCHED_OFF: dict[str, Hand | str] = {
    "the VM is tagged off": hands.tag(VM_ID, "off"),
    "the VM is tagged observe": hands.tag(VM_ID, "observe"),
    "the VM is tagged approve": hands.tag(VM_ID, " Approve "),
    "the VM is tagged with nonsense": hands.tag(VM_ID, "yes"),
    "the group is tagged off": hands.tag(GROUP_ID, "off"),
    "the protection is stopped": "stops the protection",
    "the VM cannot be read": hands.hide(r"/virtualMachines/[^/]+$"),
    "the group cannot be read": hands.hide(r"^/subscriptions/[^/]+/resourceGroups/[^/]+$"),
}
AT_WORK: dict[str, Hand | str] = {
    "a restore of the VM begins": hands.begin_job(operation="Restore"),
    "a backup of the VM begins": hands.begin_job(),
    "a backup of the VM is being cancelled": hands.begin_job(status="Cancelling"),
    "a job begins that names no VM": hands.begin_job(
        operation="Restore", containerName="", entityFriendlyName=""
    ),
    "the running jobs cannot be read": hands.hide(r"/backupJobs$"),
}
OF_THE_COLLECTION: dict[str, Hand | str] = {
    "the collection is locked": hands.lock_on_collection(),
    "a point of the collection is locked": hands.lock_on_collection(of_a_point=True),
    "a restore point is being made": "begins a restore point",
    "a file-recovery session is open": "opens a file-recovery session",
    "the item cannot be read": hands.hide(r"/protectedItems/[^/]+$"),
    "the policy cannot be read": hands.hide(r"/backupPolicies/[^/]+$"),
    "the recovery points cannot be read": hands.hide(r"/recoveryPoints$"),
    "the collection is another VM's": hands.change(ids.COLLECTION, "source", {"id": OTHER_VM_ID}),
    "the collection names no source": hands.change(ids.COLLECTION, "source", {}),
    "the collection cannot be read": hands.hide(r"/restorePointCollections/[^/]+$"),
    "the locks cannot be read": hands.hide(r"/providers/Microsoft.Authorization/locks$"),
    "the lock comes to belong to an application": hands.give_owner,
    "the subscription is locked": hands.lock(GROUP_ID.split("/resourceGroups/")[0], "keep-all"),
    "an application locks the group": hands.lock(GROUP_ID, "stack", owner=hands.OWNER),
    "Azure Backup locks the group": hands.lock(GROUP_ID, "AzureBackupProtectionLock"),
}
OF_THE_EXTENSION: dict[str, Hand] = {
    "the extension is another publisher's": hands.change(
        ids.EXTENSION, "publisher", "Contoso.Tools"
    ),
    "the extension is of another type": hands.change(ids.EXTENSION, "type", "VMSnapshotTool"),
    "the extension cannot be read": hands.hide(r"/virtualMachines/[^/]+/extensions/[^/]+$"),
    "the extension comes to name the network": hands.change_view(
        lambda view: view["extensions"][0].update(substatuses=[NO_NETWORK])
    ),
    "the VM is switched off": hands.change_view(
        lambda view: view["statuses"][-1].update(code="PowerState/deallocated")
    ),
    "the VM's power state is not told": hands.change_view(lambda view: view["statuses"].pop()),
    "the agent falls silent": hands.change_view(
        lambda view: view["vmAgent"]["statuses"][-1].update(displayStatus="Not Ready")
    ),
}
OF_THE_POLICY: dict[str, Hand] = {
    "policy does not say whether the extension may return": hands.hide(
        "checkPolicyRestrictions$", "POST"
    ),
}
LEFT_ALONE: dict[str, tuple[Azure, Place, Hand | str]] = {
    **{
        f"{says}, before the extension goes": (broken_extension, PLANNED, does)
        for says, does in (SWITCHED_OFF | AT_WORK).items()
    },
    **{
        says: (broken_extension, PLANNED, does)
        for says, does in (OF_THE_EXTENSION | OF_THE_POLICY).items()
    },
    **{
        f"{says}, right before the request": (broken_extension, INTENDED, does)
        for says, does in (SWITCHED_OFF | AT_WORK | OF_THE_EXTENSION).items()
    },
    **{
        f"{says}, before the window": (locked, PLANNED, does)
        for says, does in (SWITCHED_OFF | AT_WORK).items()
    },
    **{
        f"{says}, in the window": (locked, WINDOW_OPEN, does)
        for says, does in (SWITCHED_OFF | AT_WORK).items()
    },
    **{
        f"{says}, before the window": (locked, PLANNED, does)
        for says, does in OF_THE_COLLECTION.items()
    },
    **{
        f"{says}, in the window": (locked, WINDOW_OPEN, does)
        for says, does in OF_THE_COLLECTION.items()
    },
    "the vault is read only, before the window": (
        locked,
        PLANNED,
        hands.lock(parts.vault_id(), "keep", level="ReadOnly"),
    ),
}


@pytest.mark.parametrize("case", LEFT_ALONE)
async def test_what_changed_since_the_plan_is_seen_and_nothing_is_changed(
    tmp_path: Path, case: str
) -> None:
    outcome = await struck(tmp_path, *LEFT_ALONE[case], waiting=True)
    assert changes(outcome) == []
    (incident,) = outcome.incidents
    assert incident["status"] in ("needs_person", "waiting", "observed", "ignored")
    assert incident["reason"]
    assert incident["manual_steps"] or incident["status"] != "needs_person"


def works_again(world: World) -> None:
    """A scheduled backup has installed it anew."""
    (extension,) = world.simulator.world.state.of_type(ids.EXTENSION)
    extension["properties"]["provisioningState"] = "Succeeded"
    hands.change_view(lambda view: view.update(extensions=[]))(world)


@pytest.mark.parametrize("at", [PLANNED, INTENDED], ids=["planned", "right before the request"])
async def test_an_extension_that_works_by_now_is_not_removed(tmp_path: Path, at: Place) -> None:
    outcome = await struck(tmp_path, broken_extension, at, works_again)
    assert [method for method, _ in changes(outcome)] == ["POST"]
    assert [each["status"] for each in outcome.incidents] == ["fixed"]


GOES_ON: dict[str, tuple[Azure, Place, Hand | str]] = {
    "another VM's backup runs": (locked, PLANNED, hands.begin_job(OTHER_VM_ID)),
    "a VM of that name in another group is restored": (
        locked,
        PLANNED,
        hands.begin_job(VM_ID.replace("/rg-one/", "/rg-two/"), operation="Restore"),
    ),
    "the VM is tagged auto": (locked, PLANNED, hands.tag(VM_ID, "Auto")),
    "another VM's backup runs, for an extension": (
        broken_extension,
        PLANNED,
        hands.begin_job(OTHER_VM_ID),
    ),
}


@pytest.mark.parametrize("case", GOES_ON)
async def test_what_does_not_matter_holds_nothing_back(tmp_path: Path, case: str) -> None:
    outcome = await struck(tmp_path, *GOES_ON[case])
    assert [each["status"] for each in outcome.incidents] == ["fixed"]


WRITTEN_AHEAD = [
    (locked, "store insert audit intent restore_lock", "ARM DELETE locks"),
    (locked, "store insert locks", "ARM DELETE locks"),
    (locked, "store insert audit intent lift_lock", "ARM DELETE locks"),
    (
        locked,
        "store insert audit intent delete_restore_point_collection",
        "ARM DELETE restorePointCollections",
    ),
    (locked, "store insert audit intent delete_restore_point_collection", "ARM DELETE locks"),
    (locked, "store insert audit intent prove_lock", "ARM PUT locks"),
    (locked, "store insert audit outcome prove_lock", "ARM DELETE locks"),
    (locked, "store replace locks sent", "ARM DELETE locks"),
    (locked, "store replace locks off", "ARM DELETE restorePointCollections"),
    (locked, "store insert audit intent backup", "ARM POST backup"),
    (broken_extension, "store insert audit intent uninstall_extension", "ARM DELETE extensions"),
]
WRITTEN_AFTER = [
    (locked, "ARM DELETE locks", "store insert audit outcome lift_lock"),
    (
        locked,
        "ARM DELETE restorePointCollections",
        "store insert audit outcome delete_restore_point_collection",
    ),
    (locked, "ARM PUT locks", "store insert audit outcome restore_lock"),
    (locked, "ARM PUT locks", "store replace locks settled"),
    (locked, "ARM PUT locks", "store transact windows delete"),
    (locked, "store replace locks settled", "store transact windows delete"),
    (locked, "ARM POST backup", "store insert audit outcome backup"),
    (broken_extension, "ARM DELETE extensions", "store insert audit outcome uninstall_extension"),
]


ORDERS = {
    f"{first} before {then}": (azure, first, then)
    for azure, first, then in WRITTEN_AHEAD + WRITTEN_AFTER
}


@pytest.mark.parametrize("order", ORDERS)
async def test_the_record_goes_ahead_and_follows(tmp_path: Path, order: str) -> None:
    azure, first, then = ORDERS[order]
    outcome = await run(tmp_path, *azure())
    assert (outcome.broken, [each["status"] for each in outcome.incidents]) == ({}, ["fixed"])
    assert outcome.boundaries.index(f"after {first}") < outcome.boundaries.index(f"before {then}")


@pytest.mark.parametrize("azure", [locked, broken_extension])
async def test_every_change_has_its_one_outcome_with_arm_s_id(tmp_path: Path, azure: Azure) -> None:
    outcome = await run(tmp_path, *azure())
    begun = sorted(
        (each["kind"], each["target"]) for each in outcome.entries if each["phase"] == "intent"
    )
    ended = [each for each in outcome.entries if each["phase"] == "outcome"]
    assert sorted((each["kind"], each["target"]) for each in ended) == begun
    assert {each["result"] for each in ended} == {"done"}
    assert all(each["correlation_id"] for each in ended)


UNABLE = [
    (locked, "after store insert audit note plan", "store insert audit intent restore_lock"),
    (locked, "after store insert audit intent restore_lock", "store insert audit intent lift_lock"),
    (
        locked,
        "after store insert audit intent lift_lock",
        "store insert audit intent delete_restore_point_collection",
    ),
    (
        broken_extension,
        "after store insert audit note plan",
        "store insert audit intent uninstall_extension",
    ),
]


@pytest.mark.parametrize(
    ("azure", "since", "intent"), UNABLE, ids=lambda each: each if isinstance(each, str) else ""
)
async def test_what_cannot_be_recorded_is_not_changed(
    tmp_path: Path, azure: Azure, since: str, intent: str
) -> None:
    """The store is away while the intent is written: it is written first, or nobody
    acts."""
    outcome = await run(
        tmp_path, *azure(), {(f"before {intent}", since): Fault("store", {"seconds": 0.5})}
    )
    assert outcome.broken == {}
    assert outcome.struck == [f"before {intent}"]
    acted = [
        number
        for number, each in enumerate(outcome.boundaries)
        if each.startswith("before ARM DELETE")
    ]
    written = [
        number for number, each in enumerate(outcome.boundaries) if each == f"after {intent}"
    ]
    assert not acted or written[0] < acted[0]
    assert acted or [each["status"] for each in outcome.incidents] == ["needs_person"]


async def test_what_holds_one_vm_back_holds_no_other_back(tmp_path: Path) -> None:
    """Two VMs share a window; one of them is tagged while it opens."""
    tagged = parts.machine_id("rg-one", "rg-one-vm2")
    outcome = await struck(
        tmp_path,
        lambda: locked_groups({"rg-one": 2}),
        WINDOW_OPEN,
        hands.tag(tagged, "off"),
        waiting=True,
    )
    ended = {each["vm_id"]: each["status"] for each in outcome.incidents}
    assert ended[VM_ID] == "fixed"
    assert ended[tagged] in ("needs_person", "ignored")
    (deleted,) = [
        path
        for method, path in changes(outcome)
        if method == "DELETE" and "/restorePointCollections/" in path
    ]
    assert deleted.endswith("AzureBackup_rg-one-vm1")
