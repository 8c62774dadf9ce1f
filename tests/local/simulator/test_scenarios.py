"""The scenarios: every row of the table is a valid state, whose backup ends with its
error code."""

from __future__ import annotations

import json

import pytest

from local import scenarios
from local.scenarios import cases, parts
from local.simulator import ids, machines, physics
from local.simulator.world import World

CODES = {
    "UserErrorGuestAgentStatusUnavailable": (1, 2, 3, 4, 5),
    "ExtensionSnapshotFailedNoNetwork": (1, 4, 5),
    "ExtentionOperationFailed": (4, 5, 2, 3),
    "ExtensionOperationFailed": (5,),
    "ExtensionOperationFailedForManagedDisks": (5,),
    "GuestAgentSnapshotTaskStatusError": (2, 3, 1),
    "BackUpOperationFailed": (1, 2, 3, 4, 5, 6),
    "BackUpOperationFailedV2": (5, 6),
    "UserErrorRpCollectionLimitReached": (6,),
    "UserErrorVmProvisioningStateFailed": (7, 5),
    "UserErrorVmNotInDesirableState": (7, 8, 2, 3),
    "ExtensionStuckInDeletionState": (2, 3, 5),
    "UserErrorBackupOperationInProgress": (8,),
    "CopyingVHDsFromBackUpVaultTakingLongTime": (8,),
    "AzureVmOffline": (2, 3, 4),
    "UserErrorCrpReportedUserError": (6, 7, 8),
}
NAMED = {
    "winmanagedvm",
    "subscription_lock",
    "owned_lock",
    "deny_assignment",
    "unknown_code",
    "vm_gone",
    "job_gone",
}
NAMED |= {
    "sql_item",
    "vm1_and_vm10",
    "extension_failed_agent_not_ready",
    "extension_failed_deallocated",
}


def test_each_row_has_a_name_of_its_own():
    assert len(set(scenarios.names())) == len(cases.CASES)


@pytest.mark.parametrize("name", scenarios.names())
def test_each_is_json_and_every_load_gives_an_equal_copy(name):
    first, second = scenarios.load_whole(name), scenarios.load_whole(name)
    assert json.loads(json.dumps(first)) == first == second
    first["resources"].clear()
    assert scenarios.load_whole(name) == second


def test_there_is_one_for_every_row():
    wanted = {
        f"{code}-{cases.CAUSES[number - 1]}"
        for code, numbers in CODES.items()
        for number in numbers
    }
    assert wanted | NAMED <= set(scenarios.names())


@pytest.mark.parametrize("name", scenarios.names())
async def test_each_is_a_state_whose_backup_ends_as_expected(start, name):
    scenario = scenarios.load(name)
    arm = await start(scenario)
    assert (await arm.sim("GET", "state")).body == scenario
    alert = scenario["event"]["data"]["alertContext"]
    expected = scenario["expect"]["backup"]
    if expected is None:
        assert World(scenario).state.get(alert["protectedItemId"]) is None
        return
    accepted = await arm.send("POST", f"{alert['protectedItemId']}/backup", {"properties": {}})
    job = await arm.wait_for_job((await arm.finish(accepted))["properties"]["jobId"])
    code = job["extendedInfo"].get("dynamicErrorMessage", "").split(":")[0]
    assert (code or job["status"]) == expected


@pytest.mark.parametrize("name", scenarios.names())
def test_each_event_leads_to_its_job_item_and_vm(name):
    scenario = scenarios.load(name)
    state = World(scenario).state
    alert = scenario["event"]["data"]["alertContext"]
    assert scenario["event"]["schemaId"] == "azureMonitorCommonAlertSchema"
    assert "documented fields" in scenario["description"]
    if name == "sql_item":
        assert "/protectedItems/SQLDataBase;" in alert["protectedItemId"]
        return
    assert state.has(alert["protectedItemId"]) and state.has(
        alert["protectedItemId"].split("/backupFabrics")[0]
    )
    assert state.has(alert["linkedResourceId"]) == (name != "vm_gone")
    job = state.get(f"{parts.vault_id()}/backupJobs/{alert['extendedInfo']['jobId']}")
    assert (job is None) == (name == "job_gone")
    if job:
        code = job["properties"]["extendedInfo"]["dynamicErrorMessage"].split(":")[0]
        assert alert["extendedInfo"]["recommendedActions"].endswith(f"aka.ms/AB-{code.casefold()}")
        assert code.casefold() in scenario["event"]["data"]["essentials"]["originAlertId"]
        assert job["properties"]["status"] == "Failed"


OWN_CODE = {
    # (code, cause): the physics define the code of exactly these
    ("UserErrorGuestAgentStatusUnavailable", "windows_agent"),
    ("ExtentionOperationFailed", "backup_extension"),
    ("BackUpOperationFailed", "locked_restore_points"),
    ("UserErrorVmProvisioningStateFailed", "failed_state"),
    ("ExtensionStuckInDeletionState", "backup_extension"),
}


