"""What `remediator doctor` looks at, one function a subject. Each says what it found,
and the command that mends what is missing."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from command_line.doctor_view import Json, View
from functions.pages.access import ACTION_GROUPS
from shared.arm_ids import fold, same
from shared.settings import DEFAULT_MODE

ROLES_FILE = Path(__file__).resolve().parents[1] / "infra/roles.json"
FUNCTIONS = ("alerts", "intake", "guardian", "sweep", "list_incidents")
CONTAINERS = ("deployment", "policy", "dead-letters", "audit-heads")
NEEDED = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "no log, and so no alert rule over it",
    "REMEDIATOR_SEALS": "daily heads are not sealed",
}
CHANGING_MODES = ("approve", "auto")
BLOB_OWNER, BLOB_CONTRIBUTOR = (
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
)
QUEUE_CONTRIBUTOR, QUEUE_SENDER = (
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a",
)
METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"
TABLE_CONTRIBUTOR, TOPIC_SENDER = (
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "d5a91429-5739-47e2-a06b-3470a27159e7",
)
"""Built-in roles:
https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""


@dataclass(frozen=True, slots=True)
class Seen:
    """`ok`: None where it could not be told, which is not fine either. `mend`: a
    command, or what to do."""

    name: str
    ok: bool | None
    found: str
    mend: str = ""


@dataclass(slots=True)
class Patient:
    view: View
    name: str
    """As in main.bicep: the parameter `name`."""
    site: Json | None = None
    identity: Json | None = None
    storage: Json | None = None
    topic: Json | None = None
    settings: dict[str, str] = field(default_factory=dict)
    settings_problem: str = ""
    region: str = ""
    sign_in: Json = field(default_factory=dict)
    """What App Service authentication is set up for."""
    assigned: dict[str, list[Json]] = field(default_factory=dict)
    """Role assignments by principal, once read."""

    @property
    def entra(self) -> Json:
        return (self.sign_in.get("identityProviders") or {}).get("azureActiveDirectory") or {}

    @property
    def sign_in_client(self) -> str:
        return str((self.entra.get("registration") or {}).get("clientId") or "")

    @property
    def tenant(self) -> str:
        issuer = str((self.entra.get("registration") or {}).get("openIdIssuer") or "")
        return issuer.rstrip("/").removesuffix("/v2.0").rpartition("/")[2]

    @property
    def mode(self) -> str:
        return fold(self.settings.get("REMEDIATOR_MODE", "").strip()) or DEFAULT_MODE

    @property
    def delivery(self) -> str:
        return fold(self.settings.get("REMEDIATOR_DELIVERY", "").strip()) or "function"

    @property
    def deploy(self) -> str:
        return self.deployed()

    def deployed(self, **parameters: str) -> str:
        """The deployment again, with what can be told of its parameters; a new
        deployment without them would change them."""
        known = {"signInClientId": self.sign_in_client or "CLIENT_ID"}
        if self.settings:
            known |= {"mode": self.mode, "delivery": self.delivery}
            known |= {"logQuery": "true"} if self.settings.get("REMEDIATOR_WORKSPACE_ID") else {}
        told = " ".join(f"{name}={value}" for name, value in (known | parameters).items())
        where = f"--location {self.region or 'REGION'} --template-file infra/main.bicep"
        return (
            f"with the other parameters that you gave it: az deployment sub create {where}"
            f" --parameters {told}"
        )

    @property
    def connect(self) -> str:
        return "./infra/connect.sh"


def props(resource: Json | None) -> Json:
    return dict((resource or {}).get("properties") or {})


def verdict(name: str, fine: bool, found: str, mend: str) -> Seen:
    return Seen(name, fine, found, "" if fine else mend)


async def resource_group(p: Patient) -> AsyncIterator[Seen]:
    found = await p.view.get(p.view.group)
    yield verdict(
        "resource group",
        found is not None,
        p.view.group if found else f"{p.view.group} does not exist",
        p.deploy,
    )


