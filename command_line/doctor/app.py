"""The resource group, the app with its code, its identity and its settings."""

from __future__ import annotations

import re
import shlex
from collections.abc import AsyncIterator

from command_line.doctor.installation import Installation, Result, properties, result
from functions.pages.access import ACTION_GROUPS
from shared.arm_ids import fold, same
from shared.counts import count_of
from shared.errors import SettingsError
from shared.execution.lock_window.times import Times
from shared.settings import Settings

FUNCTIONS = ("alerts", "intake", "guardian", "sweep", "list_incidents")
QUEUE_FUNCTIONS = ("intake_queue", "intake_poison")
"""Beside the others where `delivery` is `queue`."""
NEEDED = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "no log, and so no alert rule over it",
    "REMEDIATOR_SEALS": "daily heads are not sealed",
}


async def check_resource_group(on: Installation) -> AsyncIterator[Result]:
    found = await on.view.get(on.view.group)
    yield result(
        "resource group",
        found is not None,
        on.view.group if found else f"{on.view.group} does not exist",
        on.deploy,
    )


async def check_app(on: Installation) -> AsyncIterator[Result]:
    if on.site is None:
        yield Result("function app", False, "there is none in the resource group", on.deploy)
        return
    site, group = on.site["name"], shlex.quote(on.view.group.rsplit("/", 1)[1])
    state = properties(on.site).get("state", "in an unknown state")
    yield result(
        "function app",
        state == "Running",
        f"{site} is {state}",
        f"az functionapp start --name {site} --resource-group {group}",
    )
    functions = await on.view.list_all(f"{on.site['id']}/functions")
    found = {each["name"].rsplit("/", 1)[-1] for each in functions}
    wanted = {*FUNCTIONS, *(QUEUE_FUNCTIONS if on.delivery == "queue" else ())}
    missing = sorted(wanted - found)
    yield result(
        "code",
        not missing,
        f"not there: {', '.join(missing)}" if missing else count_of(len(found), "function"),
        "`azd deploy`, or: make package && az functionapp deployment source config-zip"
        f" --build-remote true --name {site} --resource-group {group} --src"
        " dist/azure-backup-remediator.zip",
    )


async def check_identity(on: Installation) -> AsyncIterator[Result]:
    if on.identity is None:
        yield Result(
            "identity", False, "there is no user-assigned identity in the resource group", on.deploy
        )
        return
    attached = ((on.site or {}).get("identity") or {}).get("userAssignedIdentities") or {}
    fine = fold(on.identity["id"]) in {fold(each) for each in attached}
    name = on.identity["name"]
    yield result("identity", fine, name if fine else f"{name} is not the app's", on.deploy)
    if on.settings_problem:
        yield Result(
            "settings",
            None,
            on.settings_problem,
            "ask for Website Contributor on the app, or read the settings in the portal",
        )
        return
    problems = [
        *_wrong_values(on),
        *_switched_off(on),
        *_sign_in_problems(on),
        *_empty(on),
        *_times_that_do_not_hold(on),
    ]
    yield result(
        "settings",
        not problems,
        "; ".join(problems) if problems else f"mode {on.mode}, delivery {on.delivery}",
        on.deploy,
    )


def _wrong_values(on: Installation) -> list[str]:
    """Settings that must name the installation's own parts."""
    client = str(properties(on.identity).get("clientId", ""))
    wanted = {
        "REMEDIATOR_SUBSCRIPTION_ID": on.view.subscription.rsplit("/", 1)[1],
        "AZURE_CLIENT_ID": client,
        "AzureWebJobsStorage__clientId": client,
        "REMEDIATOR_TOPIC_ENDPOINT": str(properties(on.topic).get("endpoint", "")),
    }
    return [
        f"{name} is {on.settings.get(name)!r}, not {value!r}"
        for name, value in wanted.items()
        if not same(on.settings.get(name, ""), value)
    ]


def _times_that_do_not_hold(on: Installation) -> list[str]:
    """The app refuses to start with impossible ones; the others it takes."""
    try:
        return Times.of(Settings.from_environment(on.settings)).find_problems()
    except SettingsError as error:
        return [str(error)]


def _switched_off(on: Installation) -> list[str]:
    return [
        f"{name} is {value}: that function does not run"
        for name, value in on.settings.items()
        if re.fullmatch(r"AzureWebJobs[._]\w+[._]Disabled", name)
        and fold(value.strip()) in ("true", "1")
    ]


def _sign_in_problems(on: Installation) -> list[str]:
    problems = []
    if "WEBSITE_AUTH_ENABLED" in on.settings:
        problems.append(
            "WEBSITE_AUTH_ENABLED is set by hand: a forged sign-in would count; take it away"
        )
    if fold(on.settings.get("REMEDIATOR_AUTH", "").strip()) not in ("", "required"):
        problems.append("REMEDIATOR_AUTH is not required: nobody is let in, and no alert is taken")
    if fold(on.settings.get("REMEDIATOR_TENANT_ID", "") or on.tenant) != fold(on.tenant):
        problems.append(
            f"REMEDIATOR_TENANT_ID is not {on.tenant or 'known'}, for which sign-in is set up"
        )
    public = (on.settings.get("REMEDIATOR_CLOUD", "") or "public") == "public"
    sender = on.settings.get("REMEDIATOR_ALERT_SENDER", "") or ACTION_GROUPS
    if public and not same(sender, ACTION_GROUPS):
        problems.append(
            "REMEDIATOR_ALERT_SENDER is not Azure Monitor's action groups: their alerts are refused"
        )
    return problems


def _empty(on: Installation) -> list[str]:
    return [
        f"{name} is empty: {effect}" for name, effect in NEEDED.items() if not on.settings.get(name)
    ]
