"""The last look: what changes between the lifting of the lock and the deletion keeps
the collection, and the lock goes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.promises import COLLECTION, LOCK
from local.scenarios import parts
from local.simulator import ids
from shared import clock
from shared.azure import from_wire
from shared.execution.fixes.delete_restore_point_collection import CollectionDeletions
from shared.execution.lock_window import deletions as windowed
from shared.execution.lock_window.deletions import Ready
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.windows import TargetOutcome
from tests.faults import hands
from tests.faults.azure import locked_groups
from tests.faults.runs import run
from tests.faults.settings import PATIENT_ALONE
from tests.faults.test_lock_window import execution_of
from tests.faults.test_waiting import failed, incidents
from tests.faults.test_windows import sent
from tests.faults.world import Fault, Hand, Place

IN_WINDOW = ("after ARM DELETE locks", 1)


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("opens a file-recovery session", "a file-recovery session is open"),
        ("stops the protection", "ProtectionStopped"),
        ("begins a restore point", "restore points that were made just now"),
        ("makes a restore point", "restore points that were made just now"),
        ("adds a lock", "somebody made a lock while the group was unlocked"),
        (hands.tag(hands.VM_ID, "off"), "off"),
        (hands.tag(hands.GROUP_ID, "observe"), "observe"),
        (hands.hide(r"/virtualMachines/[^/]+$"), "whether the VM's tags allow a change"),
        (hands.hide(r"^/subscriptions/[^/]+/resourceGroups/[^/]+$"), "group's tags allow a change"),
        (
            hands.change(ids.COLLECTION, "source", {"id": hands.OTHER_VM_ID}),
            "is not Azure Backup's collection",
        ),
        (hands.change(ids.COLLECTION, "source", {}), "is not Azure Backup's collection"),
    ],
)
async def test_what_changes_in_the_window_keeps_the_collection(
    tmp_path: Path, does: Hand | str, reason: str
) -> None:
    state, failures = locked_groups({"rg-one": 1})
    outcome = await run(
        tmp_path,
        state,
        failures,
        {IN_WINDOW: Fault("person", {"does": does})},
        environment=PATIENT_ALONE,
    )
    assert outcome.broken == {}
    assert outcome.struck == [IN_WINDOW[0]]
    assert sent(outcome.requests, "DELETE", COLLECTION) == []
    (lifted,), proved_and_put_back = (
        sent(outcome.requests, "DELETE", LOCK),
        sent(outcome.requests, "PUT", LOCK),
    )
    assert len(proved_and_put_back) == 2 and proved_and_put_back[-1]["n"] > lifted["n"]
    (incident,) = outcome.incidents
    assert incident["status"] == "needs_person"
    assert reason in incident["reason"]


async def test_a_last_look_that_cannot_be_made_keeps_the_collection(tmp_path: Path) -> None:
    """The first question with the lock off has no answer, however often it is sent."""
    state, failures = locked_groups({"rg-one": 1})
    silent = {"action": {"status": 500}, "times": 100}
    outcome = await run(
        tmp_path,
        state,
        failures,
        {("before ARM GET restorePointCollections", 4): Fault("arm", silent)},
    )
    assert "locks lost" not in outcome.broken
    assert sent(outcome.requests, "DELETE", COLLECTION) == []


BETWEEN_REQUESTS: dict[str, tuple[Hand | str, str, str]] = {
    "a file-recovery session is opened": (
        "opens a file-recovery session",
        "needs_person",
        "a file-recovery session is open",
    ),
    "a restore point is made": (
        "makes a restore point",
        "needs_person",
        "restore points that were made just now",
    ),
    "a lock is made": (
        "adds a lock",
        "needs_person",
        "somebody made a lock while the group was unlocked",
    ),
    "the VM is tagged off": (hands.tag(hands.VM_ID, "off"), "needs_person", "off"),
    "the collection becomes another VM's": (
        hands.change(ids.COLLECTION, "source", {"id": hands.OTHER_VM_ID}),
        "needs_person",
        "is not Azure Backup's collection",
    ),
    "a restore begins": (hands.begin_job(operation="Restore"), "waiting", "(Restore)"),
}
FAILS = {
    "method": "DELETE",
    "path_regex": "/restorePointCollections/",
    "times": 1,
    "action": {"lro_fail": {"code": "T", "message": "m"}},
}
SENT: Place = ("after ARM DELETE restorePointCollections", 1)


async def kept(
    folder: Path, faults: dict[Place, Fault], requests: int, status: str, reason: str
) -> None:
    """So many requests to delete it, the lock back on, and the incident's end."""
    state, failures = locked_groups({"rg-one": 1})
    outcome = await run(folder, state, failures, faults, environment=PATIENT_ALONE, waiting=True)
    assert (outcome.broken, len(outcome.struck)) == ({}, len(faults))
    assert len(sent(outcome.requests, "DELETE", COLLECTION)) == requests
    (incident,) = outcome.incidents
    assert (incident["status"], reason in incident["reason"]) == (status, True), incident["reason"]


