"""`remediator`: every command in one place. Mistakes of the user end with one clear line, never with a stack trace."""

from __future__ import annotations

import logging
import sys

import click

from command_line.audit import audit
from command_line.demo import demo
from command_line.diagnose import diagnose
from command_line.doctor import doctor
from command_line.incidents import incidents
from command_line.locks import locks
from command_line.package import package
from command_line.quarantine import quarantine, replay
from command_line.serve import serve
from command_line.simulate import simulate
from command_line.sweep import sweep
from shared.errors import RemediatorError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="azure-backup-remediator")
def remediator() -> None:
    """Repairs failed Azure VM backups, safely, and keeps a record that an auditor can check.

    \b
    Try it without Azure:     remediator demo
    Then look at the record:  remediator audit list
    Run the app locally:      remediator simulate --port 8001 --scenario winmanagedvm
                              remediator serve --port 8000 --arm http://127.0.0.1:8001 --data .remediator
    """


for command in (serve, simulate, demo, audit, incidents, locks, sweep, quarantine, replay, diagnose, doctor, package):
    remediator.add_command(command)


def main() -> None:
    logging.getLogger("azure.identity").setLevel(logging.ERROR)  # the error that is shown says it once
    try:
        remediator(standalone_mode=True)
    except RemediatorError as error:
        click.echo(f"remediator: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
