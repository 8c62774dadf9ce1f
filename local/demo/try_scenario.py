"""`remediator try`: a scenario in a simulator and an app that run already."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import click

from command_line.console import console
from command_line.options import check_url
from local.demo.command import load_playable
from local.demo.playing import ENDED, follow, open_stage, renew_jobs
from local.scenarios.command import describe_end
from shared.incident.status import Status

LONGEST_SECONDS = 60.0
ONLY_LOOKING = {
    "off": "records failures and does nothing else",
    "observe": "only observes: it diagnoses and plans, and changes nothing",
    "approve": "hands every plan to a person",
}
"""What an app does in a mode in which it changes nothing."""


@click.command("try")
@click.argument("name")
@click.option(
    "--app",
    metavar="URL",
    required=True,
    callback=check_url,
    help="The app, as `remediator serve` prints it.",
)
@click.option(
    "--arm",
    metavar="URL",
    required=True,
    callback=check_url,
    help="The simulator, as `remediator simulate` prints it.",
)
def try_scenario(name: str, app: str, arm: str) -> None:
    """Let a backup fail: load scenario NAME into a running simulator, deliver its event
    to a running app, follow the incident.

    NAME is one of `remediator scenarios`, or a file of that shape. What the simulator
    holds is replaced. Exit code 0 when the incident ended as the scenario expects, or
    as the app's mode lets it, or is still at work after a minute; 1 otherwise.

    \b
    Example:  remediator try winmanagedvm --app http://127.0.0.1:8000 \\
                --arm http://127.0.0.1:8001
    """
    sys.exit(asyncio.run(_try(load_playable(name), app, arm)))


async def _try(scenario: dict[str, Any], app: str, arm: str) -> int:
    async with open_stage(arm, app) as on:
        known = await on.incidents()
        mode = await on.mode()
        if mode in ONLY_LOOKING:
            click.echo(
                f"The app's mode is {mode}: it {ONLY_LOOKING[mode]}. REMEDIATOR_MODE=auto lets it"
                " repair."
            )
        scenario = renew_jobs(scenario, {each["job_id"] for each in known})
        await on.load(scenario)
        click.echo(f"Delivering: {scenario['title']}")
        click.echo(
            f"The bridge answered {await on.deliver(scenario['event'])}. Expected:"
            f" {describe_end(scenario['expect'])}"
        )
        incident = await follow(
            on, scenario, {each["id"] for each in known}, console(), LONGEST_SECONDS
        )
    return _verdict(incident, scenario["expect"]["status"], mode)


def _verdict(incident: dict[str, Any], expected: str, mode: str) -> int:
    status = incident["status"]
    click.echo(f"Incident {incident['id']} is {status}: {incident['reason']}")
    if status not in ENDED:
        click.echo(
            f"It is still at work; look again with `remediator incidents show {incident['id']}`, or"
            " on the app's page."
        )
        return 0
    if status == Status.OBSERVED and expected != status:
        click.echo(
            "It was only observed: nothing was changed. Start the app with REMEDIATOR_MODE=auto to"
            " let it repair."
        )
        return 0
    return 0 if status == expected or mode in ONLY_LOOKING else 1
