"""One look asks Azure once for what several ask in it; the next look asks again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared.azure.clients import AzureClients
from shared.azure.one_look import OneLook
from shared.azure.reader import ArmReader
from shared.facts import Unreadable
from shared.settings import Settings

METHODS = ("virtual_machine", "resource_group_tags", "locks", "backup_policy", "running_jobs")
CLIENTS = AzureClients(Settings.from_environment({}), "s")


@pytest.mark.parametrize("method", METHODS)
async def test_the_same_is_asked_once_in_a_look(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    asked: list[str] = []

    async def read(_: Any, of: str, **__: Any) -> Unreadable:
        asked.append(of)
        await asyncio.sleep(0)
        return Unreadable(of, "not read")

    monkeypatch.setattr(ArmReader, method, read)
    look = OneLook(CLIENTS)
    found = await asyncio.gather(*(getattr(look, method)(of) for of in ("/a", "/A", "/b", "/a")))
    assert [each.what for each in found] == ["/a", "/a", "/b", "/a"]
    assert asked == ["/a", "/b"]
    await getattr(OneLook(CLIENTS), method)("/a")
    assert asked == ["/a", "/b", "/a"]


async def test_who_gives_up_does_not_take_the_answer_from_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def read(_: Any, of: str, **__: Any) -> Unreadable:
        asked.set()
        await answered.wait()
        return Unreadable(of, "not read")

    monkeypatch.setattr(ArmReader, "locks", read)
    look = OneLook(CLIENTS)
    first, second = (asyncio.create_task(look.locks("/a")) for _ in range(2))
    await asked.wait()
    first.cancel()
    answered.set()
    assert await second == Unreadable("/a", "not read")