async def app(p: Patient) -> AsyncIterator[Seen]:
    if p.site is None:
        yield Seen("function app", False, "there is none in the resource group", p.deploy)
        return
    running = props(p.site).get("state") == "Running"
    group = p.view.group.rsplit("/", 1)[1]
    yield verdict(
        "function app",
        running,
        f"{p.site['name']} is {props(p.site).get('state', 'in an unknown state')}",
        f"az functionapp start --name {p.site['name']} --resource-group {shlex.quote(group)}",
    )
    found = {
        each["name"].rsplit("/", 1)[-1] for each in await p.view.listed(f"{p.site['id']}/functions")
    }
    wanted = {*FUNCTIONS, "queued"} if p.delivery == "queue" else set(FUNCTIONS)
    lacking = sorted(wanted - found)
    yield verdict(
        "code",
        not lacking,
        f"{len(found)} functions" if not lacking else f"not there: {', '.join(lacking)}",
        "`azd deploy`, or: make package && az functionapp deployment source config-zip"
        f" --build-remote true --name {p.site['name']} --resource-group {shlex.quote(group)} --src"
        " dist/azure-backup-remediator.zip",
    )


async def identity(p: Patient) -> AsyncIterator[Seen]:
    attached = {
        fold(each)
        for each in ((p.site or {}).get("identity") or {}).get("userAssignedIdentities") or {}
    }
    if p.identity is None:
        yield Seen(
            "identity", False, "there is no user-assigned identity in the resource group", p.deploy
        )
        return
    fine = fold(p.identity["id"]) in attached
    yield verdict(
        "identity",
        fine,
        p.identity["name"] if fine else f"{p.identity['name']} is not the app's",
        p.deploy,
    )
    if p.settings_problem:
        yield Seen(
            "settings",
            None,
            p.settings_problem,
            "ask for Website Contributor on the app, or read the settings in the portal",
        )
        return
    problems = _settings_problems(p)
    yield verdict(
        "settings",
        not problems,
        f"mode {p.mode}, delivery {p.delivery}" if not problems else "; ".join(problems),
        p.deploy,
    )


def _settings_problems(p: Patient) -> list[str]:
    assert p.identity is not None
    wanted = {
        "REMEDIATOR_SUBSCRIPTION_ID": p.view.subscription.rsplit("/", 1)[1],
        "AZURE_CLIENT_ID": str(props(p.identity).get("clientId", "")),
        "AzureWebJobsStorage__clientId": str(props(p.identity).get("clientId", "")),
        "REMEDIATOR_TOPIC_ENDPOINT": str(props(p.topic).get("endpoint", "")),
    }
    problems = [
        f"{name} is {p.settings.get(name)!r}, not {value!r}"
        for name, value in wanted.items()
        if not same(p.settings.get(name, ""), value)
    ]
    if "WEBSITE_AUTH_ENABLED" in p.settings:
        problems.append(
            "WEBSITE_AUTH_ENABLED is set by hand: a forged sign-in would count; take it away"
        )
    problems += [
        f"{name} is {value}: that function does not run"
        for name, value in p.settings.items()
        if _disables(name, value)
    ]
    if fold(p.settings.get("REMEDIATOR_AUTH", "").strip()) not in ("", "required"):
        problems.append("REMEDIATOR_AUTH is not required: nobody is let in, and no alert is taken")
    if fold(p.settings.get("REMEDIATOR_TENANT_ID", "") or p.tenant) != fold(p.tenant):
        problems.append(
            f"REMEDIATOR_TENANT_ID is not {p.tenant or 'known'}, for which sign-in is set up"
        )
    public = (p.settings.get("REMEDIATOR_CLOUD", "") or "public") == "public"
    if public and not same(
        p.settings.get("REMEDIATOR_ALERT_SENDER", "") or ACTION_GROUPS, ACTION_GROUPS
    ):
        problems.append(
            "REMEDIATOR_ALERT_SENDER is not Azure Monitor's action groups: their alerts are refused"
        )
    problems += [
        f"{name} is empty: {meaning}"
        for name, meaning in NEEDED.items()
        if not p.settings.get(name)
    ]
    return problems


def _disables(name: str, value: str) -> bool:
    return bool(re.fullmatch(r"AzureWebJobs[._]\w+[._]Disabled", name)) and fold(value.strip()) in (
        "true",
        "1",
    )


