"""Who may see what. Everybody is refused unless Entra sign-in is really in front of the
app.

In Azure, App Service authentication writes the signed-in principal into a header and
removes that header from requests from outside. With authentication off anybody could
send it, so it counts only while the platform says that authentication is on
(WEBSITE_AUTH_ENABLED) and REMEDIATOR_AUTH is not `off`.
https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
https://learn.microsoft.com/azure/app-service/reference-app-settings

The settings are read here straight from the environment: an invalid one elsewhere must
neither open nor close anything.
"""

from __future__ import annotations

import base64
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import azure.functions as func

from shared.arm_ids import fold

HEADER = "x-ms-client-principal"
IN_AZURE = ("WEBSITE_INSTANCE_ID", "WEBSITE_SITE_NAME")
"""Set by the platform on every instance. Where one is set, the development identity
does not count."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

ROLE_CLAIMS = frozenset({"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"})
TENANT_CLAIMS = frozenset({"tid", "http://schemas.microsoft.com/identity/claims/tenantid"})
OBJECT_CLAIMS = frozenset({"oid", "http://schemas.microsoft.com/identity/claims/objectidentifier"})
CALLER_CLAIMS = frozenset({"appid", "azp"})
"""The application that a token was issued to, in tokens of version 1 and 2."""
ACTION_GROUPS = "461e8683-5575-4561-ac7f-899cc907d62a"
"""Azure Monitor's own application, as which action groups call a secure webhook."""
NAME_CLAIMS = (
    "preferred_username",
    "name",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
)
LONGEST_NAME_CHARACTERS = 200

type Handler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


class Role(Enum):
    """App roles of the Entra application, by their value. Each includes those above it
    in this list."""

    READER = "Reader"
    APPROVER = "Approver"
    OPERATOR = "Operator"

    def includes(self, other: Role) -> bool:
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(other)


@dataclass(frozen=True, slots=True)
class Person:
    """Who signed in."""

    name: str
    """For people and for the audit log."""
    role: Role
    """The highest one."""


@dataclass(frozen=True, slots=True)
class Refused:
    status: int
    """401: nobody is signed in, or the principal cannot be read; 403: not allowed."""
    reason: str


class Malformed(ValueError):
    """The principal's header cannot be read."""


def needs(role: Role) -> Callable[[Handler], Handler]:
    """A decorator below the route of a function: answers 401 or 403 to a caller without
    this role."""

    def guard(handler: Handler) -> Handler:
        @wraps(handler)
        async def guarded(req: func.HttpRequest) -> func.HttpResponse:
            who = identify(req, role)
            return refuse(who) if isinstance(who, Refused) else await handler(req)

        return guarded

    return guard


def identify(req: func.HttpRequest, role: Role = Role.READER) -> Person | Refused:
    """Who sent this, where they have the role."""
    return judge_reader(req.headers.get(HEADER), urlsplit(req.url).hostname or "", os.environ, role)


def refuse(refused: Refused) -> func.HttpResponse:
    logging.info("refused with %s: %s", refused.status, refused.reason)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    body = json.dumps({"error": refused.reason})
    return func.HttpResponse(
        body, status_code=refused.status, mimetype="application/json", headers=headers
    )


def judge_reader(
    header: str | None, host: str, environment: Mapping[str, str], role: Role
) -> Person | Refused:
    """Who the caller is, where they have the role. `header`: the principal's, as sent;
    `host`: the name that the request was sent to. Pure."""
    if not any(environment.get(name) for name in IN_AZURE):
        return _admit_developer(environment, host)
    principal = _read_principal(header, environment)
    if isinstance(principal, Refused):
        return principal
    try:
        return _admit(principal, role)
    except Malformed as error:
        return Refused(401, f"the signed-in principal cannot be read: {error}")


def check_sender(req: func.HttpRequest) -> Refused | None:
    """None where an action group sent this."""
    return judge_sender(req.headers.get(HEADER), urlsplit(req.url).hostname or "", os.environ)


def judge_sender(header: str | None, host: str, environment: Mapping[str, str]) -> Refused | None:
    """None where the sender may deliver alerts: in Azure an action group, known by the
    application that its token was issued to; elsewhere this machine. Pure.

    https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups#configure-authentication-for-secure-webhook
    """
    if not any(environment.get(name) for name in IN_AZURE):
        if host in LOOPBACK:
            return None
        return Refused(403, "outside Azure alerts are taken at 127.0.0.1 and localhost only")
    principal = _read_principal(header, environment)
    if isinstance(principal, Refused):
        return principal
    wanted = environment.get("REMEDIATOR_ALERT_SENDER", "").strip() or ACTION_GROUPS
    try:
        callers = {fold(each) for each in _values(_read_claims(principal), CALLER_CLAIMS)}
    except Malformed as error:
        return Refused(401, f"the sender's principal cannot be read: {error}")
    if callers == {fold(wanted)}:
        return None
    return Refused(403, "only action groups may hand over alerts (REMEDIATOR_ALERT_SENDER)")


