"""`remediator serve`: the function app on the local host."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from command_line.options import check_url, port_option
from shared.azure.pipeline import is_on_loopback

LOCAL_PACE = {
    "REMEDIATOR_POLL_SECONDS": "0.2",
    "REMEDIATOR_JOB_POLL_SECONDS": "0.5",
    "REMEDIATOR_BUSY_POLL_SECONDS": "0.5",
    "REMEDIATOR_LOST_AFTER_SECONDS": "5",
    "REMEDIATOR_GATHER_SECONDS": "15",
    "REMEDIATOR_RETRY_AFTER_SECONDS": "5",
    "REMEDIATOR_GUARDIAN_GRACE_SECONDS": "1",
}
"""Shorter pauses than in Azure, because the simulator answers at once. The environment
overrides each."""
DEVELOPER = "developer@localhost"
"""The identity that the app sees: the local host listens on 127.0.0.1 only and has no
sign-in."""


@click.command()
@port_option
@click.option(
    "--arm",
    metavar="URL",
    required=True,
    callback=check_url,
    help="Azure Resource Manager, as `remediator simulate` serves it.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".remediator"),
    show_default=True,
    help="Folder of the embedded stores.",
)
@click.option(
    "--storage",
    metavar="CONNECTION_STRING",
    help="Use Azure Tables and Queues (Azurite included) instead of SQLite.",
)
@click.option(
    "--delivery",
    type=click.Choice(["function", "queue"]),
    help=(
        "How events reach the app; queue needs --storage. [default: queue with --storage, else"
        " function]"
    ),
)
def serve(port: int, arm: str, data: Path, storage: str | None, delivery: str | None) -> None:
    """Run the function app, as it is deployed, on a local host on 127.0.0.1.

    Settings come from the same environment variables as in Azure (docs/settings.md).
    Prints one line of JSON when it is ready and stops on SIGTERM or Ctrl-C.
    local/host/README.md lists what the local host does not cover.

    By default the app only observes: REMEDIATOR_MODE=auto lets it repair.

    \b
    Example:  remediator serve --port 8000 --arm http://127.0.0.1:8001 \\
                --data .remediator
    """
    from local.host.server import run

    if delivery == "queue" and not storage:
        raise click.UsageError("--delivery queue needs --storage: the queue is in that account")
    override = {"REMEDIATOR_DELIVERY": delivery} if delivery else {}
    run(port, data, environment(os.environ, arm, data, storage) | override)


def environment(
    inherited: Mapping[str, str], arm: str, data: Path, storage: str | None
) -> dict[str, str]:
    """The variables that the app gets on top of the inherited ones: where ARM and the
    store are, and a local pace and identity if none is inherited."""
    defaults = LOCAL_PACE | {"REMEDIATOR_DEVELOPMENT_IDENTITY": DEVELOPER}
    if storage:
        defaults["REMEDIATOR_DELIVERY"] = "queue"
    variables = {name: value for name, value in defaults.items() if not inherited.get(name)}
    variables["REMEDIATOR_ARM_ENDPOINT"] = arm
    variables["REMEDIATOR_STORE"] = storage or f"sqlite:{(data / 'remediator.db').resolve()}"
    if storage:
        variables["AzureWebJobsStorage"] = storage
    if is_on_loopback(arm):
        variables["REMEDIATOR_LOGS_ENDPOINT"] = arm
    return variables
