"""`remediator`: every command in one place. Mistakes of the user end with one clear
line, never with a stack trace."""

from __future__ import annotations

import logging
import os
from typing import Any

import click

from command_line.audit import audit
from command_line.diagnose import diagnose
from command_line.doctor.command import doctor
from command_line.incidents import incidents
from command_line.locks import locks
from command_line.package import package
from command_line.quarantine import quarantine, replay
from command_line.sweep import sweep
from local.demo.children import end_with_parent
from local.demo.command import demo
from local.demo.try_scenario import try_scenario
from local.host.command import serve
from local.host.errors import HostError
from local.scenarios.command import scenarios
from local.simulator.command import simulate
from local.simulator.errors import SimulatorError
from shared.errors import RemediatorError


class Commands(click.Group):
    """Turns the errors of our rooms and of the operating system into one line. Any
    other exception is a bug and keeps its stack trace."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (RemediatorError, SimulatorError, HostError) as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            raise  # click ends quietly: the reader of the output has gone
        except OSError as error:
            raise click.ClickException(_describe(error)) from error


def _describe(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="azure-backup-remediator")
def remediator() -> None:
    """Repairs failed Azure VM backups, safely, and keeps a record that an auditor can
    check.

    \b
    Try it without Azure:     remediator demo
    Then look at the record:  remediator audit list
    See what can be tried:    remediator scenarios
    Run the app locally:      remediator simulate --port 8001
                              REMEDIATOR_MODE=auto remediator serve --port 8000 \\
                                --arm http://127.0.0.1:8001
    Let a backup fail in it:  remediator try winmanagedvm \\
                                --app http://127.0.0.1:8000 --arm http://127.0.0.1:8001
    """


COMMANDS = (
    demo,
    scenarios,
    try_scenario,
    simulate,
    serve,
    incidents,
    audit,
    locks,
    diagnose,
    sweep,
    quarantine,
    replay,
    doctor,
    package,
)
for command in COMMANDS:
    remediator.add_command(command)


def run() -> None:
    # The error that is shown contains it already.
    logging.getLogger("azure.identity").setLevel(logging.ERROR)
    end_with_parent(os.environ)
    remediator(standalone_mode=True)
