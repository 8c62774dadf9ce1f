"""`remediator diagnose`: findings, or a sentence and an exit code when there is nothing
to find them on."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from typing import Any

import pytest
from click.testing import CliRunner, Result

from command_line.main import remediator
from local import scenarios
from local.simulator.server import Simulator
from shared import clock
from tests.shared.azure.logs.support import WORKSPACE

SCENARIO = "ExtentionOperationFailed-backup_extension"
STATE = scenarios.load(SCENARIO)
next(each for each in STATE["resources"] if "/backupJobs/" in each["id"])["properties"][
    "startTime"
] = clock.after(clock.now(), -3600)
"""Its job began an hour ago: older than a week it is not looked for."""
VM = STATE["event"]["data"]["alertContext"]["linkedResourceId"]


async def run_diagnose(arm: str, *words: str, **settings: str) -> Result:
    env = dict.fromkeys(name for name in os.environ if name.startswith("REMEDIATOR_")) | settings
    return await asyncio.to_thread(
        CliRunner().invoke, remediator, ["diagnose", "--arm", arm, *words], env=env
    )


@pytest.mark.parametrize(
    "words", [(), ("--code", "ExtensionOperationFailed")], ids=["every cause", "a code"]
)
async def test_it_finds_the_cause_and_says_whom_it_asks(words: tuple[str, ...]) -> None:
    async with Simulator(state=STATE) as arm:
        result = await run_diagnose(arm.url, VM, "--json", *words)
        changed = [each for each in arm.world.requests if each.method not in ("GET", "POST")]
    found = {each["cause"]: each["verdict"] for each in json.loads(result.stdout)}
    assert (result.exit_code, found["backup_extension"]) == (0, "CONFIRMED")
    assert result.stderr.startswith(f"asking {arm.url}; a call without an answer is given up after")
    assert changed == []


async def test_it_goes_by_the_last_failed_backup_and_says_what_it_waits_for() -> None:
    async with Simulator(state=STATE) as arm:
        result = await run_diagnose(arm.url, VM)
        changed = [each for each in arm.world.requests if each.method != "GET"]
    said = result.stderr.splitlines()[1:]
    assert said[:3] == [
        "reading the VM ...",
        "looking for its vault ...",
        "looking for its last failed backup of 7 days ...",
    ]
    assert said[3].startswith("the job ") and said[3].endswith(": ExtentionOperationFailed")
    assert said[4] == "examining 4 causes of ExtentionOperationFailed ..."
    assert "  backup_extension: CONFIRMED" in said[5:]
    assert (result.exit_code, len(said), changed) == (0, 9, [])


async def test_a_code_that_is_named_goes_before_that_of_the_job() -> None:
    async with Simulator(state=STATE) as arm:
        result = await run_diagnose(arm.url, VM, "--code", "BackUpOperationFailed")
    assert "examining 6 causes of BackUpOperationFailed ..." in result.stderr


def without(kind: str) -> dict[str, Any]:
    kept = [each for each in STATE["resources"] if f"/{kind}/" not in each["id"]]
    return {"resources": kept}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (without("backupJobs"), "it has none"),
        (without("vaults"), "no vault that can be read protects this VM"),
    ],
    ids=["no failed backup", "no vault"],
)
async def test_a_vm_whose_backups_do_not_fail_is_examined_for_every_cause(
    state: dict[str, Any], said: str
) -> None:
    async with Simulator(state=state) as arm:
        result = await run_diagnose(arm.url, VM, "--json")
    assert said in result.stderr and "examining 8 causes ..." in result.stderr
    assert len(json.loads(result.stdout)) == 8


async def test_jobs_that_cannot_be_read_are_said_and_every_cause_is_examined() -> None:
    async with Simulator(state=STATE) as arm:
        refused = {"method": "GET", "path_regex": "/backupJobs", "times": 9}
        arm.world.faults.add(refused | {"action": {"status": 403}})
        result = await run_diagnose(arm.url, VM)
    assert "its failed backups are not known: " in result.stderr
    assert "examining 8 causes ..." in result.stderr


async def test_a_vm_that_does_not_exist_is_an_error() -> None:
    async with Simulator(state=STATE) as arm:
        result = await run_diagnose(arm.url, f"{VM}-gone")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[2:] == [f"Error: there is no VM {VM}-gone"]


async def test_an_arm_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        result = await run_diagnose(
            url, VM, REMEDIATOR_RETRY_SECONDS="0.1", REMEDIATOR_CALL_TIMEOUT_SECONDS="0.2"
        )
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].startswith("Error: the VM cannot be read: ")
    assert len(result.stderr.splitlines()) == 3, "the wait, what is read, and one sentence"
    assert "given up after 0.3 s at most" in result.stderr


async def test_without_a_setting_the_wait_is_short() -> None:
    async with Simulator(state=STATE) as arm:
        result = await run_diagnose(arm.url, VM)
    assert "given up after 30 s at most" in result.stderr


async def test_no_cause_that_could_be_judged_is_no_success() -> None:
    async with Simulator(state=STATE) as arm:
        arm.world.faults.add(
            {
                "method": "GET",
                "path_regex": r"^(?!.*/virtualMachines/[^/]+$)",
                "times": 100,
                "action": {"status": 403},
            }
        )
        result = await run_diagnose(
            arm.url, VM, "--code", "UserErrorRpCollectionLimitReached", "--json"
        )
    assert [each["verdict"] for each in json.loads(result.stdout)] == ["UNKNOWN"]
    assert (result.exit_code, "No cause could be judged" in result.stderr) == (1, True)


async def test_what_the_log_of_a_workspace_has_is_told_beside_the_findings() -> None:
    beat = {"TimeGenerated": clock.now(), "_ResourceId": VM.lower()}
    async with Simulator(state=STATE | {"logs": {"Heartbeat": [beat]}}) as arm:
        asked = {"REMEDIATOR_WORKSPACE_ID": WORKSPACE}
        text = await run_diagnose(arm.url, VM, **asked)
        as_json = await run_diagnose(arm.url, VM, "--json", **asked)
    told = " ".join(text.stdout.partition("FROM LOG")[2].split())
    assert text.exit_code == as_json.exit_code == 0
    assert "the log has no earlier backup of this VM in the last 30 days" in told
    assert "after the failed backup began: the guest runs and reaches Azure Monitor" in told
    assert f"asking the log of the workspace {WORKSPACE} ..." in text.stderr
    assert "log: the newest heartbeat of this VM" in as_json.stderr
    assert {each["cause"] for each in json.loads(as_json.stdout)} > {"backup_extension"}


async def test_a_log_that_cannot_be_read_does_not_fail_the_diagnosis() -> None:
    async with Simulator(state=STATE) as arm:
        asked = {"REMEDIATOR_WORKSPACE_ID": WORKSPACE}
        result = await run_diagnose(arm.url, VM, **asked)
    assert (result.exit_code, "could not be read" in result.stdout) == (0, True)


async def test_it_tells_what_the_app_would_do() -> None:
    async with Simulator(state=STATE) as arm:
        result = await run_diagnose(arm.url, VM)
        changed = [each for each in arm.world.requests if each.method not in ("GET", "POST")]
    assert "IN MODE AUTO the app would:" in result.stdout
    assert "1. uninstall the backup extension VMSnapshot" in result.stdout
    assert changed == []


async def test_it_tells_the_steps_for_a_person() -> None:
    state = scenarios.load("UserErrorGuestAgentStatusUnavailable-windows_agent")
    vm = next(
        each["id"] for each in state["resources"] if each["type"].endswith("/virtualMachines")
    )
    async with Simulator(state=state) as arm:
        result = await run_diagnose(arm.url, vm)
    assert "FOR A PERSON: " in result.stdout
    assert "WindowsAzureGuestAgent" in result.stdout


@pytest.mark.parametrize("typed", ["web", "/subscriptions/s", f"{VM}/extensions/x"])
async def test_what_is_no_vm_is_one_sentence(typed: str) -> None:
    async with Simulator(state=STATE) as arm:
        result = await run_diagnose(arm.url, typed)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ") and "is not the id of a VM; write it like" in line
