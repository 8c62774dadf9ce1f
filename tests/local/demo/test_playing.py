"""`demo`, `try` and `scenarios` as a newcomer uses them, and the child processes that a
demo starts."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from command_line.main import remediator
from local import scenarios
from local.demo.command import LOGS, environment
from local.demo.end_state import end_state
from local.demo.playing import jobs_of, renew_jobs
from local.host.data_folder import lock_folder
from local.host.errors import FolderInUse
from tests.e2e.conftest import running

ROOT = Path(__file__).resolve().parents[3]
EXTENSION = "ExtentionOperationFailed-backup_extension"
UNKIND = {
    "REMEDIATOR_MODE": "off",
    "REMEDIATOR_COOLING_HOURS": "8760",
    "REMEDIATOR_CHANGES_PER_HOUR": "0",
    "WEBSITE_SITE_NAME": "a",
}
"""A shell that is set up for something else."""


async def command(*words: str, **settings: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "command_line.entry", *words,
        cwd=ROOT, env=dict(os.environ) | settings,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.timeout(600)
async def test_the_demo_passes_any_number_of_times_in_one_folder(tmp_path: Path) -> None:
    for run in range(3):
        code, printed = await command("demo", "--data", str(tmp_path), **UNKIND)
        assert code == 0, f"run {run + 1}: {printed}"
    assert all((tmp_path / name).stat().st_size for name in LOGS), (
        "the logs that it names are not empty"
    )
    _, listed = await command("incidents", "list", "--data", str(tmp_path), "--json")
    assert [each["status"] for each in json.loads(listed)] == ["fixed"] * 3


def with_tag(scenario: dict[str, Any], value: str) -> dict[str, Any]:
    machine = next(
        each for each in scenario["resources"] if re.search(r"/virtualMachines/[^/]+$", each["id"])
    )
    machine["tags"] = {"backup-remediation": value}
    return scenario


ENDS: list[tuple[str, Callable[[dict[str, Any]], Any], str, int]] = [
    # scenario, what is changed in it, the words of the end, exit code
    (
        "UserErrorGuestAgentStatusUnavailable-windows_agent",
        lambda s: s.update(title="A title with [brackets]"),
        "Ended as promised (needs_person)",
        0,
    ),
    (
        EXTENSION,
        lambda s: with_tag(s, "observe")["expect"].update(status="observed", actions=[]),
        "Ended as promised (observed)",
        0,
    ),
    (
        EXTENSION,
        lambda s: s["expect"].update(status="needs_person"),
        "The promised end state was not reached",
        1,
    ),
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "change", "verdict", "code"), ENDS, ids=["a person", "observed", "another end"]
)
async def test_the_demo_passes_where_the_end_is_as_expected(
    tmp_path: Path, name: str, change: Callable[[dict[str, Any]], Any], verdict: str, code: int
) -> None:
    scenario = scenarios.load(name)
    change(scenario)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(scenario), encoding="utf-8")
    ended, printed = await command(
        "demo", "--data", str(tmp_path / "data"), "--scenario", str(file)
    )
    assert (ended, verdict in printed) == (code, True), printed


def test_the_demo_takes_no_setting_from_the_shell() -> None:
    assert environment(UNKIND | {"PATH": "/bin"}) == {
        "PATH": "/bin",
        "REMEDIATOR_MODE": "auto",
        "REMEDIATOR_COOLING_HOURS": "0",
        "REMEDIATOR_BACKUPS_PER_DAY": "100000",
    }


async def try_scenario(product: Any, name: str) -> Result:
    return await asyncio.to_thread(
        CliRunner().invoke, remediator, ["try", name, "--app", product.app, "--arm", product.arm]
    )


async def test_try_plays_a_scenario_again_and_again(tmp_path: Path) -> None:
    job = scenarios.load(EXTENSION)["event"]["data"]["alertContext"]["extendedInfo"]["jobId"]
    async with running(tmp_path) as product:
        for _ in range(2):
            result = await try_scenario(product, EXTENSION)
            assert (result.exit_code, "is fixed" in result.output, "observe" in result.output) == (
                0,
                True,
                False,
            ), result.output
        jobs = [each["job_id"] for each in await product.incidents()]
        assert len(jobs) == 2 and jobs[1] == job, (
            "the scenario's own job the first time, one of its own after that"
        )


@pytest.mark.parametrize(
    ("mode", "status"), [("observe", "observed"), ("off", "ignored"), ("approve", "needs_person")]
)
async def test_try_says_when_the_app_changes_nothing(
    tmp_path: Path, mode: str, status: str
) -> None:
    async with running(tmp_path, REMEDIATOR_MODE=mode) as product:
        result = await try_scenario(product, EXTENSION)
        assert result.exit_code == 0
        assert f"The app's mode is {mode}: it " in result.output
        assert "REMEDIATOR_MODE=auto lets it repair" in result.output
        assert f"is {status}: " in result.output
        assert await product.changes() == []


async def test_try_says_so_where_only_this_vm_is_observed(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(with_tag(scenarios.load(EXTENSION), "observe")), encoding="utf-8")
    async with running(tmp_path / "data") as product:
        result = await try_scenario(product, str(file))
    assert (result.exit_code, "It was only observed: nothing was changed" in result.output) == (
        0,
        True,
    ), result.output


async def test_try_fails_where_the_end_is_another(tmp_path: Path) -> None:
    scenario = scenarios.load(EXTENSION)
    scenario["expect"]["status"] = "needs_person"
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(scenario), encoding="utf-8")
    async with running(tmp_path / "data") as product:
        assert (await try_scenario(product, str(file))).exit_code == 1


def test_a_scenario_is_printed_in_the_shape_that_is_taken() -> None:
    printed = CliRunner().invoke(remediator, ["scenarios", "winmanagedvm", "--json"])
    whole = scenarios.load("winmanagedvm")
    assert json.loads(printed.stdout) == {
        name: whole[name] for name in ("title", "resources", "event", "expect")
    }
    listed = json.loads(CliRunner().invoke(remediator, ["scenarios", "--json"]).stdout)
    assert [each["name"] for each in listed] == scenarios.names()
    assert CliRunner().invoke(remediator, ["scenarios"]).output.count("│") > 3 * len(listed)


@pytest.mark.parametrize("name", scenarios.names())
def test_a_known_job_gets_a_fresh_id_everywhere(name: str) -> None:
    scenario = scenarios.load(name)
    jobs = jobs_of(scenario)
    assert renew_jobs(scenario, {"another"}) is scenario
    changed = renew_jobs(scenario, {each.upper() for each in jobs})
    assert jobs and not any(each in json.dumps(changed).lower() for each in jobs)
    assert len(changed["resources"]) == len(scenario["resources"])


def test_checks_of_the_end_see_what_is_wrong() -> None:
    """An end that was not reached: each check that can fail does."""
    state = scenarios.load("winmanagedvm")
    incident = {"status": "failed", "actions": [], "verification": None, "manual_steps": []}
    checks = end_state(state, {"resources": []}, [], incident, [], state["expect"])
    holding = [check.promise for check in checks if check.holds]
    assert holding == ["the audit chain holds"]


PARENT = """
import asyncio, os, signal, sys
from pathlib import Path
from local.demo.children import run_command
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job of a shell may ignore it
async def main():
    log = Path(sys.argv[1])
    async with run_command("simulate", "--port", "0", log=log, environment=os.environ) as child:
        print(child.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_children_end_with_their_parent(tmp_path: Path, number: int) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PARENT,
        str(tmp_path / "log"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    parent.send_signal(number)
    await parent.wait()
    while runs(child):  # until the test's own time limit
        await asyncio.sleep(0.05)


def runs(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.timeout(600)
async def test_sigterm_ends_the_demo_and_its_children(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "command_line.entry", "demo", "--data", str(tmp_path),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    while b"function app http" not in (line := await process.stdout.readline()):
        assert line, "it ended before it was ready"
    process.terminate()
    rest = await process.stdout.read()
    assert await process.wait() == 128 + signal.SIGTERM
    assert b"Traceback" not in rest
    with lock_folder(tmp_path):
        pass  # the app has let go of the folder


def test_a_second_host_on_one_folder_is_refused(tmp_path: Path) -> None:
    words = ["serve", "--port", "0", "--arm", "http://127.0.0.1:9", "--data", str(tmp_path)]
    with lock_folder(tmp_path):
        result = CliRunner().invoke(remediator, words)
        assert result.exit_code == 1
        assert f"{tmp_path} is in use by another host (process {os.getpid()})" in result.stderr
        with pytest.raises(FolderInUse), lock_folder(tmp_path):
            pass
    with lock_folder(tmp_path):
        pass


HOLDER = """
import sys
from pathlib import Path
from local.host.data_folder import lock_folder
with lock_folder(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


async def test_a_crash_leaves_the_folder_free(tmp_path: Path) -> None:
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HOLDER,
        str(tmp_path),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert holder.stdout is not None and await holder.stdout.readline() == b"held\n"
    with pytest.raises(FolderInUse, match=f"process {holder.pid}"), lock_folder(tmp_path):
        pass
    holder.kill()
    await holder.wait()
    with lock_folder(tmp_path):
        pass
