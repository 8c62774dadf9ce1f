"""What the durable engine says of an orchestration: it runs, it does not, or nobody knows; and one that nobody knows of is not begun again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus

import functions.guardian as shell
from functions.starting import EngineSilent, is_running
from shared.workflow import guardian

NOT_THERE = ""
"""The body of a 404, as the client gives it on."""
STORAGE_FAULT = {"Message": "Something went wrong.", "ExceptionMessage": "The server is busy.", "ExceptionType": "StorageException"}


def status(**fields: Any) -> dict[str, Any]:
    return {"name": "remediate", "instanceId": "i", "createdTime": "2026-11-25T15:00:00Z", **fields}


class Client:
    """The durable client, as far as it is asked; its answers are made as the real one makes them."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.started: list[str] = []

    async def get_status(self, instance_id: str) -> DurableOrchestrationStatus:
        return DurableOrchestrationStatus.from_json(self.answers[instance_id])

    async def start_new(self, _: str, instance_id: str, client_input: Any) -> None:
        assert client_input == {"incident_id": instance_id, "pause_seconds": 10.0}
        self.started.append(instance_id)


@pytest.mark.parametrize(
    ("answer", "running"),
    [
        (NOT_THERE, False),
        (status(runtimeStatus="Running"), True),
        (status(runtimeStatus="Pending"), True),
        (status(runtimeStatus="Suspended"), True),
        (status(runtimeStatus="Completed"), False),
        (status(runtimeStatus="Failed"), False),
        (status(runtimeStatus="Terminated"), False),
    ],
)
async def test_whether_it_runs(answer: Any, running: bool) -> None:
    assert await is_running(Client({"i": answer}), "i") is running


@pytest.mark.parametrize("answer", [STORAGE_FAULT, {}, status()], ids=["storage fault", "nothing", "no state"])
async def test_an_engine_that_does_not_say_is_not_one_without_it(answer: Any) -> None:
    with pytest.raises(EngineSilent):
        await is_running(Client({"i": answer}), "i")


async def test_one_incident_that_nobody_knows_of_keeps_no_other_from_being_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    client, resumed = Client({"first": STORAGE_FAULT, "second": NOT_THERE}), []

    async def unfinished(_: Any) -> list[Any]:
        return [SimpleNamespace(id="first"), SimpleNamespace(id="second")]

    async def resume(_: Any, incident_id: str) -> bool:
        resumed.append(incident_id)
        return True

    async def put_back(_: Any) -> list[Any]:
        raise RuntimeError("a bug of ours")

    async def tools() -> None:
        return None

    for name, played in {"unfinished": unfinished, "resume": resume, "put_back": put_back}.items():
        monkeypatch.setattr(guardian, name, played)
    app = SimpleNamespace(tools=tools, settings=SimpleNamespace(busy_poll_seconds=10.0))
    monkeypatch.setattr("functions.guardian.the_app", lambda: app)
    monkeypatch.setattr("functions.starting.the_app", lambda: app)
    with pytest.raises(RuntimeError, match="a bug of ours"):
        await shell.guardian._function.get_user_function().client_function(None, client)
    assert (resumed, client.started) == (["second"], ["second"])