def failing(fault: dict[str, Any]) -> Fault:
    return Fault("person", {"does": hands.order(fault)})


@pytest.mark.parametrize("case", BETWEEN_REQUESTS)
async def test_after_an_operation_that_failed_it_looks_again(tmp_path: Path, case: str) -> None:
    does, status, reason = BETWEEN_REQUESTS[case]
    await kept(
        tmp_path,
        {IN_WINDOW: failing(FAILS), SENT: Fault("person", {"does": does})},
        1,
        status,
        reason,
    )


async def test_after_a_while_of_requests_that_are_refused_it_looks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lifted lock has not gone yet, and meanwhile a session is opened."""
    monkeypatch.setattr(windowed, "LOOK_AGAIN_SECONDS", 0.0)
    locked = {
        "status": 409,
        "body": {"error": {"code": "ScopeLocked", "message": "The scope is locked."}},
    }
    refused = failing(FAILS | {"action": locked})
    does, status, reason = BETWEEN_REQUESTS["a file-recovery session is opened"]
    await kept(
        tmp_path, {IN_WINDOW: refused, SENT: Fault("person", {"does": does})}, 1, status, reason
    )


async def test_a_restore_that_begins_with_the_locks_off_is_waited_for(tmp_path: Path) -> None:
    begins = Fault("person", {"does": hands.begin_job(operation="Restore")})
    await kept(tmp_path, {IN_WINDOW: begins}, 0, "waiting", "(Restore)")


async def test_a_vault_lock_that_another_window_took_off_keeps_the_collection(
    tmp_path: Path,
) -> None:
    """It is back before the new backup is ordered, and will refuse it."""
    state, failures = locked_groups({"rg-one": 1})
    async with failed(tmp_path, state, [failures[0].event], {}) as world:
        for task in world.tasks.values():
            task.cancel()
        (incident,), execution = await incidents(world), await execution_of(world)
        reader, ledger = execution.reader, execution.ledger
        deletions = CollectionDeletions(reader, execution.writer, ledger, execution.settings)
        (target,) = [each["id"] for each in world.simulator.world.state.of_type(ids.COLLECTION)]
        found = await deletions.examine(reader, incident, target, unlocked=False)
        assert isinstance(found, Ready)
        vault_group = parts.group(parts.VAULT_GROUP)["id"]
        read_only = from_wire.read_lock(parts.lock(vault_group, "keep", "why", "ReadOnly"))
        due = clock.after(clock.now(), 60)
        row = LockRow("w", vault_group, read_only, "another", incident.vm_id, due, "somebody")
        await ledger.insert(replace(row, state=LockState.OFF, lifted=True))
        found = await deletions.examine(reader, incident, target, unlocked=False)
        assert isinstance(found, TargetOutcome)
        assert (found.result, "keep (ReadOnly)" in found.detail) == ("refused", True)
