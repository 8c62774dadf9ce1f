"""What the recovery point of a completed backup makes of an incident, on the simulator:
fixed, or backed up while the agent is still broken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from local.scenarios import parts
from local.simulator import clock, recovery_points
from shared.incident.attempts import next_attempt
from shared.incident.model import RUN_BACKUP_AGAIN, Action, Incident, Verification
from shared.incident.next_step import STOP
from shared.incident.outcome import Outcome
from shared.incident.status import Status
from shared.verification import conclude
from tests.shared.plan.test_turn import (
    EXTENSION_ID,
    INCIDENT,
    VM_ID,
    Bench,
    bench,
    job,
)

__all__ = ["bench"]
ITEM_ID = parts.item_id(VM_ID)
POINTS, POLICY = r"/recoveryPoints$", r"/backupPolicies/"
SECONDS = 3600
"""After the failed job: when the verifying one began. It took ten minutes."""
FIX = Action("uninstall_extension", EXTENSION_ID, Outcome.DONE, "backup_extension")
AGAIN = Action(RUN_BACKUP_AGAIN, VM_ID, Outcome.UNDER_WAY, "")
STATE_409 = {"status": 409, "body": {"error": {"code": "Conflict", "message": "m"}}}
AGENTLESS = {"snapshotConsistencyType": "OnlyCrashConsistent", "policyType": "V2"}
CRASH, APP = "CrashConsistent", "AppConsistent"


async def end_backup(bench: Bench, kind: str | None, **changes: Any) -> Incident:
    """The incident after its verifying backup completed with a point of this type;
    None: with none."""
    ended = job("Completed", SECONDS)
    began = clock.parse(ended["properties"]["startTime"])
    assert began is not None
    ended["properties"]["endTime"] = clock.backup_time(began + parts.timedelta(minutes=10))
    bench.has(ended)
    if kind is not None:
        at = began + parts.timedelta(minutes=changes.pop("minutes", 2))
        bench.has(recovery_points.new_point(ITEM_ID, at, kind=kind))
    names = {"container_name": ITEM_ID.split("/")[-3], "item_name": ITEM_ID.split("/")[-1]}
    fields = {"status": Status.VERIFYING, "actions": (FIX,), **names, **changes}
    shown = Verification(ended["name"], since=clock.backup_time(began))
    await bench.app.book.change(
        INCIDENT.id, lambda each: replace(each, verification=shown, **fields)
    )
    assert await conclude.conclude(await bench.app.verifying(), INCIDENT.id) == STOP
    return await bench.now()


def change_vm(bench: Bench, **changes: Any) -> None:
    """The VM as it is built with these arguments, its agent's report a day newer than
    the failed job."""
    made = parts.machine("rg-app", "vm-app-01", changes.pop("os_type", "Windows"), **changes)
    vm = bench.simulator.world.state.get(VM_ID)
    assert vm is not None
    vm["properties"] = made["properties"]
    for status in made["properties"]["instanceView"].get("vmAgent", {}).get("statuses", []):
        status["time"] = clock.compute_time(parts.FAILED_AT + parts.timedelta(days=1))


def change_policy(bench: Bench, **properties: Any) -> None:
    policy = recovery_points.standard_policy(f"{parts.vault_id()}/backupPolicies/DefaultPolicy")
    policy["properties"] |= properties
    bench.has(policy)


def gets(bench: Bench) -> list[str]:
    return [each.path for each in bench.simulator.world.requests if each.method == "GET"]


@pytest.mark.parametrize("kind", [APP, "FileSystemConsistent", "appconsistent"])
async def test_a_point_that_the_agent_prepared_makes_it_fixed(bench: Bench, kind: str) -> None:
    left = await end_backup(bench, kind)
    assert (left.status, left.manual_steps) == (Status.FIXED, ())
    assert left.verification is not None and left.verification.point_type == kind
    assert f"its recovery point is {kind}" in left.reason
    entries = [each async for each in bench.app.audit.entries(incident=INCIDENT.id)]
    (entry,) = [each for each in entries if "ended" in each.result]
    assert entry.detail["point_type"] == kind


async def test_it_costs_one_request(bench: Bench) -> None:
    await end_backup(bench, APP)
    asked = gets(bench)
    assert [each.rsplit("/", 1)[-1] for each in asked][1:] == ["recoveryPoints"]
    assert "/backupJobs/" in asked[0]


@pytest.mark.parametrize("ready", [False, True])
@pytest.mark.parametrize(
    ("os_type", "wanted"),
    [("Windows", "Restart-Service RdAgent"), ("Linux", "systemctl restart walinuxagent")],
)
async def test_a_crash_consistent_point_of_a_vm_that_runs_stays_with_a_person(
    bench: Bench, os_type: str, wanted: str, ready: bool
) -> None:
    """Also where the agent is Ready: it did not prepare the backup."""
    change_vm(bench, os_type=os_type, ready=ready)
    left = await end_backup(bench, CRASH)
    assert left.status is Status.NEEDS_PERSON
    assert "backed up" in left.reason and "the VM agent is still broken" in left.reason
    told = "\n".join(map(str, left.manual_steps))
    assert wanted in told and "az backup protection backup-now" in told
    assert left.verification is not None and left.verification.point_type == CRASH
    assert left.verification.completed


@pytest.mark.parametrize("power", ["deallocated", "stopped"])
async def test_of_a_vm_that_is_off_it_is_by_design(bench: Bench, power: str) -> None:
    change_vm(bench, power=power, ready=False)
    left = await end_backup(bench, CRASH)
    assert (left.status, left.manual_steps) == (Status.FIXED, ())
    assert "a VM that is off" in left.reason


async def test_under_an_agentless_policy_it_is_by_design(bench: Bench) -> None:
    change_vm(bench, ready=False)
    change_policy(bench, **AGENTLESS)
    left = await end_backup(bench, CRASH)
    assert left.status is Status.FIXED and "agentless" in left.reason


async def test_an_enhanced_policy_alone_is_none(bench: Bench) -> None:
    change_policy(bench, policyType="V2")
    assert (await end_backup(bench, CRASH)).status is Status.NEEDS_PERSON


async def test_a_power_state_that_is_not_told_is_no_excuse(bench: Bench) -> None:
    change_vm(bench)
    vm = bench.simulator.world.state.get(VM_ID)
    assert vm is not None
    del vm["properties"]["instanceView"]["statuses"][1]
    left = await end_backup(bench, CRASH)
    assert left.status is Status.NEEDS_PERSON and "whether vm-app-01 ran" in left.reason
    assert "broken" not in left.reason


UNREAD = {
    "the VM": (r"/virtualMachines/[^/]+$", "the VM runs is not known", "Restart-Service"),
    "the policy": (POLICY, "backup policy", "Restart-Service"),
    "the item": (r"/protectedItems/[^/]+$", "backup policy", "Restart-Service"),
}


@pytest.mark.parametrize("what", UNREAD)
async def test_what_cannot_be_read_excuses_no_crash_consistent_point(
    bench: Bench, what: str
) -> None:
    path, reason, step = UNREAD[what]
    bench.fault(path, STATE_409)
    left = await end_backup(bench, CRASH)
    assert left.status is Status.NEEDS_PERSON
    assert reason in left.reason and step in str(left.manual_steps)


NOT_KNOWN: dict[str, tuple[str | None, int, str]] = {
    "none from the time of the job": (None, 2, "does not exist"),
    "one from before it": (CRASH, -60, "does not exist"),
    "one from after it": (CRASH, 60, "does not exist"),
    "a type of another time": ("HypervisorConsistent", 2, "says nothing of the agent"),
    "no type": ("", 2, "of no type"),
}


@pytest.mark.parametrize("name", NOT_KNOWN)
async def test_a_type_that_is_not_known_is_said_and_neither_fine_nor_broken(
    bench: Bench, name: str
) -> None:
    kind, minutes, says = NOT_KNOWN[name]
    left = await end_backup(bench, kind, **({"minutes": minutes} if kind is not None else {}))
    assert left.status is Status.FIXED and says in left.reason, left.reason
    assert "broken" not in left.reason


async def test_points_that_cannot_be_read_are_said(bench: Bench) -> None:
    bench.fault(POINTS, STATE_409)
    left = await end_backup(bench, CRASH)
    assert left.status is Status.FIXED and "could not be read" in left.reason
    assert left.verification is not None and left.verification.point_type == ""


async def test_a_point_of_the_second_in_which_the_job_began_is_its_own(bench: Bench) -> None:
    """Azure may write the time without fractions."""
    left = await end_backup(bench, CRASH, minutes=0)
    assert left.status is Status.NEEDS_PERSON


async def test_a_second_try_that_passed_without_the_agent_is_told(bench: Bench) -> None:
    left = await end_backup(bench, CRASH, actions=(AGAIN,))
    assert left.status is Status.NEEDS_PERSON
    assert "no cause found, passed" not in left.reason
    assert left.actions[-1].outcome is Outcome.DONE


@pytest.mark.parametrize(("ready", "status"), [(True, Status.FIXED), (False, Status.NEEDS_PERSON)])
async def test_diagnosed_anew_it_is_fixed_once_the_agent_has_answered(
    bench: Bench, ready: bool, status: Status
) -> None:
    change_vm(bench, ready=False)
    before = await end_backup(bench, CRASH)
    opened = next_attempt(before, "Ana", clock.backup_time(parts.FAILED_AT))
    await bench.app.book.reopen(INCIDENT.id, lambda _: replace(opened, status=Status.VERIFYING))
    change_vm(bench, ready=ready)
    assert await conclude.conclude(await bench.app.verifying(), INCIDENT.id) == STOP
    left = await bench.now()
    assert left.status is status
    assert ("has answered since" in left.reason) == ready
