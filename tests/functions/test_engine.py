"""What the durable engine says of an orchestration: it runs, it does not, or nobody
knows; and one that nobody knows of is not begun again.

The library's own client, over HTTP, against an engine that answers what it is told to.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.durable_functions import DurableOrchestrationClient
from azure.durable_functions.models.utils import http_utils

import functions.guardian as shell
from functions.activities import Pace, Remediate
from functions.starting import EngineSilent, ensure_running, is_running
from shared.codec import from_json
from shared.settings import Settings

SETTINGS = Settings.from_environment({})
NOT_THERE = (404, None)
STORAGE_FAULT = (
    500,
    {
        "Message": "Something went wrong.",
        "ExceptionMessage": "The server is busy.",
        "ExceptionType": "StorageException",
    },
)
"""As HttpApiHandler of the extension answers for any error of its storage."""
Given = tuple[int, Any]


def status(runtime_status: str, code: int = 200) -> Given:
    told = {
        "name": "remediate",
        "instanceId": "i",
        "createdTime": "2026-11-25T15:00:00Z",
        "customStatus": None,
    }
    return code, told | {"runtimeStatus": runtime_status}


class Engine:
    """The HTTP API of the extension: a status, and a start."""

    def __init__(self) -> None:
        self.statuses: dict[str, list[Given]] = {}
        """By instance; the last one stays."""
        self.start: Given = (202, None)
        self.started: list[tuple[str, Any]] = []

    async def tell(self, request: web.Request) -> web.Response:
        told = self.statuses[request.match_info["id"]]
        return _answer(*(told.pop(0) if len(told) > 1 else told[0]))

    async def take(self, request: web.Request) -> web.Response:
        instance = request.match_info["id"]
        self.started.append(
            (instance, json.loads(await request.json()) if request.can_read_body else None)
        )
        code, body = self.start
        return _answer(code, {"id": instance} if code == 202 else body)


def _answer(code: int, body: Any) -> web.Response:
    return web.Response(status=code) if body is None else web.json_response(body, status=code)


@pytest_asyncio.fixture
async def engine(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Engine, Any]]:
    engine, app = Engine(), web.Application()
    app.router.add_get("/instances/{id}", engine.tell)
    app.router.add_post("/orchestrators/{name}/{id}", engine.take)
    monkeypatch.setattr("functions.starting.the_app", lambda: SimpleNamespace(settings=SETTINGS))
    async with TestServer(app, host="127.0.0.1") as server:
        bound = {
            "taskHubName": "t",
            "creationUrls": {},
            "managementUrls": {},
            "rpcBaseUrl": str(server.make_url("/")),
        }
        yield engine, DurableOrchestrationClient(json.dumps(bound))
        await http_utils._close_session()


SAID: dict[str, tuple[Given, bool]] = {
    "it does not exist": (NOT_THERE, False),
    "it runs": (status("Running", 202), True),
    "it is about to run": (status("Pending", 202), True),
    "it goes on in a new history": (status("ContinuedAsNew", 202), True),
    "it is suspended": (status("Suspended", 202), True),
    "it is over": (status("Completed"), False),
    "it failed": (status("Failed"), False),
    "it failed, told with 500": (status("Failed", 500), False),
    "it was terminated": (status("Terminated"), False),
    "it was cancelled": (status("Canceled"), False),
}
NOT_SAID: dict[str, Given] = {
    "a storage fault": STORAGE_FAULT,
    "a fault with a message": (500, {"message": "An error has occurred."}),
    "a text": (500, "The server is busy."),
    "500 without a body": (500, None),
    "503 without a body": (503, None),
    "401 without a body": (401, None),
    "200 without a body": (200, None),
    "an empty object": (200, {}),
    "a list": (200, []),
    "no state": (200, {"name": "remediate"}),
    "a state that is not documented": status("Resting"),
}


@pytest.mark.parametrize("what", SAID)
async def test_whether_it_runs(engine: tuple[Engine, Any], what: str) -> None:
    played, client = engine
    answer, running = SAID[what]
    played.statuses["i"] = [answer]
    assert await is_running(client, "i") is running


@pytest.mark.parametrize("what", NOT_SAID)
async def test_an_engine_that_does_not_say_is_not_one_without_it(
    engine: tuple[Engine, Any], what: str
) -> None:
    played, client = engine
    played.statuses["i"] = [NOT_SAID[what]]
    with pytest.raises(EngineSilent):
        await is_running(client, "i")
    with pytest.raises(EngineSilent):
        await ensure_running(client, "i")
    assert played.started == []


async def test_what_does_not_run_is_started_once(engine: tuple[Engine, Any]) -> None:
    played, client = engine
    played.statuses = {
        "new": [NOT_THERE],
        "runs": [status("Running", 202)],
        "lost": [status("Failed")],
    }
    assert await ensure_running(client, "new") is True
    assert await ensure_running(client, "runs") is False
    assert await ensure_running(client, "lost", restarted=True) is True
    pace = Pace.of(SETTINGS)
    assert [(each, from_json(Remediate, given)) for each, given in played.started] == [
        ("new", Remediate("new", pace)),
        ("lost", Remediate("lost", pace, restarted=True)),
    ]


async def test_a_start_that_another_made_first_is_no_error(engine: tuple[Engine, Any]) -> None:
    """Durable answers 500 for a start on an id that runs."""
    played, client = engine
    played.statuses["i"], played.start = (
        [NOT_THERE, status("Running", 202)],
        (500, {"Message": "It runs already."}),
    )
    assert await ensure_running(client, "i") is False


@pytest.mark.parametrize("then", [NOT_THERE, STORAGE_FAULT], ids=["does not run", "is not known"])
async def test_a_refused_start_is_an_error(engine: tuple[Engine, Any], then: Given) -> None:
    played, client = engine
    played.statuses["i"], played.start = [NOT_THERE, then], STORAGE_FAULT
    with pytest.raises(Exception, match="server is busy|went wrong|does not say"):
        await ensure_running(client, "i")


async def test_one_incident_that_nobody_knows_of_keeps_no_other_from_being_begun_again(
    engine: tuple[Engine, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    played, client = engine
    played.statuses = {"first": [STORAGE_FAULT], "second": [NOT_THERE]}
    counted = []

    class Restarts:
        async def unfinished(self) -> list[Any]:
            return [SimpleNamespace(id="first"), SimpleNamespace(id="second")]

        async def may_restart(self, _: str) -> bool:
            return True

        async def count_restart(self, incident_id: str) -> None:
            counted.append((incident_id, len(played.started)))

    class Locks:
        async def guard(self) -> tuple[list[Any], list[Exception]]:
            raise RuntimeError("a bug of ours")

    async def execution() -> Locks:
        return Locks()

    app = SimpleNamespace(execution=execution, restarts=Restarts())
    monkeypatch.setattr("functions.guardian.the_app", lambda: app)
    with pytest.raises(RuntimeError, match="a bug of ours"):
        await shell.guardian._function.get_user_function().client_function(None, client)
    assert [each for each, _ in played.started] == ["second"]
    assert counted == [("second", 1)], "counted once its start was taken"