@pytest.mark.parametrize(("code", "cause"), sorted(OWN_CODE))
def test_the_physics_give_the_code_that_was_reported(code, cause):
    scenario = scenarios.load(f"{code}-{cause}")
    vm_id = scenario["event"]["data"]["alertContext"]["linkedResourceId"]
    assert (
        physics.backup_failure(World(scenario), vm_id, parts.item_id(vm_id))
        == code
        == scenario["expect"]["backup"]
    )


LOOKS = {
    # power, agent ready (None: no report), extension
    "no_internet": ("running", True, "Succeeded"),
    "windows_agent": ("running", False, "Succeeded"),
    "linux_agent": ("running", True, "Succeeded"),
    "snapshot_status": ("stopped", False, "Succeeded"),
    "backup_extension": ("running", True, "Failed"),
    "locked_restore_points": ("running", True, "Succeeded"),
    "failed_state": ("running", True, "Succeeded"),
    "other_operation": ("running", True, "Succeeded"),
    "ExtensionStuckInDeletionState-backup_extension": ("running", True, "Deleting"),
}


def _moving_or_failed(state, vm):
    """Whether the VM, or another extension than the backup's, is not Succeeded."""
    resources = [vm, *state.of_type(ids.EXTENSION, vm["id"])]
    return any(
        each["properties"]["provisioningState"] != "Succeeded" and "VMSnapshot" not in each["id"]
        for each in resources
    )


@pytest.mark.parametrize(
    "case", [case for case in cases.CASES if case.name.count("-") == 1], ids=lambda case: case.name
)
def test_a_cause_looks_as_it_should(case):
    state = World(cases.build_document(case)).state
    vm = state.get(parts.machine_id(case.group, case.vm))
    (extension,) = machines.backup_extensions(state, vm["id"])
    seen = (
        machines.power_state(vm),
        machines.is_agent_ready(vm),
        extension["properties"]["provisioningState"],
    )
    assert seen == LOOKS.get(case.name, LOOKS[case.cause])
    assert _moving_or_failed(state, vm) == (
        case.cause in ("failed_state", "other_operation")
        or case.name == "UserErrorVmProvisioningStateFailed-backup_extension"
    )
    words = str(machines.extension_view(vm, extension["name"]))
    assert ("SnapshotFailed" in words) == (case.cause == "no_internet")
    assert (machines.os_type(vm) == "Linux") >= (case.cause in ("no_internet", "linux_agent"))
    locked = list(state.of_type(ids.LOCK))
    assert bool(locked) == (case.cause == "locked_restore_points")
    version = vm["properties"]["instanceView"]["vmAgent"]["vmAgentVersion"]
    assert (version == "2.0.8") == (case.cause == "linux_agent")


def test_only_extension_and_locked_points_are_fixed_and_the_rest_is_run_again():
    for case in cases.CASES:
        assert (case.status == "fixed") == bool(case.actions)
        if case.actions:
            assert case.actions == cases.ACTIONS.get(case.cause, ("run_backup_again",))


def test_loading_by_name_and_by_path(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"resources": []}), encoding="utf-8")
    assert scenarios.load(str(path)) == {"resources": []}
    assert scenarios.load("winmanagedvm")["expect"]["status"] == "fixed"


BAD = [
    None,
    "{",
    "[]",
    "{}",
    "[" * 100_000,
    '{"resources": {}}',
    '{"resources": [], "title": 1}',
    '{"resources": [], "event": []}',
]
BAD += [
    '{"resources": [], "expect": "fixed"}',
    '{"resources": [], "expect": {}}',
    '{"resources": [], "expect": {"status": null}}',
]
BAD += [
    f'{{"resources": [], "expect": {{"status": "fixed", "{name}": {value}}}}}'
    for name, value in (("cause", "1"), ("actions", '"a"'), ("actions", "[1]"))
]


@pytest.mark.parametrize("content", BAD)
def test_a_failed_load_lists_the_scenarios(tmp_path, content):
    path = tmp_path / "broken.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    for name in (str(path), "no_such"):
        with pytest.raises(scenarios.ScenarioError, match="winmanagedvm"):
            scenarios.load(name)


@pytest.mark.parametrize("lacking", ["title", "event", "expect"])
def test_a_scenario_that_can_be_run_is_whole(tmp_path, lacking):
    path = tmp_path / "mine.json"
    scenario = scenarios.load("winmanagedvm")
    path.write_text(json.dumps(scenario), encoding="utf-8")
    assert scenarios.load_whole(str(path)) == scenario
    del scenario[lacking]
    path.write_text(json.dumps(scenario), encoding="utf-8")
    with pytest.raises(scenarios.ScenarioError, match=f"has no {lacking}"):
        scenarios.load_whole(str(path))
