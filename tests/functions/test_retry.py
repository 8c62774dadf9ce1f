"""A person has an incident diagnosed anew, by the button of its page or as a tool does:
who may, from where, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import azure.functions as func
import pytest

from functions.composition import the_app
from shared.app import App
from shared.incident.model import Incident
from shared.incident.status import ENDED, Status
from tests.functions.test_access import APPROVER, OID, OPERATOR, READER, http_functions, principal
from tests.functions.test_decide_locks import CROSS_SITE, FORM, JSON, OURS
from tests.shared.execution.rows import row, window
from tests.shared.incident.test_attempts import FULL, GROUP, VM

pytestmark = pytest.mark.usefixtures("azure")
ME = f"Ana ({OID['val']})"
FIRST = FULL.id
BUTTON = f'action="../../retry/{FIRST}"'


@pytest.fixture
async def app(azure: None) -> AsyncIterator[App]:  # noqa: ARG001
    made = the_app()
    await made.book.open(FULL)
    yield made
    await made.close()


async def sent(
    kind: str = JSON,
    headers: Mapping[str, str] | None = None,
    who: str = OPERATOR,
    to: str = FIRST,
    body: bytes = b"",
) -> func.HttpResponse:
    every = {"content-type": kind, "x-ms-client-principal": who} | dict(headers or {})
    url = f"https://app.example.com/api/retry/{to}"
    request = func.HttpRequest(
        method="POST", url=url, headers=every, route_params={"incident": to}, body=body
    )
    answer: func.HttpResponse = await http_functions()["retry"].get_user_function()(request)
    assert answer.headers["Cache-Control"] == "no-store"
    return answer


async def now(app: App) -> Incident:
    found = await app.book.get(FIRST)
    assert found is not None
    return found


async def page(who: str, lang: str = "en") -> str:
    request = func.HttpRequest(
        method="GET",
        url=f"https://app.example.com/api/audit/page/{FIRST}",
        headers={"x-ms-client-principal": who},
        params={"lang": lang},
        route_params={"id": FIRST},
        body=b"",
    )
    answer: func.HttpResponse = await http_functions()["audit_page_of"].get_user_function()(request)
    assert answer.status_code == 200
    return str(answer.get_body().decode())


async def test_it_is_open_again_in_the_name_of_who_said_so(app: App) -> None:
    answer = await sent()
    told = json.loads(answer.get_body())
    assert (answer.status_code, told) == (200, {"incident": FIRST, "attempt": 5})
    after = await now(app)
    assert (after.status, after.attempt) == (Status.OPEN, 5)
    (entry,) = [each async for each in app.audit.entries(incident=FIRST)]
    assert (entry.kind, entry.phase, entry.actor, entry.vm) == ("retry", "note", ME, VM)
    assert [each.id for each in await app.restarts.unfinished()] == [FIRST]


async def test_a_form_goes_back_to_the_page_of_the_incident(app: App) -> None:
    answer = await sent(FORM, OURS)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"../audit/page/{FIRST}")
    assert (await now(app)).attempt == 5


WHO = [
    ("", 401),
    ("rubbish", 401),
    (principal(), 403),
    (READER, 403),
    (APPROVER, 403),
    (OPERATOR, 200),
]


@pytest.mark.parametrize(("who", "status"), WHO)
async def test_who_may_ask(app: App, who: str, status: int) -> None:
    assert (await sent(who=who)).status_code == status
    assert ((await now(app)).attempt == 5) is (status == 200)


@pytest.mark.parametrize(
    ("kind", "headers", "status"),
    [each[1:] for each in CROSS_SITE if each[0] != "text without a browser"],
    ids=[each[0] for each in CROSS_SITE if each[0] != "text without a browser"],
)
async def test_where_it_comes_from(
    app: App, kind: str, headers: dict[str, str], status: int
) -> None:
    assert (await sent(kind, headers)).status_code == status
    assert ((await now(app)).attempt == 5) is (status < 400)


@pytest.mark.parametrize("to", ["nobody", "no#key", "é"])
async def test_there_is_no_such_incident(app: App, to: str) -> None:  # noqa: ARG001
    answer = await sent(to=to)
    assert (answer.status_code, to in answer.get_body().decode()) == (404, True)


async def lead_a_window(app: App) -> None:
    await app.windows.open(window(group_id=GROUP, leader=FIRST))


async def leave_a_row(app: App) -> None:
    await app.ledger.insert(row(incident_id=FIRST))


async def hold_the_vm(app: App) -> None:
    other = replace(FULL, id="20200102T000000-k-2", status=Status.FIXING, closed_at="")
    await app.book.open(other)
    await app.book.hold_vm(VM, other.id)


async def fix_it(app: App) -> None:
    await app.book.change(FIRST, lambda each: replace(each, status=Status.FIXED))


REFUSED: dict[str, tuple[Any, str]] = {
    "a lock window is not over": (lead_a_window, "its lock window of"),
    "a lock is off": (leave_a_row, "the lock keep on"),
    "another incident is at work": (hold_the_vm, "20200102T000000-k-2 is at work on this VM"),
    "it is fixed": (fix_it, "nothing to diagnose anew"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_refused_says_why_and_shows_no_button(app: App, case: str) -> None:
    prepare, reason = REFUSED[case]
    assert BUTTON in await page(OPERATOR)
    await prepare(app)
    answer = await sent()
    assert (answer.status_code, reason in json.loads(answer.get_body())["error"]) == (409, True)
    assert (await now(app)).attempt == 4
    assert BUTTON not in await page(OPERATOR)


@pytest.mark.parametrize(("who", "shown"), [(READER, False), (APPROVER, False), (OPERATOR, True)])
async def test_the_button_is_for_who_may_press_it(app: App, who: str, shown: bool) -> None:  # noqa: ARG001
    assert (BUTTON in await page(who)) is shown


@pytest.mark.parametrize("status", sorted(Status))
async def test_the_button_is_where_it_would_do_something(app: App, status: Status) -> None:
    await app.book.change(FIRST, lambda each: replace(each, status=status))
    assert (BUTTON in await page(OPERATOR)) is (status in ENDED - {Status.FIXED})


async def test_the_page_tells_attempts_apart(app: App) -> None:  # noqa: ARG001
    await sent()
    html = await page(OPERATOR)
    assert "<dt>Attempt</dt><dd>5</dd>" in html
    assert html.count("(earlier attempt)") == 2
    assert f"attempt 5, as {ME} asked" in html
    assert "5" in (await page(OPERATOR, "zh")).split("尝试次数")[1][:20]
