"""`remediator simulate`: the ARM simulator."""

from __future__ import annotations

import click

from command_line.options import port_option


@click.command()
@port_option
@click.option(
    "--scenario",
    metavar="NAME_OR_FILE",
    help="State to begin with: a name from `remediator scenarios`, or a JSON file.",
)
def simulate(port: int, scenario: str | None) -> None:
    """Run the simulator of Azure Resource Manager on 127.0.0.1.

    Prints one line of JSON when it is ready and stops on SIGTERM or Ctrl-C. GET
    /_sim/state and /_sim/requests show its state and the requests so far.

    \b
    Example:  remediator simulate --port 8001 --scenario winmanagedvm
    """
    from local.simulator.server import run

    run(port, scenario)
