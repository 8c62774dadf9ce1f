"""`/api/health`: a stranger learns that the app answers and causes no call; a reader
gets every check, none waited for without end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
import pytest_asyncio

from functions.composition import the_app
from local.simulator.server import Simulator
from shared import health
from shared.errors import RemediatorError
from tests.functions.test_access import READER, http_functions, principal, request

pytestmark = pytest.mark.usefixtures("azure")
STRANGERS = {"nobody": "", "rubbish": "rubbish", "no role": principal()}


@pytest_asyncio.fixture(autouse=True)
async def closed(azure: None) -> AsyncIterator[None]:
    yield azure
    with contextlib.suppress(RemediatorError):
        await the_app().close()


async def asked(header: str = "") -> tuple[int, dict[str, Any]]:
    answer: func.HttpResponse = await http_functions()["show_health"].get_user_function()(
        request(header)
    )
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, json.loads(answer.get_body())


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """ARM takes the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("REMEDIATOR_ARM_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("REMEDIATOR_CALL_TIMEOUT_SECONDS", "300")
        yield


@pytest.mark.parametrize("header", STRANGERS.values(), ids=STRANGERS)
async def test_a_stranger_is_answered_from_memory(
    header: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with Simulator() as arm:
        monkeypatch.setenv("REMEDIATOR_ARM_ENDPOINT", arm.url)
        status, told = await asked(header)
        assert (status, told.keys(), told["status"]) == (200, {"status", "at"}, "answers")
        assert (list(arm.world.requests), (tmp_path / "store.db").exists()) == ([], False)
        await asked(READER)
        assert list(arm.world.requests) and (tmp_path / "store.db").exists(), (
            "a reader's checks ask both"
        )


async def test_a_reader_gets_every_check_with_its_reason() -> None:
    status, told = await asked(READER)
    assert (status, told["status"]) == (503, "degraded")
    assert [check["name"] for check in told["checks"]] == list(health.CHECKS)
    assert all(check["reason"] for check in told["checks"])


@pytest.mark.usefixtures("azure", "silent")
async def test_a_check_without_an_answer_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.2)
    _, told = await asked(READER)
    (arm,) = (check for check in told["checks"] if check["name"] == "azure resource manager")
    assert (arm["ok"], arm["reason"]) == (False, "no answer within 0.2 s")


async def test_checks_run_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    both = asyncio.Barrier(2)

    async def meets(_: Any) -> str:
        await both.wait()
        return "met the other"

    monkeypatch.setattr(health, "CHECKS", {"one": meets, "two": meets})
    report = await health.report(the_app())
    assert [(check["ok"], check["reason"]) for check in report["checks"]] == [
        (True, "met the other")
    ] * 2


async def test_a_check_that_fails_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_: Any) -> str:
        raise RemediatorError("broken")

    async def works(_: Any) -> str:
        return "fine"

    monkeypatch.setattr(health, "CHECKS", {"one": fails, "two": works})
    report = await health.report(the_app())
    assert [(check["ok"], check["reason"]) for check in report["checks"]] == [
        (False, "broken"),
        (True, "fine"),
    ]
    assert report["status"] == "degraded"