def _read_principal(
    header: str | None, environment: Mapping[str, str]
) -> Mapping[str, Any] | Refused:
    """The principal of a caller of this tenant, in Azure. Pure."""
    if (fold(environment.get("REMEDIATOR_AUTH", "").strip()) or "required") != "required":
        return Refused(
            403, "REMEDIATOR_AUTH is not `required`: nobody can be told apart, so nobody is let in"
        )
    if fold(environment.get("WEBSITE_AUTH_ENABLED", "")) != "true":
        return Refused(403, "authentication is not switched on for this app, so nobody is let in")
    if not header:
        return Refused(401, "sign in first: /.auth/login/aad")
    tenant_id = fold(environment.get("REMEDIATOR_TENANT_ID", "").strip())
    try:
        principal = _decode(header)
        tenants = {fold(tid) for tid in _values(_read_claims(principal), TENANT_CLAIMS)}
    except Malformed as error:
        return Refused(401, f"the signed-in principal cannot be read: {error}")
    if principal.get("auth_typ") != "aad":
        return Refused(403, "signed in with something else than Microsoft Entra")
    if tenant_id and tenants != {tenant_id}:
        return Refused(403, "signed in to another tenant than REMEDIATOR_TENANT_ID")
    return principal


def is_from_same_origin(req: func.HttpRequest) -> bool:
    """Whether a page of this app sent this, by the browser's own headers.

    Our pages set Referrer-Policy: no-referrer, under which Origin is `null`; every
    current browser sends Sec-Fetch-Site as well.
    """
    site = req.headers.get("sec-fetch-site")
    if site is not None:
        return bool(site == "same-origin")
    origin, target = urlsplit(req.headers.get("origin", "")), urlsplit(req.url)
    return bool(origin.netloc) and (origin.scheme, fold(origin.netloc)) == (
        target.scheme,
        fold(target.netloc),
    )


def is_from_browser(req: func.HttpRequest) -> bool:
    return "sec-fetch-site" in req.headers or "origin" in req.headers


def _admit_developer(environment: Mapping[str, str], host: str) -> Person | Refused:
    name = environment.get("REMEDIATOR_DEVELOPMENT_IDENTITY", "").strip()
    if not name:
        return Refused(
            401,
            "outside Azure only REMEDIATOR_DEVELOPMENT_IDENTITY lets anybody in, and it is not set",
        )
    # DNS rebinding: a page elsewhere may give 127.0.0.1 a name of its own and read us
    if host not in LOOPBACK:
        return Refused(403, "the development identity counts only at 127.0.0.1 and localhost")
    return Person(name[:LONGEST_NAME_CHARACTERS], Role.OPERATOR)


def _decode(header: str) -> Mapping[str, Any]:
    try:
        principal = json.loads(base64.b64decode(header, validate=True))
    except (ValueError, RecursionError) as error:
        raise Malformed("the header is not base64 of JSON") from error
    if not isinstance(principal, dict):
        raise Malformed("the header holds no object")
    return principal


def _admit(principal: Mapping[str, Any], role: Role) -> Person | Refused:
    claims = _read_claims(principal)
    who = _read_name(claims)
    roles = [each for each in Role if each.value in _values(claims, ROLE_CLAIMS)]
    if not roles:
        return Refused(
            403,
            f"{who} has no role here; an administrator assigns one of"
            f" {', '.join(each.value for each in Role)}",
        )
    if not roles[-1].includes(role):
        return Refused(403, f"{who} has the role {roles[-1].value}; {role.value} is needed")
    return Person(who, roles[-1])


def _read_claims(principal: Mapping[str, Any]) -> list[tuple[str, str]]:
    claims = principal.get("claims")
    if not isinstance(claims, list):
        raise Malformed("it has no list of claims")
    found = []
    for claim in claims:
        if (
            not isinstance(claim, dict)
            or not isinstance(claim.get("typ"), str)
            or not isinstance(claim.get("val"), str)
        ):
            raise Malformed("a claim has no typ and val")
        found.append((claim["typ"], claim["val"]))
    return found


def _values(claims: list[tuple[str, str]], names: frozenset[str]) -> set[str]:
    return {value for name, value in claims if name in names}


def _read_name(claims: list[tuple[str, str]]) -> str:
    """`name (object id)`: the name is for people and may change, the object id
    identifies."""
    ids = _values(claims, OBJECT_CLAIMS)
    if len(ids) != 1 or not (object_id := ids.pop().strip()).isascii():
        raise Malformed("it names no one person: it needs one object id (oid)")
    names = [value for wanted in NAME_CLAIMS for name, value in claims if name == wanted and value]
    clean = "".join(char for char in names[0] if char.isprintable()) if names else "no name"
    return f"{clean[:LONGEST_NAME_CHARACTERS]} ({object_id[:LONGEST_NAME_CHARACTERS]})"
