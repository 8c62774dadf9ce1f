"""Headers and environment to status: who is let in, and everybody who is not."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import azure.functions as func
import pytest

from functions.pages import access
from functions.pages.access import Person, Refused, Role
from tests.functions.conftest import AZURE

TENANT, OTHER = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
URI = "http://schemas.microsoft.com/"
DEVELOPER = {"REMEDIATOR_DEVELOPMENT_IDENTITY": "developer@localhost"}
LOCAL = DEVELOPER
OID = {"typ": "oid", "val": "33333333-3333-3333-3333-333333333333"}


def raw(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def principal(
    *roles: str,
    role_claim: str = "roles",
    tenant_claim: str = "tid",
    tenant: str = TENANT,
    auth: str = "aad",
) -> str:
    claims = [{"typ": tenant_claim, "val": tenant}, OID, {"typ": "name", "val": "Ana"}]
    claims += [{"typ": role_claim, "val": role} for role in roles]
    return raw({"auth_typ": auth, "name_typ": "name", "role_typ": role_claim, "claims": claims})


READER, APPROVER, OPERATOR = principal("Reader"), principal("Approver"), principal("Operator")

REFUSED: list[tuple[str, Mapping[str, str], str | None, int]] = [
    ("nobody signed in", AZURE, None, 401),
    ("an empty header", AZURE, "", 401),
    ("no base64", AZURE, "{}", 401),
    ("two headers joined", AZURE, f"{READER},{READER}", 401),
    ("letters beyond ASCII", AZURE, "ÄÖÜ", 401),
    ("no JSON", AZURE, base64.b64encode(b"hello").decode(), 401),
    ("no text", AZURE, base64.b64encode(b"\xff\xfe").decode(), 401),
    ("nested beyond reason", AZURE, base64.b64encode(b"[" * 100_000).decode(), 401),
    ("no object", AZURE, raw([]), 401),
    ("no claims", AZURE, raw({"auth_typ": "aad"}), 401),
    (
        "claims that are no list",
        AZURE,
        raw({"auth_typ": "aad", "claims": {"roles": "Reader"}}),
        401,
    ),
    ("a claim that is no object", AZURE, raw({"auth_typ": "aad", "claims": ["roles"]}), 401),
    (
        "a claim whose value is no text",
        AZURE,
        raw({"auth_typ": "aad", "claims": [OID, {"typ": "roles", "val": ["Reader"]}]}),
        401,
    ),
    (
        "nobody in the claims",
        AZURE,
        raw({"auth_typ": "aad", "claims": [{"typ": "roles", "val": "Reader"}]}),
        401,
    ),
    (
        "two people in the claims",
        AZURE,
        raw({"auth_typ": "aad", "claims": [OID, {"typ": "oid", "val": OTHER}]}),
        401,
    ),
    ("no role", AZURE, principal(), 403),
    ("a role of another application", AZURE, principal("Writer"), 403),
    ("a role in other letters", AZURE, principal("reader"), 403),
    ("a role in a claim that is none", AZURE, principal("Reader", role_claim="groups"), 403),
    ("another provider", AZURE, principal("Reader", auth="github"), 403),
    ("no provider", AZURE, raw({"claims": [OID, {"typ": "roles", "val": "Reader"}]}), 403),
    (
        "another tenant",
        AZURE | {"REMEDIATOR_TENANT_ID": TENANT},
        principal("Reader", tenant=OTHER),
        403,
    ),
    (
        "no tenant",
        AZURE | {"REMEDIATOR_TENANT_ID": TENANT},
        principal("Reader", tenant_claim="iss"),
        403,
    ),
    ("authentication off", AZURE | {"WEBSITE_AUTH_ENABLED": "False"}, OPERATOR, 403),
    ("authentication not said to be on", {"WEBSITE_SITE_NAME": "app"}, OPERATOR, 403),
    ("authentication empty", AZURE | {"WEBSITE_AUTH_ENABLED": ""}, OPERATOR, 403),
    ("our setting off in Azure", AZURE | {"REMEDIATOR_AUTH": "off"}, OPERATOR, 403),
    ("our setting misspelt in Azure", AZURE | {"REMEDIATOR_AUTH": "requird"}, OPERATOR, 403),
    ("a development identity in Azure", AZURE | DEVELOPER, None, 401),
    ("one, without authentication", {"WEBSITE_SITE_NAME": "app"} | DEVELOPER, None, 403),
    ("one, by the instance alone", {"WEBSITE_INSTANCE_ID": "i"} | DEVELOPER, None, 403),
    (
        "one, with everything off",
        AZURE | DEVELOPER | {"REMEDIATOR_AUTH": "off", "WEBSITE_AUTH_ENABLED": ""},
        None,
        403,
    ),
    ("nothing set locally", {}, None, 401),
    ("nothing set locally, a forged header", {}, OPERATOR, 401),
    ("authentication claimed locally", {"WEBSITE_AUTH_ENABLED": "True"}, OPERATOR, 401),
    ("off locally", {"REMEDIATOR_AUTH": "off"}, OPERATOR, 401),
    ("an empty development identity", {"REMEDIATOR_DEVELOPMENT_IDENTITY": " "}, None, 401),
]


@pytest.mark.parametrize(
    ("environment", "header", "status"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_refused(environment: Mapping[str, str], header: str | None, status: int) -> None:
    found = access.judge_reader(header, "localhost", environment, Role.READER)
    assert isinstance(found, Refused)
    assert (found.status, bool(found.reason)) == (status, True)


ADMITTED: list[tuple[str, Mapping[str, str], str | None, Role]] = [
    ("a reader", AZURE, READER, Role.READER),
    ("an approver", AZURE, APPROVER, Role.APPROVER),
    ("an operator", AZURE, OPERATOR, Role.OPERATOR),
    ("the highest of several", AZURE, principal("Operator", "Other", "Reader"), Role.OPERATOR),
    (
        "the long form of roles",
        AZURE,
        principal("Reader", role_claim=URI + "ws/2008/06/identity/claims/role"),
        Role.READER,
    ),
    ("our tenant", AZURE | {"REMEDIATOR_TENANT_ID": TENANT}, READER, Role.READER),
    (
        "our tenant in its long form",
        AZURE | {"REMEDIATOR_TENANT_ID": TENANT.upper()},
        principal("Reader", tenant_claim=URI + "identity/claims/tenantid"),
        Role.READER,
    ),
    ("the setting said aloud", AZURE | {"REMEDIATOR_AUTH": "Required"}, READER, Role.READER),
    ("the developer", LOCAL, None, Role.OPERATOR),
    ("the developer, whatever the header says", LOCAL, READER, Role.OPERATOR),
]


@pytest.mark.parametrize(
    ("environment", "header", "role"),
    [row[1:] for row in ADMITTED],
    ids=[row[0] for row in ADMITTED],
)
def test_let_in(environment: Mapping[str, str], header: str | None, role: Role) -> None:
    found = access.judge_reader(header, "localhost", environment, Role.READER)
    name = f"Ana ({OID['val']})" if "WEBSITE_SITE_NAME" in environment else "developer@localhost"
    assert found == Person(name, role)


@pytest.mark.parametrize("host", ["rebound.example.com", "10.0.0.4", "", "127.0.0.1.example.com"])
def test_the_developer_is_known_at_the_loopback_only(host: str) -> None:
    found = access.judge_reader(None, host, LOCAL, Role.READER)
    assert isinstance(found, Refused)
    assert found.status == 403


@pytest.mark.parametrize(
    ("header", "role", "status"),
    [
        (READER, Role.APPROVER, 403),
        (READER, Role.OPERATOR, 403),
        (APPROVER, Role.OPERATOR, 403),
        (APPROVER, Role.READER, 0),
        (APPROVER, Role.APPROVER, 0),
        (OPERATOR, Role.APPROVER, 0),
    ],
)
def test_roles_are_a_ladder(header: str, role: Role, status: int) -> None:
    found = access.judge_reader(header, "app", AZURE, role)
    assert (found.status if isinstance(found, Refused) else 0) == status


def test_a_name_is_short_and_on_one_line() -> None:
    claims = [
        OID,
        {"typ": "name", "val": "Ana\n\u202e" + "x" * 5000},
        {"typ": "roles", "val": "Reader"},
    ]
    found = access.judge_reader(
        raw({"auth_typ": "aad", "claims": claims}), "app", AZURE, Role.READER
    )
    assert isinstance(found, Person)
    assert len(found.name) < 300
    assert found.name.isprintable()


def action_group(
    application: str = access.ACTION_GROUPS, claim: str = "appid", tenant: str = TENANT
) -> str:
    return raw(
        {
            "auth_typ": "aad",
            "claims": [{"typ": "tid", "val": tenant}, OID, {"typ": claim, "val": application}],
        }
    )


@pytest.mark.parametrize(
    ("environment", "header"),
    [
        (AZURE, action_group()),
        (AZURE, action_group(claim="azp")),
        (AZURE | {"REMEDIATOR_TENANT_ID": TENANT}, action_group(access.ACTION_GROUPS.upper())),
        (AZURE | {"REMEDIATOR_ALERT_SENDER": OTHER}, action_group(OTHER)),
        ({}, None),
    ],
    ids=["token 1", "token 2", "our tenant", "another sender by setting", "the local host"],
)
def test_an_action_group_hands_over_alerts(
    environment: Mapping[str, str], header: str | None
) -> None:
    assert (
        access.judge_sender(header, "127.0.0.1" if not environment else "app", environment) is None
    )


@pytest.mark.parametrize(
    ("environment", "header", "status"),
    [
        (AZURE, None, 401),
        (AZURE, OPERATOR, 403),
        (AZURE, action_group(OTHER), 403),
        (AZURE, action_group(claim="oid"), 403),
        (AZURE | {"REMEDIATOR_TENANT_ID": TENANT}, action_group(tenant=OTHER), 403),
        (AZURE | {"REMEDIATOR_ALERT_SENDER": OTHER}, action_group(), 403),
        (AZURE | {"WEBSITE_AUTH_ENABLED": ""}, action_group(), 403),
        (AZURE | {"REMEDIATOR_AUTH": "off"}, action_group(), 403),
        (AZURE, raw({"auth_typ": "aad", "claims": "appid"}), 401),
        ({}, None, 403),
        ({"REMEDIATOR_AUTH": "required"}, action_group(), 403),
    ],
    ids=[
        "nobody",
        "a person",
        "another application",
        "in another claim",
        "another tenant",
        "not the one set",
        "sign-in off",
        "off",
        "no claims",
        "a host that is not Azure",
        "one with a forged header",
    ],
)
def test_nobody_else_does(environment: Mapping[str, str], header: str | None, status: int) -> None:
    found = access.judge_sender(header, "app", environment)
    assert found is not None
    assert (found.status, bool(found.reason)) == (status, True)


# The functions as they are deployed

OPEN = {"show_health": "says that the app answers, and no more"}


@cache
def http_functions() -> dict[str, Any]:
    import function_app

    return {
        each.get_function_name(): each
        for each in function_app.app.get_functions()
        if each.get_trigger().get_binding_name() == "httpTrigger"
    }


def request(
    header: str = "",
    method: str = "GET",
    path: str = "incidents",
    body: bytes = b"",
    **headers: str,
) -> func.HttpRequest:
    sent = {name.replace("_", "-"): value for name, value in headers.items()} | (
        {access.HEADER: header} if header else {}
    )
    return func.HttpRequest(
        method=method,
        url=f"https://app.example.com/api/{path}",
        headers=sent,
        route_params={"id": "i1", "incident": "i1"},
        body=body,
    )


@pytest.mark.usefixtures("azure")
@pytest.mark.parametrize("name", sorted(http_functions()))
@pytest.mark.parametrize(
    ("header", "status"),
    [("", 401), ("rubbish", 401), (principal(), 403)],
    ids=["nobody", "rubbish", "no role"],
)
async def test_every_function_for_people_is_closed(name: str, header: str, status: int) -> None:
    if name in OPEN:
        pytest.skip(OPEN[name])
    answer = await http_functions()[name].get_user_function()(request(header))
    assert answer.status_code == status
    assert json.loads(answer.get_body())["error"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("azure")
@pytest.mark.parametrize("name", ["list_incidents", "list_audit", "list_quarantine", "audit_page"])
async def test_a_reader_reads(name: str) -> None:
    answer = await http_functions()[name].get_user_function()(request(READER))
    assert answer.status_code == 200


@pytest.mark.usefixtures("azure")
async def test_health_with_an_impossible_setting_does_not_repeat_it_to_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REMEDIATOR_MODE", "very secret")
    answer = await http_functions()["show_health"].get_user_function()(request())
    assert answer.status_code == 503
    assert b"secret" not in answer.get_body()
    assert json.loads(answer.get_body()).keys() == {"status", "at"}