async def actions(p: Patient) -> AsyncIterator[Seen]:
    """Every action of infra/roles.json that this installation needs, held by its
    identity at the subscription."""
    if p.identity is None:
        yield Seen("role actions", None, "without an identity nobody holds them", p.deploy)
        return
    roles = json.loads(ROLES_FILE.read_text())
    held = await _held(p, str(props(p.identity).get("principalId", "")))
    wanted = list(roles["reader"]["actions"])
    wanted += roles["optional"]["logQuery"] if p.settings.get("REMEDIATOR_WORKSPACE_ID") else []
    for action in wanted:
        yield _action(p, action, held, {})
    for action in roles["remediator"]["actions"]:
        if p.mode in CHANGING_MODES or p.settings_problem:
            yield _action(p, action, held, {"mode": p.mode})
    if (
        p.mode not in CHANGING_MODES
        and not p.settings_problem
        and (extra := [a for a in roles["remediator"]["actions"] if allows(held, a)])
    ):
        principal = props(p.identity).get("principalId")
        mend = (
            f"az role assignment delete --assignee {principal} --scope {p.view.subscription} --role"
            " ROLE_THAT_CHANGES"
        )
        yield Seen(
            "no more than needed",
            False,
            f"mode {p.mode} changes nothing, and the identity may {', '.join(extra)}",
            mend,
        )


def _action(
    p: Patient, action: str, held: list[tuple[list[str], list[str]]], parameters: dict[str, str]
) -> Seen:
    fine = allows(held, action)
    return verdict(
        f"action {action}",
        fine,
        "granted" if fine else "not granted at the subscription",
        p.deployed(**parameters),
    )


def allows(held: list[tuple[list[str], list[str]]], action: str) -> bool:
    """Azure's rule: some permission has it among its actions, and not among its
    notActions."""
    return any(_matches(yes, action) and not _matches(no, action) for yes, no in held)


def _matches(patterns: list[str], action: str) -> bool:
    return any(
        re.fullmatch(re.escape(each).replace(r"\*", ".*"), action, re.IGNORECASE | re.ASCII)
        for each in patterns
    )


async def _held(p: Patient, principal_id: str) -> list[tuple[list[str], list[str]]]:
    """(actions, notActions) of each permission that the principal has at the
    subscription or above."""
    held = []
    for assignment in await assignments(p, principal_id):
        if _covers(str(props(assignment).get("scope", "")), p.view.subscription):
            definition = await p.view.get(str(props(assignment)["roleDefinitionId"]))
            for permission in props(definition).get("permissions") or []:
                held.append(
                    (
                        list(permission.get("actions") or []),
                        list(permission.get("notActions") or []),
                    )
                )
    return held


def _covers(scope: str, what: str) -> bool:
    """At or above it. Management groups are above every subscription that lists their
    assignments."""
    above = scope == "/" or fold(scope).startswith(
        "/providers/microsoft.management/managementgroups/"
    )
    return above or (bool(scope) and fold(f"{what}/").startswith(fold(f"{scope}/")))


async def assignments(p: Patient, principal_id: str) -> list[Json]:
    if principal_id not in p.assigned:
        path = f"{p.view.subscription}/providers/Microsoft.Authorization/roleAssignments"
        found = await p.view.listed(path, **{"$filter": f"principalId eq '{principal_id}'"})
        p.assigned[principal_id] = [
            each
            for each in found
            if same(str(props(each).get("principalId", "")), principal_id)
            and not props(each).get("condition")
        ]
    return p.assigned[principal_id]


async def has_role(
    p: Patient, name: str, who: str, principal_id: str, on: Json | None, suffix: str, role: str
) -> Seen:
    """Whether a built-in role is held on this very resource or above it."""
    scope = f"{(on or {}).get('id', '')}{suffix}"
    fine = bool(on) and any(
        _covers(str(props(each).get("scope", "")), scope)
        and fold(str(props(each).get("roleDefinitionId", ""))).endswith(role)
        for each in await assignments(p, principal_id)
    )
    mend = (
        f"az role assignment create --assignee-object-id {principal_id} --assignee-principal-type"
        f" ServicePrincipal --role {role} --scope {shlex.quote(scope)}"
    )
    return verdict(
        f"{name} for {who}", fine, "granted" if fine else "not granted", mend if on else p.deploy
    )


type Probe = Callable[[str], Awaitable[tuple[int, Any]]]
