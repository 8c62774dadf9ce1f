"""`remediator demo`: the main job from the alert to the audit trail, on the simulator and the local host."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from pathlib import Path
from typing import Any

import aiohttp
import click
from rich.console import Console
from rich.table import Table

from command_line.children import Child, started
from command_line.console import console
from command_line.demo_checks import Check, end_state

SCENARIO = "winmanagedvm"
LONGEST_SECONDS = 90
SETTINGS = {"REMEDIATOR_MODE": "auto"}
"""What the demo needs of the app, whatever the shell says: by default it changes nothing."""
ENDED = ("fixed", "needs_person", "observed", "ignored", "failed")


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".remediator"),
    show_default=True,
    help="Folder of the embedded stores; each run adds an incident.",
)
def demo(data: Path) -> None:
    """Repair a failed backup before your eyes, without Azure.

    The VM winmanagedvm cannot be backed up: its resource group is locked and 18 restore points have piled up. The demo delivers that
    failure as Azure Monitor would, shows each stage, prints the audit trail, and checks the end state. Exit code 0 only if the
    collection was deleted, the identical lock is back, the new backup completed, and nothing else was touched.
    """
    sys.exit(asyncio.run(_demo(data, console())))


async def _demo(data: Path, console: Console) -> int:
    data.mkdir(parents=True, exist_ok=True)
    console.print("[bold]1. Starting[/] the simulator of Azure Resource Manager and the function app on its local host")
    async with (
        started("simulate", "--port", "0", log=data / "simulator.log", environment=os.environ) as arm,
        started(
            "serve", "--port", "0", "--arm", arm.url, "--data", str(data), log=data / "host.log", environment=os.environ | SETTINGS
        ) as app,
        aiohttp.ClientSession() as http,
    ):
        console.print(f"   simulator {arm.url}, function app {app.url}")
        return await _run(http, arm, app, console, data)


async def _run(http: aiohttp.ClientSession, arm: Child, app: Child, console: Console, data: Path) -> int:
    scenario = _fresh_scenario()
    await _ok(await http.put(f"{arm.url}/_sim/state", json={"resources": scenario["resources"]}))
    before = await _get(http, f"{arm.url}/_sim/state")
    console.print(f"[bold]2. Delivering[/] the alert of a failed backup: {scenario['title']}")
    answer = await http.post(f"{app.url}/api/alerts", json=scenario["event"])
    console.print(f"   the bridge answered {answer.status}")
    console.print("[bold]3. Remediation[/], as the audit log records it")
    incident = await _watch(http, app, scenario["job_id"], console)
    entries = await _get(http, f"{app.url}/api/audit?incident={incident['id']}")
    console.print("[bold]4. The audit trail[/]")
    console.print(_table(entries))
    console.print("[bold]5. Checking the end state[/]")
    after = await _get(http, f"{arm.url}/_sim/state")
    requests = await _get(http, f"{arm.url}/_sim/requests")
    checks = end_state(before, after, requests, incident, entries)
    for check in checks:
        console.print(f"   {'[green]yes[/]' if check.holds else '[red]NO [/]'} {check.says}")
    return _verdict(console, checks, incident, data)


def _verdict(console: Console, checks: list[Check], incident: dict[str, Any], data: Path) -> int:
    if all(check.holds for check in checks):
        console.print(f"[bold green]Fixed.[/] Read it again: .venv/bin/remediator audit show {incident['id']} --data {data}")
        return 0
    console.print("[bold red]The promised end state was not reached.[/] " + str(incident.get("reason")))
    console.print(f"Logs: {data / 'host.log'}, {data / 'simulator.log'}")
    return 1


def _fresh_scenario() -> dict[str, Any]:
    """The scenario under a job id of its own, so that each run is a failure of its own."""
    import json

    from simulator.scenarios import load

    scenario = load(SCENARIO)
    old = scenario["event"]["data"]["alertContext"]["extendedInfo"]["jobId"]
    new = str(uuid.uuid4())
    fresh: dict[str, Any] = json.loads(json.dumps(scenario).replace(old, new))
    return fresh | {"job_id": new}


async def _watch(http: aiohttp.ClientSession, app: Child, job_id: str, console: Console) -> dict[str, Any]:
    """Print the incident's audit entries as they come, until it has ended."""
    printed = 0
    async with asyncio.timeout(LONGEST_SECONDS):
        while True:
            incident = await _incident_of(http, app, job_id)
            if incident:
                entries = await _get(http, f"{app.url}/api/audit?incident={incident['id']}")
                for entry in entries[printed:]:
                    console.print(f"   {entry['at'][11:19]}  {entry['phase']:8} {entry['kind']:32} {entry['result']}", markup=False)
                printed = len(entries)
                if incident["status"] in ENDED:
                    return incident
            await asyncio.sleep(0.2)


async def _incident_of(http: aiohttp.ClientSession, app: Child, job_id: str) -> dict[str, Any] | None:
    for incident in await _get(http, f"{app.url}/api/incidents"):
        if incident["job_id"] == job_id:
            found: dict[str, Any] = incident
            return found
    return None


def _table(entries: list[dict[str, Any]]) -> Table:
    table = Table("#", "At", "What", "Phase", "Result", "Target", "Correlation id")
    for entry in entries:
        target, correlation = entry["target"].rsplit("/", 1)[-1], entry["correlation_id"][:8]
        table.add_row(str(entry["seq"]), entry["at"][11:19], entry["kind"], entry["phase"], entry["result"], target, correlation)
    return table


async def _get(http: aiohttp.ClientSession, url: str) -> Any:
    return await (await _ok(await http.get(url))).json()


async def _ok(answer: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
    if answer.status >= 400:
        raise click.ClickException(f"{answer.method} {answer.url} answered {answer.status}: {(await answer.text())[:400]}")
    return answer
