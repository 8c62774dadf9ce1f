"""What somebody has to act on, on the page for people and at the command line: what is
with a person, and what is fixed for a time only. The daily timer takes it off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import azure.functions as func
import pytest
from click.testing import CliRunner

from command_line.main import remediator
from functions import daily
from functions.composition import the_app
from shared.app import App
from shared.incident.book import IncidentBook
from shared.incident.model import Incident
from shared.incident.status import Status
from shared.sentences import quote
from shared.store.sqlite import SqliteStore
from tests.functions.test_access import READER, http_functions
from tests.shared.incident.test_attempts import FULL
from tests.shared.verification.test_coming_back import GROUP, LOCK, fixed

pytestmark = pytest.mark.usefixtures("azure")
COMES_BACK = fixed(1, 5, manual_steps=(quote("take the lock off"),), reason="comes back")
OVER = fixed(2, 5)
HAS_BEEN = replace(OVER, returning=replace(OVER.returning, over="gone"))  # type: ignore[type-var]
SHOWN = (FULL, COMES_BACK, HAS_BEEN, fixed(3, 5, returning=None))


@pytest.fixture
async def app(azure: None) -> AsyncIterator[App]:  # noqa: ARG001
    made = the_app()
    for each in SHOWN:
        await made.book.open(each)
    yield made
    await made.close()


async def test_the_page_for_people_has_what_comes_back(app: App) -> None:  # noqa: ARG001
    request = func.HttpRequest(
        method="GET",
        url="https://app.example.com/api/audit/page/person",
        headers={"x-ms-client-principal": READER},
        params={"lang": "en"},
        route_params={"id": "person"},
        body=b"",
    )
    answer = await http_functions()["audit_page_of"].get_user_function()(request)
    shown = answer.get_body().decode()
    assert "comes back" in shown and "take the lock off" in shown
    assert FULL.reason in shown
    assert HAS_BEEN.id not in shown


async def test_the_command_line_lists_the_same(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "remediator.db")
    for each in SHOWN:
        await IncidentBook(store).open(each)
    line = ["incidents", "list", "--needs-somebody", "--json", "--data", str(tmp_path)]
    told = await asyncio.to_thread(CliRunner().invoke, remediator, line)
    await store.close()
    assert told.exit_code == 0, told.stderr
    found = {each["id"]: each for each in json.loads(told.stdout)}
    assert set(found) == {FULL.id, COMES_BACK.id}
    assert found[COMES_BACK.id]["returning"]["locks"] == [LOCK.id]


class Free:
    """No group has a lock."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def locks(self, scope: str) -> tuple[()]:
        self.asked.append(scope)
        return ()


async def test_the_daily_timer_takes_it_off(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    free = Free()

    async def reader(_: App) -> Free:
        return free

    monkeypatch.setattr(App, "checker_reader", reader)
    await daily.daily.build().get_user_function()(None)
    assert free.asked == [GROUP]
    found: Incident | None = await app.book.get(COMES_BACK.id)
    assert found is not None and found.status is Status.FIXED
    assert found.returning is not None and "no lock is on" in found.returning.over
