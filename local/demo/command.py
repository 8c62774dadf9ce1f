"""`remediator demo`: the main job from the alert to the audit trail, on the simulator
and the local host."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from command_line.console import console, make_table
from local import scenarios
from local.demo.children import run_command
from local.demo.end_state import Check, end_state
from local.demo.playing import ENDED, Stage, follow, open_stage, renew_jobs
from shared.incident.status import Status

SCENARIO = "winmanagedvm"
LONGEST_SECONDS = 90.0
EARLIER_SECONDS = 60.0
"""How long the demo waits for incidents that an earlier run left unfinished."""
SETTINGS = {
    "REMEDIATOR_MODE": "auto",
    "REMEDIATOR_COOLING_HOURS": "0",
    "REMEDIATOR_BACKUPS_PER_DAY": "100000",
}
"""By default the app changes nothing, no VM twice a day, and backs none up more than
three times."""
OURS = ("REMEDIATOR_", "LOCAL_HOST_", "AzureWebJobs", "WEBSITE_")
LOGS = ("host.log", "worker.log", "simulator.log")
STOPPED = 128 + signal.SIGTERM


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".remediator"),
    show_default=True,
    help="Folder of the embedded stores; each run adds an incident.",
)
@click.option(
    "--scenario",
    metavar="NAME_OR_FILE",
    default=SCENARIO,
    show_default=True,
    help="What fails: a name from `remediator scenarios`, or a file of that shape.",
)
def demo(data: Path, scenario: str) -> None:
    """Repair a failed backup before your eyes, without Azure.

    The VM winmanagedvm cannot be backed up: its resource group is locked and 18 restore
    points have piled up. The demo delivers that failure as Azure Monitor would, shows
    each stage, prints the audit trail, and checks the end state. Exit code 0 only if
    the collection was deleted, the identical lock is back, the new backup completed,
    and nothing else was touched.

    Another scenario passes when it reaches the end that it expects, which may be that a
    person is asked. Settings in the shell's environment play no part.

    \b
    Examples:  remediator demo
               remediator demo --scenario ExtentionOperationFailed-backup_extension
               remediator demo --data /tmp/demo --scenario mine.json
    """
    loaded = load_playable(scenario)
    try:
        code = asyncio.run(_run_until_stopped(_play(data, loaded, console())))
    except asyncio.CancelledError:
        code = STOPPED
    sys.exit(code)


def load_playable(name: str) -> dict[str, Any]:
    """Raises ClickException where there is no such scenario, or it expects an end that
    no incident has."""
    scenario = scenarios.load_whole(name)
    if scenario["expect"]["status"] not in ENDED:
        raise click.ClickException(
            f"{name} expects {scenario['expect']['status']!r}; an incident ends as"
            f" {', '.join(ENDED)}"
        )
    return scenario


async def _run_until_stopped(work: Awaitable[int]) -> int:
    """On SIGTERM the children end first, as on Ctrl-C."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The shell's environment without settings of the app: those may belong to a real
    installation."""
    return {name: value for name, value in given.items() if not name.startswith(OURS)} | SETTINGS


async def _play(data: Path, scenario: dict[str, Any], console: Console) -> int:
    data.mkdir(parents=True, exist_ok=True)
    console.print(
        "[bold]1. Starting[/] the simulator of Azure Resource Manager and the function app on its"
        " local host",
        markup=True,
    )
    env = environment(os.environ)
    async with (
        run_command("simulate", "--port", "0", log=data / "simulator.log", environment=env) as arm,
        run_command(
            "serve",
            "--port",
            "0",
            "--arm",
            arm.url,
            "--data",
            str(data),
            log=data / "host.log",
            environment=env,
        ) as app,
        open_stage(arm.url, app.url) as on,
    ):
        console.print(f"   simulator {arm.url}, function app {app.url}")
        return await _run(on, scenario, console, data)


async def _run(on: Stage, scenario: dict[str, Any], console: Console, data: Path) -> int:
    await on.load(scenario)
    known = await _wait_for_earlier_runs(on, console)
    scenario = renew_jobs(scenario, {each["job_id"] for each in known})
    await on.load(scenario)
    before, begun = (
        await on.get(f"{on.arm}/_sim/state"),
        len(await on.get(f"{on.arm}/_sim/requests")),
    )
    console.print(
        f"[bold]2. Delivering[/] the alert of a failed backup: {escape(scenario['title'])}",
        markup=True,
    )
    console.print(f"   the bridge answered {await on.deliver(scenario['event'])}")
    console.print("[bold]3. Remediation[/], as the audit log records it", markup=True)
    incident = await follow(on, scenario, {each["id"] for each in known}, console, LONGEST_SECONDS)
    entries = await on.audit(incident["id"])
    console.print("[bold]4. The audit trail[/]", markup=True)
    console.print(_table(entries))
    console.print("[bold]5. Checking the end state[/]", markup=True)
    after = await on.get(f"{on.arm}/_sim/state")
    requests = (await on.get(f"{on.arm}/_sim/requests"))[begun:]
    checks = end_state(before, after, requests, incident, entries, scenario["expect"])
    for check in checks:
        console.print(
            f"   {'[green]yes[/]' if check.holds else '[red]NO [/]'} {escape(check.promise)}",
            markup=True,
        )
    return _verdict(console, checks, incident, data)


async def _wait_for_earlier_runs(on: Stage, console: Console) -> list[dict[str, Any]]:
    """Every incident of earlier runs, once all have ended: a run that was killed may
    have left one at work."""
    reported: set[str] = set()
    try:
        async with asyncio.timeout(EARLIER_SECONDS):
            while True:
                found = await on.incidents()
                open_ones = {each["id"] for each in found if each["status"] not in ENDED}
                for each in sorted(open_ones - reported):
                    console.print(
                        f"   an earlier run left incident {each} at work; it is ended first"
                    )
                reported |= open_ones
                if not open_ones:
                    return found
                await asyncio.sleep(0.5)
    except TimeoutError as error:
        raise click.ClickException(
            f"not ended: {', '.join(sorted(reported))}; use another folder with --data"
        ) from error


def _verdict(console: Console, checks: list[Check], incident: dict[str, Any], data: Path) -> int:
    again = f".venv/bin/remediator audit show {incident['id']} --data {data}"
    if all(check.holds for check in checks):
        end = (
            "Fixed"
            if incident["status"] == Status.FIXED
            else f"Ended as promised ({incident['status']})"
        )
        console.print(f"[bold green]{end}.[/] Read it again: {escape(again)}", markup=True)
        return 0
    console.print(
        "[bold red]The promised end state was not reached.[/] The incident is"
        f" {incident['status']}:",
        end=" ",
        markup=True,
    )
    console.print(str(incident.get("reason")))
    console.print(f"Logs: {', '.join(str(data / name) for name in LOGS)}")
    return 1


def _table(entries: list[dict[str, Any]]) -> Table:
    table = make_table("#", "At", "What", "Phase", "Result", "Target", "Correlation id")
    for entry in entries:
        target, correlation = entry["target"].rsplit("/", 1)[-1], entry["correlation_id"][:8]
        table.add_row(
            str(entry["seq"]),
            entry["at"][11:19],
            entry["kind"],
            entry["phase"],
            entry["result"],
            target,
            correlation,
        )
    return table
