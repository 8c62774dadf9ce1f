"""A person's word about a lock, by a form of our pages or as JSON: who may say it, from
where, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

import azure.functions as func
import pytest

from functions.composition import the_app
from local.scenarios import parts
from local.simulator.server import Simulator
from shared.app import App
from shared.execution.lock_window.ledger import LOCKS, PARTITION
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.facts import Lock
from tests.functions.conftest import SUBSCRIPTION
from tests.functions.test_access import APPROVER, OID, OPERATOR, READER, http_functions, principal
from tests.shared.execution.rows import lock_on, row

pytestmark = pytest.mark.usefixtures("azure")
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
OURS = {"sec-fetch-site": "same-origin"}
GROUP = parts.group("rg")
LOCK = lock_on(GROUP["id"])
ME = f"Ana ({OID['val']})"
ROUTES = {"restore": "restore_lock", "leave": "leave_lock"}


@pytest.fixture
async def app(azure: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:  # noqa: ARG001
    async with Simulator(0, {"resources": [GROUP]}) as arm:
        monkeypatch.setenv("REMEDIATOR_ARM_ENDPOINT", arm.url)
        monkeypatch.setenv("REMEDIATOR_RESTORE_PATIENCE_SECONDS", "0.2")
        the_app.cache_clear()
        assert parts.SUBSCRIPTION == SUBSCRIPTION
        made = the_app()
        yield made
        await made.close()


async def sent(
    route: str,
    body: bytes | Mapping[str, Any],
    kind: str = JSON,
    headers: Mapping[str, str] | None = None,
    who: str = OPERATOR,
) -> func.HttpResponse:
    if not isinstance(body, bytes):
        body = urlencode(body).encode() if kind == FORM else json.dumps(body).encode()
    every = {"content-type": kind, "x-ms-client-principal": who} | dict(headers or {})
    url = f"https://app.example.com/api/locks/{route}"
    request = func.HttpRequest(method="POST", url=url, headers=every, body=body)
    answer: func.HttpResponse = await http_functions()[ROUTES[route]].get_user_function()(request)
    assert answer.headers["Cache-Control"] == "no-store"
    return answer


async def only(app: App) -> LockRow:
    (hand,) = await app.ledger.hands()
    return hand.row


async def test_a_lock_is_put_back_in_the_name_of_who_said_so(app: App) -> None:
    await app.ledger.insert(row(LockState.RETURNING, LOCK))
    answer = await sent("restore", {"lock": LOCK.id.upper()}, who=READER)
    assert answer.status_code == 200
    (outcome,) = json.loads(answer.get_body())["outcomes"]
    assert outcome["result"] == "done" and "is back (answered at" in outcome["detail"]
    assert ((await only(app)).state, (await only(app)).decided_by) == (LockState.WATCHED, ME)
    assert isinstance(await (await app.execution()).reader.lock(LOCK.id), Lock)
    results = [entry.result async for entry in app.audit.entries(incident=row().incident_id)]
    assert f"{ME} decided to put it back" in results


async def test_a_lock_is_left_off_in_the_name_of_who_said_so(app: App) -> None:
    await app.ledger.insert(row(LockState.NEEDS_PERSON, LOCK, problem="403"))
    answer = await sent("leave", {"lock": LOCK.id})
    assert answer.status_code == 200
    assert ((await only(app)).state, (await only(app)).decided_by) == (LockState.SETTLED, ME)


async def test_a_form_goes_back_to_the_page_that_shows_how_it_stands(app: App) -> None:
    await app.ledger.insert(row(LockState.OFF, LOCK))
    refused = await sent("leave", {"lock": LOCK.id}, FORM, OURS)
    done = await sent("restore", {"lock": LOCK.id}, FORM, OURS)
    for answer in (refused, done):
        assert (answer.status_code, answer.headers["Location"]) == (303, "../audit/page/windows")
    assert (await only(app)).state is LockState.WATCHED


async def test_what_was_not_done_is_told(app: App) -> None:
    await app.ledger.insert(row(LockState.OFF, LOCK))
    answer = await sent("leave", {"lock": LOCK.id})
    assert answer.status_code == 409
    (outcome,) = json.loads(answer.get_body())["outcomes"]
    assert outcome["result"] == "refused" and "decide when it is back" in outcome["detail"]
    assert (await only(app)).decided_by == ""


async def test_a_row_that_cannot_be_read_is_taken_away_by_its_name(app: App) -> None:
    await app.store.insert(LOCKS, PARTITION, "a", {"schema": 9})
    assert (await sent("leave", {"lock": "locks/locks/a"})).status_code == 200
    assert await app.ledger.strange() == []


@pytest.mark.parametrize("route", ROUTES)
async def test_of_a_lock_that_is_not_ours_nothing_is_decided(app: App, route: str) -> None:  # noqa: ARG001
    assert (await sent(route, {"lock": LOCK.id})).status_code == 404


WHO = [
    ("restore", "", 401),
    ("restore", principal(), 403),
    ("restore", READER, 200),
    ("restore", OPERATOR, 200),
    ("leave", "", 401),
    ("leave", "rubbish", 401),
    ("leave", principal(), 403),
    ("leave", READER, 403),
    ("leave", APPROVER, 403),
    ("leave", OPERATOR, 200),
]


@pytest.mark.parametrize(("route", "who", "status"), WHO)
async def test_who_may_decide(app: App, route: str, who: str, status: int) -> None:
    await app.ledger.insert(row(LockState.RETURNING, LOCK))
    assert (await sent(route, {"lock": LOCK.id}, who=who)).status_code == status
    assert bool((await only(app)).decided_by) is (status == 200)


CROSS_SITE = [
    ("a form that says nothing", FORM, {}, 403),
    ("a form of another site", FORM, {"sec-fetch-site": "cross-site"}, 403),
    ("a form of another origin", FORM, {"origin": "https://evil.example.com"}, 403),
    ("JSON of another site", JSON, {"sec-fetch-site": "cross-site"}, 403),
    ("JSON of another origin", JSON, {"origin": "https://evil.example.com"}, 403),
    ("text of another site", "text/plain", {"sec-fetch-site": "cross-site"}, 403),
    ("text without a browser", "text/plain", {}, 400),
    ("a form of ours, by its origin", FORM, {"origin": "https://App.example.com"}, 303),
    ("JSON of ours", JSON, OURS, 200),
    ("JSON of a tool", JSON, {}, 200),
]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("kind", "headers", "status"),
    [each[1:] for each in CROSS_SITE],
    ids=[each[0] for each in CROSS_SITE],
)
async def test_where_it_comes_from(
    app: App, route: str, kind: str, headers: dict[str, str], status: int
) -> None:
    await app.ledger.insert(row(LockState.RETURNING, LOCK))
    assert (await sent(route, {"lock": LOCK.id}, kind, headers)).status_code == status
    assert bool((await only(app)).decided_by) is (status < 400)


WRONG: list[tuple[str, bytes | dict[str, Any], str]] = [
    ("no JSON", b"{", JSON),
    ("no object", b"[]", JSON),
    ("nothing", b"", FORM),
    ("no lock", {"other": "x"}, JSON),
    ("a number for a lock", {"lock": 1}, JSON),
    ("two locks", b"lock=a&lock=b", FORM),
]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("body", "kind"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG]
)
async def test_what_names_no_lock_changes_nothing(
    app: App, route: str, body: Any, kind: str
) -> None:
    await app.ledger.insert(row(LockState.RETURNING, LOCK))
    answer = await sent(route, body, kind, OURS)
    assert answer.status_code == 400 and json.loads(answer.get_body())["error"]
    assert (await only(app)).decided_by == ""
