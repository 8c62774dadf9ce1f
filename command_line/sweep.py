"""`remediator sweep`: look for failed backups whose event never came."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

import click

from command_line.opening import with_app
from command_line.options import arm_option, check_time, store_options
from command_line.quarantine import BEGINS
from shared.app import App
from shared.codec import to_json
from shared.intake.sweep import Swept


@click.command()
@click.option(
    "--since",
    callback=check_time,
    metavar="TIME",
    help="Look from this time on; where the last sweep ended when left out.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be opened, and open nothing.")
@store_options
@arm_option
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def sweep(
    since: datetime | None,
    dry_run: bool,
    data: Path,
    storage: str | None,
    arm: str | None,
    as_json: bool,
) -> None:
    """Find failed VM backups that are not known yet and open incidents for them, as the
    timer does twice an hour.

    Asks the Log Analytics workspace (REMEDIATOR_WORKSPACE_ID), else the vaults' job
    lists. A failure that is known opens nothing, so it may be run at any time. Exit
    code 1 when something could not be seen: the next sweep begins there again.

    \b
    Examples:  remediator sweep --dry-run
               remediator sweep --since 2026-01-31T00:00:00Z
    """

    async def run(app: App) -> Swept:
        return await (await app.sweep()).run(
            since, dry=dry_run, say=lambda text: click.echo(text, err=True)
        )

    swept = with_app(data, storage, arm, run)
    if as_json:
        click.echo(json.dumps(to_json(swept), indent=2))
    else:
        click.echo(swept.summary)
        for incident_id in swept.opened:
            click.echo(f"opened {incident_id}")
        if swept.opened:
            click.echo(BEGINS)
    if swept.problems:
        sys.exit(1)
