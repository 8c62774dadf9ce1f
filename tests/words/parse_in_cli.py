"""Runs in the Python of .venv-azure-cli. Each line of standard input is a JSON list,
the words of one call of `az`; each line of standard output is the verdict of the Azure
CLI's own parser.

Nothing is sent and no handler runs: connections are refused, and the call ends where
the first operation would begin. The parser checks the command, its options, required
ones, choices and types, `--ids` against the command, the models of AAZ commands, and
runs the CLI's own validators as far as they need no network.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import socket
import sys
import tempfile
from typing import Any, NoReturn

CONFIG = tempfile.mkdtemp(prefix="az-words-")
SUBSCRIPTION, TENANT = (
    "11111111-1111-1111-1111-111111111111",
    "22222222-2222-2222-2222-222222222222",
)
REFUSED = "the parser may not connect"
WANTS_NETWORK = (REFUSED, "az login")
"""A validator that would ask Azure fails with one of these texts; its verdict does not
count."""


def write_profile() -> None:
    """Sign somebody in, so that commands that need a subscription find one."""
    account = {
        "id": SUBSCRIPTION,
        "name": "words",
        "state": "Enabled",
        "isDefault": True,
        "tenantId": TENANT,
        "homeTenantId": TENANT,
        "environmentName": "AzureCloud",
        "managedByTenants": [],
        "user": {"name": "nobody@example.org", "type": "user"},
    }
    with open(os.path.join(CONFIG, "azureProfile.json"), "w") as file:  # noqa: PTH118, PTH123
        json.dump({"installationId": SUBSCRIPTION, "subscriptions": [account]}, file)


os.environ.update(
    AZURE_CONFIG_DIR=CONFIG,
    AZURE_EXTENSION_DIR=os.path.join(CONFIG, "extensions"),  # noqa: PTH118
    AZURE_CORE_COLLECT_TELEMETRY="false",
    AZURE_EXTENSION_USE_DYNAMIC_INSTALL="no",
    AZURE_CORE_NO_COLOR="true",
    AZURE_CORE_SURVEY_MESSAGE="false",
    AZURE_BICEP_CHECK_VERSION="false",
)
write_profile()


class Refused(Exception):
    """The command wanted the network."""


def refuse(*_: Any, **__: Any) -> NoReturn:
    raise Refused(REFUSED)


socket.socket.connect = refuse  # type: ignore[method-assign]
socket.create_connection = refuse
socket.getaddrinfo = refuse

from azure.cli.core import AzCli, get_default_cli  # noqa: E402
from azure.cli.core.aaz import AAZCommand  # noqa: E402
from azure.cli.core.aaz._command_ctx import AAZCommandCtx  # noqa: E402
from azure.cli.core.commands import AzCliCommandInvoker  # noqa: E402


class Parsed(BaseException):
    """Raised where the operations would begin; nothing in the CLI may catch it."""

    def __init__(self, jobs: list[tuple[Any, Any]]) -> None:
        self.jobs = jobs


class Verdict:
    """Notes about one call, taken while the CLI runs."""

    confirms = False
    network_wanted = False


note = Verdict()


def end_here(_: Any, jobs: list[tuple[Any, Any]], __: Any) -> NoReturn:
    raise Parsed(jobs)


def note_confirmation(_: Any, cmd: Any, parsed: Any) -> None:
    note.confirms = bool(cmd.confirmation) and not getattr(parsed, "yes", False)


_validate = AzCliCommandInvoker._validation


def validate(self: Any, parsed: Any) -> None:
    """The CLI's validators, without what only Azure could answer."""
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            _validate(self, parsed)
    except SystemExit:
        sys.stderr.write(errors.getvalue())
        if not any(each in errors.getvalue() for each in WANTS_NETWORK):
            raise
        note.network_wanted = True
    except Exception as error:
        if not wanted_network(error):
            raise
        note.network_wanted = True


def wanted_network(error: BaseException | None) -> bool:
    """True when a refused connection is among its causes."""
    while error is not None:
        if any(each in str(error) for each in WANTS_NETWORK):
            return True
        error = error.__cause__ or error.__context__
    return False


AzCliCommandInvoker._validation = validate
AzCliCommandInvoker.resolve_confirmation = note_confirmation
AzCliCommandInvoker._run_jobs_serially = end_here
AzCliCommandInvoker._run_jobs_concurrently = end_here


def judge(words: list[str]) -> dict[str, Any]:
    """A `tests.words.az.Verdict` as a dict."""
    note.confirms = note.network_wanted = False
    if words[:1] != ["az"]:
        return answer(False, "does not begin with az")
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            begin(get_default_cli(), words[1:])
            return answer(False, f"ended without a command: {out.getvalue()[:200]}")
        except Parsed as parsed:
            return end(parsed.jobs)
        except SystemExit as error:
            return answer(False, error_of(err.getvalue()) or f"exit {error.code}")
        except Exception as error:  # noqa: BLE001 - whatever the CLI raises is its verdict
            return answer(False, error_of(err.getvalue()) or f"{type(error).__name__}: {error}")


def begin(cli: AzCli, words: list[str]) -> None:
    cli.logging.configure = lambda _: None
    cli.invocation = cli.invocation_cls(
        cli_ctx=cli,
        parser_cls=cli.parser_cls,
        commands_loader_cls=cli.commands_loader_cls,
        help_cls=cli.help_cls,
    )
    cli.invocation.execute(words)


def end(jobs: list[tuple[Any, Any]]) -> dict[str, Any]:
    """The verdict once the CLI has parsed. AAZ commands check their typed arguments in
    the handler, so that is done here, up to the first operation."""
    for parsed, command in jobs:
        if isinstance(command, AAZCommand):
            given = command.cli_ctx.invocation._filter_params(parsed)
            context = AAZCommandCtx(
                cli_ctx=command.cli_ctx, schema=command.get_arguments_schema(), command_args=given
            )
            try:
                context.format_args()
            except Exception as error:  # noqa: BLE001 - whatever the CLI raises is its verdict
                if not wanted_network(error):
                    return answer(False, f"{type(error).__name__}: {error}")
                note.network_wanted = True
    return answer(
        True, "", {name: value for name, value in vars(jobs[0][0]).items() if plain(value)}
    )


def plain(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int)


def answer(fine: bool, error: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "fine": fine,
        "error": error,
        "confirms": note.confirms,
        "network_wanted": note.network_wanted,
        "arguments": arguments or {},
    }


def error_of(text: str) -> str:
    """The CLI's own message, without examples and colours."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()]
    noise = ("aka.ms/cli_ref", REFUSED)
    wanted = [
        line
        for line in lines
        if line and not line.startswith("Examples") and not any(each in line for each in noise)
    ]
    return " | ".join(wanted[:2])[:700]


def main() -> None:
    out = sys.stdout
    for line in sys.stdin:
        print(json.dumps(judge(json.loads(line))), file=out, flush=True)


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(CONFIG, ignore_errors=True)
