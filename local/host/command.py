"""`remediator serve`: the function app on the local host."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from command_line.reading import url_of
from shared.azure.pipeline import is_on_loopback

LOCAL_PACE = {
    "REMEDIATOR_POLL_SECONDS": "0.2",
    "REMEDIATOR_JOB_POLL_SECONDS": "0.5",
    "REMEDIATOR_BUSY_POLL_SECONDS": "0.5",
    "REMEDIATOR_LOST_AFTER_SECONDS": "5",
    "REMEDIATOR_GATHER_SECONDS": "15",
    "REMEDIATOR_GUARDIAN_GRACE_SECONDS": "1",
}
"""Shorter pauses than in Azure, for a simulator that answers at once; each gives way to
the environment."""
DEVELOPER = "developer@localhost"
"""Who asks, as far as the app can know: the local host listens on 127.0.0.1 only and
has no sign-in."""


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    required=True,
    help="Port on 127.0.0.1; 0 takes any free one.",
)
@click.option(
    "--arm",
    metavar="URL",
    required=True,
    callback=url_of,
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
    Prints one line of JSON when it is ready and stops on SIGTERM or Ctrl-C. What the
    local host does not cover is told in local/host/README.md.

    By default the app only observes: REMEDIATOR_MODE=auto lets it repair.

    \b Example:  remediator serve --port 8000 --arm http://127.0.0.1:8001 --data
    .remediator
    """
    from local.host.server import run

    if delivery == "queue" and not storage:
        raise click.UsageError("--delivery queue needs --storage: the queue is in that account")
    chosen = {"REMEDIATOR_DELIVERY": delivery} if delivery else {}
    run(port, data, environment(os.environ, arm, data, storage) | chosen)


def environment(
    given: Mapping[str, str], arm: str, data: Path, storage: str | None
) -> dict[str, str]:
    """What the app's process gets on top of ours: where ARM and the store are, and a
    local pace and identity where none is set."""
    defaults = (
        LOCAL_PACE
        | {"REMEDIATOR_DEVELOPMENT_IDENTITY": DEVELOPER}
        | ({"REMEDIATOR_DELIVERY": "queue"} if storage else {})
    )
    ours = {name: value for name, value in defaults.items() if not given.get(name)}
    queues = {"AzureWebJobsStorage": storage} if storage else {}
    logs = {"REMEDIATOR_LOGS_ENDPOINT": arm} if is_on_loopback(arm) else {}
    return (
        ours
        | queues
        | logs
        | {
            "REMEDIATOR_ARM_ENDPOINT": arm,
            "REMEDIATOR_STORE": storage or f"sqlite:{store_path(data)}",
        }
    )


def store_path(data: Path) -> Path:
    return (data / "remediator.db").resolve()
