"""The command `remediator doctor`, its checks in order, and how results are shown."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

import click
from rich.markup import escape

from command_line.console import console
from command_line.doctor.access import check_actions
from command_line.doctor.alerts import check_alerts, check_topic
from command_line.doctor.app import check_app, check_identity, check_resource_group
from command_line.doctor.installation import (
    READER_NEEDED,
    Result,
    properties,
    read_installation,
)
from command_line.doctor.locks import check_locks
from command_line.doctor.sign_in import check_from_outside, check_sign_in
from command_line.doctor.stores import check_stores
from command_line.doctor.view import View
from command_line.doctor.watch import check_watch
from command_line.opening import shorten_waits
from command_line.options import arm_option, check_guid, check_url
from shared.azure.clients import AzureClients
from shared.errors import AccessDenied, AzureCallFailed, RemediatorError
from shared.settings import Settings

CHECKS = {
    "resource group": check_resource_group,
    "identity": check_identity,
    "app": check_app,
    "actions": check_actions,
    "stores": check_stores,
    "road": check_topic,
    "alerts": check_alerts,
    "watch": check_watch,
    "sign in": check_sign_in,
}
LONGEST_PROBE_SECONDS = 60
MARKS = {True: "ok", False: "MISSING", None: "NOT KNOWN"}
COLOURS = {True: "green", False: "red", None: "yellow"}


@click.command()
@click.option(
    "--subscription",
    metavar="ID",
    required=True,
    callback=check_guid,
    help="The subscription that the installation looks after.",
)
@click.option(
    "--resource-group",
    default="rg-backup-remediator",
    show_default=True,
    help="The installation's own resource group.",
)
@click.option(
    "--name",
    default="backup-remediator",
    show_default=True,
    help="The parameter `name` of infra/main.bicep.",
)
@arm_option
@click.option(
    "--app-url",
    metavar="URL",
    callback=check_url,
    help="Where the app answers; https:// and its own host name when left out.",
)
@click.option(
    "--storage",
    metavar="LOCATION",
    help=(
        "Where the app's records are, to see whether a lock is off; the tables of the"
        " installation's own storage account when left out."
    ),
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@click.option("--all", "everything", is_flag=True, help="List what is fine as well.")
def doctor(
    subscription: str,
    resource_group: str,
    name: str,
    arm: str | None,
    app_url: str | None,
    storage: str | None,
    as_json: bool,
    everything: bool,
) -> None:
    """Tell whether everything that a deployed installation needs is really there.
    Changes nothing.

    Reads Azure with your own sign-in (`az login`): app, identity, each role
    action, stores, the road from the alert to the app, alert rules, sign-in; and the
    lock ledger, in which no lock may be open. Then it asks the app twice without
    signing in: strangers must be refused, and it must answer. Each thing that is
    missing comes with the command that mends it. Exit code 0: all there, 1: something
    is missing or not known, 2: it could not look.

    \b
    Example:  remediator doctor --subscription 11111111-1111-1111-1111-111111111111
    """
    try:
        results = asyncio.run(_examine(subscription, resource_group, name, arm, app_url, storage))
    except RemediatorError as error:
        hint = f"; {READER_NEEDED}" if isinstance(error, AccessDenied) else ""
        click.echo(f"Error: {str(error).splitlines()[0]}{hint}", err=True)
        sys.exit(2)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in results], indent=2))
    else:
        _show(results, everything)
    sys.exit(0 if all(each.ok for each in results) else 1)


async def _examine(
    subscription: str,
    group: str,
    name: str,
    arm: str | None,
    app_url: str | None,
    storage: str | None,
) -> list[Result]:
    environment = shorten_waits(os.environ) | ({"REMEDIATOR_ARM_ENDPOINT": arm} if arm else {})
    clients = AzureClients(Settings.from_environment(environment), subscription)
    try:
        click.echo(
            f"reading {group} in {subscription}; without an answer it is tried for"
            f" {clients.settings.retry_seconds:g} s ...",
            err=True,
        )
        on = await read_installation(View(clients, group), name)
        results: list[Result] = []
        for what, check in CHECKS.items():
            click.echo(f"looking at {what} ...", err=True)
            results += await _gather(what, check(on))
        click.echo("looking at locks ...", err=True)
        results += await _gather("locks", check_locks(on, storage))
        host = properties(on.site).get("defaultHostName")
        url = app_url or (f"https://{host}" if host else "")
        if url:
            click.echo(f"asking {url} as a stranger ...", err=True)
            outside = check_from_outside(on, url.rstrip("/"), _probe)
            results += await _gather("from outside", outside)
        return results
    finally:
        await clients.close()


async def _gather(what: str, results: AsyncIterator[Result]) -> list[Result]:
    """The results until Azure refuses a read; the rest of that check is then not known,
    never fine."""
    found: list[Result] = []
    try:
        async for each in results:
            found.append(each)
    except AzureCallFailed as error:
        found.append(Result(what, None, f"cannot be read: {error}", READER_NEEDED))
    return found


async def _probe(url: str) -> tuple[int, Any]:
    """Status and JSON of a GET without a token; status 0 with nothing where there is no
    answer."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=LONGEST_PROBE_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        try:
            async with http.get(url, allow_redirects=False) as answer:
                text = await answer.text()
                return answer.status, _json(text)
        except (aiohttp.ClientError, TimeoutError, UnicodeDecodeError, LookupError):
            return 0, None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _show(results: list[Result], everything: bool) -> None:
    """A command that mends stands unbroken on a line of its own, to be copied."""
    out = console()
    for each in results:
        if everything or not each.ok:
            out.print(
                f"[{COLOURS[each.ok]}]{MARKS[each.ok]:<9}[/] {escape(each.name)}:"
                f" {escape(each.found)}",
                soft_wrap=True,
                markup=True,
            )
            if each.mend:
                out.print(f"          {each.mend}", soft_wrap=True)
    fine = sum(each.ok is True for each in results)
    missing = sum(each.ok is False for each in results)
    unknown = sum(each.ok is None for each in results)
    click.echo(
        f"{fine} of {len(results)} are there"
        + (f", {missing} missing, {unknown} not known" if missing + unknown else "")
    )
