"""A review is an audit entry and a row; forms of other sites, and what is no review,
leave nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import azure.functions as func
import pytest
from click.testing import CliRunner

from command_line.main import remediator
from functions import api
from functions import review as route
from functions.composition import the_app
from shared import clock
from shared.audit.chain import verify
from shared.audit.log import AuditLog
from shared.errors import StoreUnavailable
from shared.incident.book import IncidentBook
from shared.incident.listing import Listing, Wanted
from shared.incident.model import Incident
from shared.incident.review import (
    REVIEWS,
    Review,
    State,
    _keep_newest,
    forget,
    newest,
    review,
)
from shared.incident.status import Status
from shared.store.contract import Store
from shared.store.sqlite import SqliteStore
from tests.functions.test_access import OID, READER, principal

pytestmark = pytest.mark.usefixtures("azure")
GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm1"
INCIDENT = Incident(
    "i1", Status.NEEDS_PERSON, "s", "v", VM, "c", "n", "j", "", opened_at=clock.now()
)
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
OURS = {"sec-fetch-site": "same-origin"}
GOOD = {"state": "accepted", "why": "looked at the job"}


@pytest.fixture
async def store(azure: None) -> AsyncIterator[Store]:  # noqa: ARG001
    app = the_app()
    await app.book.open(INCIDENT)
    yield app.store
    await app.close()


async def sent(
    body: bytes | Mapping[str, Any],
    kind: str = JSON,
    headers: Mapping[str, str] | None = None,
    who: str = READER,
    to: str = "i1",
) -> func.HttpResponse:
    if not isinstance(body, bytes):
        body = urlencode(body).encode() if kind == FORM else json.dumps(body).encode()
    every = {"content-type": kind, "x-ms-client-principal": who} | dict(headers or {})
    url = f"https://app.example.com/api/review/{to}"
    request = func.HttpRequest(
        method="POST", url=url, headers=every, route_params={"incident": to}, body=body
    )
    answer: func.HttpResponse = await route.review.build().get_user_function()(request)  # type: ignore[attr-defined]
    return answer


async def entries() -> list[Any]:
    return [entry async for entry in the_app().audit.entries(incident="i1")]


async def test_a_review_as_json_is_an_entry_a_row_and_on_the_incident(store: Store) -> None:
    answer = await sent(GOOD)
    assert answer.status_code == 200
    (entry,) = await entries()
    assert (entry.kind, entry.phase, entry.actor) == ("review", "note", f"Ana ({OID['val']})")
    assert (entry.result, entry.detail, entry.vm) == ("accepted: looked at the job", GOOD, VM)
    told = json.loads(answer.get_body())["review"]
    assert told == {
        "state": "accepted",
        "by": entry.actor,
        "at": entry.at,
        "why": GOOD["why"],
        "seq": 1,
        "about": None,
    }
    assert (await store.get(REVIEWS, "incident", "i1")).body == told  # type: ignore[union-attr]
    shown = func.HttpRequest(
        method="GET",
        url="https://app.example.com/api/incidents/i1",
        route_params={"id": "i1"},
        body=b"",
    )
    assert json.loads((await api._incident(shown.route_params["id"])).get_body())["review"] == told


async def test_a_form_of_ours_goes_back_to_the_page(store: Store) -> None:  # noqa: ARG001
    answer = await sent({"state": "follow_up", "why": "call Ana\r\ntomorrow é"}, FORM, OURS)
    assert (answer.status_code, answer.headers["Location"]) == (303, "../audit/page/i1")
    assert (await entries())[0].detail == {"state": "follow_up", "why": "call Ana\ntomorrow é"}


async def test_an_incident_that_nobody_reviewed_says_so(store: Store) -> None:  # noqa: ARG001
    assert json.loads((await api._incident("i1")).get_body())["review"] is None


CROSS_SITE = [
    ("a form that says nothing", FORM, {}, 403),
    ("a form of another site", FORM, {"sec-fetch-site": "cross-site"}, 403),
    ("a form of a sister site", FORM, {"sec-fetch-site": "same-site"}, 403),
    ("a form that no page sent", FORM, {"sec-fetch-site": "none"}, 403),
    (
        "the site outweighs the origin",
        FORM,
        {"sec-fetch-site": "cross-site", "origin": "https://app.example.com"},
        403,
    ),
    ("a form of another origin", FORM, {"origin": "https://evil.example.com"}, 403),
    ("a form of another scheme", FORM, {"origin": "http://app.example.com"}, 403),
    ("a form of another port", FORM, {"origin": "https://app.example.com:8443"}, 403),
    ("a form of no origin", FORM, {"origin": "null"}, 403),
    ("JSON of another site", JSON, {"sec-fetch-site": "cross-site"}, 403),
    ("JSON of another origin", JSON, {"origin": "https://evil.example.com"}, 403),
    ("a form that a page sends as text", "text/plain", {"sec-fetch-site": "cross-site"}, 403),
    ("text without a browser", "text/plain", {}, 400),
    ("a form of ours, by its origin", FORM, {"origin": "https://App.example.com"}, 303),
    ("JSON of ours", JSON, OURS, 200),
    ("JSON of a tool", JSON, {}, 200),
    ("JSON with its charset", "application/json; charset=utf-8", {}, 200),
]


@pytest.mark.parametrize(
    ("kind", "headers", "status"),
    [row[1:] for row in CROSS_SITE],
    ids=[row[0] for row in CROSS_SITE],
)
async def test_where_it_comes_from(
    store: Store,  # noqa: ARG001
    kind: str,
    headers: dict[str, str],
    status: int,
) -> None:
    assert (await sent(GOOD, kind, headers)).status_code == status
    assert len(await entries()) == (status < 400)


WRONG: list[tuple[str, bytes | dict[str, Any], str, int]] = [
    ("no JSON", b"{", JSON, 400),
    ("no text", b"\xff", JSON, 400),
    ("no object", b"[]", JSON, 400),
    ("nested beyond reason", b"[" * 100_000, JSON, 400),
    ("nothing", b"", FORM, 400),
    ("no state", {"why": "w"}, JSON, 400),
    ("another state", {"state": "fixed", "why": "w"}, JSON, 400),
    ("a state in other letters", {"state": "Seen", "why": "w"}, JSON, 400),
    ("no reason", {"state": "seen"}, JSON, 400),
    ("an empty reason", {"state": "seen", "why": " \n "}, JSON, 400),
    ("a long reason", {"state": "seen", "why": "x" * 1001}, JSON, 400),
    ("a number for a reason", {"state": "seen", "why": 1}, JSON, 400),
    ("half a character", b'{"state": "seen", "why": "\\ud800"}', JSON, 400),
    ("a control character", {"state": "seen", "why": "a\x1b[31m"}, JSON, 400),
    ("a zero", {"state": "seen", "why": "a\x00"}, FORM, 400),
    ("a form's field twice", b"state=seen&why=a&why=b", FORM, 400),
    ("a form of too many fields", b"a=1&" * 50, FORM, 400),
    ("a form in another encoding", b"state=seen&why=%ff", FORM, 400),
]


@pytest.mark.parametrize(
    ("body", "kind", "status"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
async def test_what_is_no_review_leaves_nothing(
    store: Store, body: Any, kind: str, status: int
) -> None:
    answer = await sent(body, kind, OURS)
    assert (answer.status_code, bool(json.loads(answer.get_body())["error"])) == (status, True)
    assert await entries() == []
    assert await newest(store, "i1") is None


@pytest.mark.parametrize("to", ["i2", "../i1", "ü", "x" * 500, "a#b"])
async def test_there_is_no_such_incident(store: Store, to: str) -> None:  # noqa: ARG001
    assert (await sent(GOOD, to=to)).status_code == 404
    assert await entries() == []


@pytest.mark.parametrize(("who", "status"), [("", 401), ("rubbish", 401), (principal(), 403)])
async def test_whoever_may_not_read_may_not_review(store: Store, who: str, status: int) -> None:  # noqa: ARG001
    assert (await sent(GOOD, headers=OURS, who=who)).status_code == status
    assert await entries() == []


async def test_reviews_at_once_are_all_on_record_and_the_row_is_the_last(store: Store) -> None:
    logs = [AuditLog(store) for _ in range(4)]
    made = await asyncio.gather(
        *(review(store, logs[n % 4], INCIDENT, f"p{n}", "seen", f"w{n}") for n in range(12))
    )
    found = await entries()
    assert sorted(each.seq for each in made) == [entry.seq for entry in found] == list(range(1, 13))
    assert verify(found) is None
    assert await newest(store, "i1") == max(made, key=lambda each: each.seq)


async def listed(review: str) -> list[str]:
    return [
        each.id for each in (await the_app().book.listing.page(Wanted(review=review), 10)).summaries
    ]


async def test_the_list_tells_what_was_said_last_of_the_whole_incident(store: Store) -> None:
    assert (await listed("none"), await listed("accepted")) == (["i1"], [])
    assert (await sent(GOOD)).status_code == 200
    assert (await listed("none"), await listed("accepted")) == ([], ["i1"])
    await the_app().book.change("i1", lambda each: replace(each, reason="another"))
    assert await listed("accepted") == ["i1"], "a change of the incident keeps what was said of it"
    await Listing(store).reviewed(INCIDENT, "disputed", 1)
    assert await listed("disputed") == [], "an earlier review that comes late is not shown"
    await asyncio.gather(
        *(
            review(store, AuditLog(store), INCIDENT, "p", state, "w")
            for state in ("seen", "disputed", "follow_up")
        )
    )
    last = await newest(store, "i1")
    assert last is not None
    assert await listed(last.state) == ["i1"]


async def test_a_review_of_one_entry_says_so_and_leaves_the_incident_s_own(store: Store) -> None:
    assert (await sent(GOOD)).status_code == 200
    told = json.loads((await sent({"state": "disputed", "why": "not so", "about": 1})).get_body())[
        "review"
    ]
    assert (told["about"], told["seq"]) == (1, 2)
    assert (await entries())[1].result == "disputed (entry 1): not so"
    assert (await newest(store, "i1")).seq == 1  # type: ignore[union-attr]
    assert await listed("accepted") == ["i1"]
    assert (
        await sent({"state": "disputed", "why": "w", "about": "1"}, FORM, OURS)
    ).status_code == 303
    assert (
        await sent({"state": "disputed", "why": "w", "about": ""}, FORM, OURS)
    ).status_code == 303
    assert await listed("disputed") == ["i1"]
    for about in (9, 0, -1, "x", "99999999999999999999", True, 1.0, "١"):
        assert (await sent({"state": "seen", "why": "w", "about": about})).status_code == 400
    assert len(await entries()) == 4


async def test_retention_forgets_the_row_of_a_review(store: Store) -> None:
    assert (await sent(GOOD)).status_code == 200
    await forget(store, "i1")
    await forget(store, "i1")
    assert await newest(store, "i1") is None


async def test_an_earlier_review_that_comes_late_does_not_take_the_row(store: Store) -> None:
    later = Review(State.DISPUTED, "b", clock.now(), "w", seq=2)
    for each in (later, Review(State.SEEN, "a", clock.now(), "w", seq=1)):
        await _keep_newest(store, "i1", each)
    assert await newest(store, "i1") == later


async def test_a_store_that_is_gone_is_said(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    async def gone(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(type(store), "insert", gone)
    assert (await sent(GOOD)).status_code == 503


def test_the_command_line_reviews_under_the_local_name(tmp_path: Path) -> None:
    async def filled() -> None:
        store = SqliteStore(tmp_path / "remediator.db")
        await IncidentBook(store).open(INCIDENT)
        await store.close()

    asyncio.run(filled())

    def run(*words: str) -> Any:
        return CliRunner().invoke(
            remediator, ["incidents", "review", *words, "--data", str(tmp_path)]
        )

    made = run("i1", "--state", "accepted", "--why", "all well", "--json")
    assert made.exit_code == 0, made.output
    told = json.loads(made.output)
    assert (told["state"], told["why"], told["seq"]) == ("accepted", "all well", 1)
    assert told["by"].endswith(" (command line)")
    assert "disputed by" in run("i1", "--state", "disputed", "--why", "not yet").output
    assert run("i2", "--state", "seen", "--why", "w").exit_code == 2
    assert run("i1", "--state", "seen", "--why", " ").exit_code == 1
    assert run("i1", "--state", "nothing", "--why", "w").exit_code == 2
