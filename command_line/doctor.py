"""`remediator doctor`: is everything there that an installation needs?"""

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
from command_line.doctor_checks import Patient, Seen, actions, app, identity, props, resource_group
from command_line.doctor_road import alerts, from_outside, road, sign_in, stores, watch
from command_line.doctor_view import View
from command_line.reading import arm_option, impatient, url_of
from shared.azure.clients import AzureClients
from shared.errors import AccessDenied, AzureCallFailed, RemediatorError
from shared.settings import Settings, guid_or_empty

READER_NEEDED = "sign in (`az login`) as somebody with Reader on the subscription"
LOOKS = (resource_group, identity, app, actions, stores, road, alerts, watch, sign_in)
LONGEST_PROBE_SECONDS = 60
MARKS = {True: "ok", False: "MISSING", None: "NOT KNOWN"}
COLOURS = {True: "green", False: "red", None: "yellow"}


def _guid(_: click.Context, __: click.Parameter, text: str) -> str:
    try:
        return guid_or_empty(text) or text
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is not a subscription id; write it like 11111111-1111-1111-1111-111111111111"
        ) from error


@click.command()
@click.option(
    "--subscription",
    metavar="ID",
    required=True,
    callback=_guid,
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
    callback=url_of,
    help="Where the app answers; https:// and its own host name when left out.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@click.option("--all", "everything", is_flag=True, help="List what is fine as well.")
def doctor(
    subscription: str,
    resource_group: str,
    name: str,
    arm: str | None,
    app_url: str | None,
    as_json: bool,
    everything: bool,
) -> None:
    """Tell whether everything that a deployed installation needs is really there.
    Changes nothing.

    Reads Azure as whoever is signed in with `az login`: app, identity, each role
    action, stores, the road from the alert to the app, alert rules, sign-in. Then it
    asks the app twice without signing in: strangers must be refused, and it must
    answer. Each thing that is missing comes with the command that mends it. Exit code
    0: all there, 1: something is missing or cannot be told, 2: it could not look.

    \b
    Example:  remediator doctor --subscription 11111111-1111-1111-1111-111111111111
    """
    try:
        seen = asyncio.run(_examined(subscription, resource_group, name, arm, app_url))
    except RemediatorError as error:
        hint = f"; {READER_NEEDED}" if isinstance(error, AccessDenied) else ""
        click.echo(f"Error: {str(error).splitlines()[0]}{hint}", err=True)
        sys.exit(2)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in seen], indent=2))
    else:
        _show(seen, everything)
    sys.exit(0 if all(each.ok for each in seen) else 1)


async def _examined(
    subscription: str, group: str, name: str, arm: str | None, app_url: str | None
) -> list[Seen]:
    environment = impatient(os.environ) | ({"REMEDIATOR_ARM_ENDPOINT": arm} if arm else {})
    clients = AzureClients(Settings.from_environment(environment), subscription)
    try:
        click.echo(
            f"reading {group} in {subscription}; without an answer it is tried for"
            f" {clients.settings.retry_seconds:g} s ...",
            err=True,
        )
        patient = await _patient(View(clients, group), name)
        seen: list[Seen] = []
        for look in LOOKS:
            click.echo(f"looking at {look.__name__.replace('_', ' ')} ...", err=True)
            seen += await _gathered(look.__name__.replace("_", " "), look(patient))
        host = props(patient.site).get("defaultHostName")
        url = app_url or (f"https://{host}" if host else "")
        if url:
            click.echo(f"asking {url} as a stranger ...", err=True)
            seen += await _gathered("from outside", from_outside(patient, url.rstrip("/"), _probe))
        return seen
    finally:
        await clients.close()


async def _patient(view: View, name: str) -> Patient:
    """The parts that several looks need. A group that does not exist has none of them.
    Raises AzureCallFailed when nothing can be read."""
    patient = Patient(view, name)
    if await view.get(view.subscription) is None:
        raise RemediatorError(
            f"{view.subscription} is not there for whoever is signed in: {READER_NEEDED}"
        )
    group = await view.get(view.group)
    if group is None:
        return patient
    patient.region = str(group.get("location", ""))
    patient.site = await _only(view, "Microsoft.Web/sites")
    patient.identity = await _only(view, "Microsoft.ManagedIdentity/userAssignedIdentities")
    patient.storage = await _only(view, "Microsoft.Storage/storageAccounts")
    patient.topic = await _only(view, "Microsoft.EventGrid/topics")
    if patient.site is not None:
        try:
            found = await view.post(f"{patient.site['id']}/config/appsettings/list")
            patient.settings = {key: str(value) for key, value in props(found).items()}
        except AzureCallFailed as error:
            patient.settings_problem = f"cannot be read: {error}"
        patient.sign_in = props(await view.get(f"{patient.site['id']}/config/authsettingsV2"))
    return patient


async def _only(view: View, kind: str) -> dict[str, Any] | None:
    """One of that type in the group; with several the doctor cannot know which is
    meant."""
    found = await view.of_group(kind)
    if len(found) > 1:
        raise RemediatorError(
            f"{view.group} holds {len(found)} of {kind}; it is meant for one installation alone"
        )
    return found[0] if found else None


async def _gathered(what: str, looking: AsyncIterator[Seen]) -> list[Seen]:
    """What a look found until Azure stopped it: that is told as not known, never as
    fine."""
    found: list[Seen] = []
    try:
        async for each in looking:
            found.append(each)
    except AzureCallFailed as error:
        found.append(Seen(what, None, f"cannot be read: {error}", READER_NEEDED))
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


def _show(seen: list[Seen], everything: bool) -> None:
    """The command on a line of its own, unbroken: it is there to be copied."""
    out = console()
    for each in seen:
        if everything or not each.ok:
            out.print(
                f"[{COLOURS[each.ok]}]{MARKS[each.ok]:<9}[/] {escape(each.name)}:"
                f" {escape(each.found)}",
                soft_wrap=True,
                markup=True,
            )
            if each.mend:
                out.print(f"          {each.mend}", soft_wrap=True)
    fine = sum(each.ok is True for each in seen)
    missing, unknown = sum(each.ok is False for each in seen), sum(each.ok is None for each in seen)
    click.echo(
        f"{fine} of {len(seen)} are there"
        + (f", {missing} missing, {unknown} not known" if missing + unknown else "")
    )
