"""The engine when its storage fails, and where two callers meet."""

import asyncio
from unittest import mock

from aiohttp import StreamReader
from aiohttp.test_utils import make_mocked_request
from durabletask.internal import orchestrator_service_pb2 as pb

from local.host.durable.backend import Backend, Call
from local.host.durable.facade import ROOT as DURABLE
from local.host.durable.facade import Facade
from local.host.durable.faults import EngineFaults
from local.host.functions import Function, Functions

FAULTS = "/_host/engine/faults"


async def test_a_status_that_cannot_be_read_is_500_with_an_error_as_often_as_asked(running):
    instance = await running.start("race", 30)
    await faulty(running, operations=["status"], times=2)
    for status in (500, 500, 202):
        async with running.http.get(f"{running.url}{DURABLE}/instances/{instance}") as answer:
            assert answer.status == status
            told = await answer.json()
        assert ("ExceptionMessage" in told, "runtimeStatus" in told) == (
            status == 500,
            status == 202,
        )


async def test_a_start_and_an_event_that_the_storage_refuses_until_it_is_well_again(running):
    waiting = await running.start("two_events")
    await faulty(running, operations=["start", "raiseEvent"])
    for _ in range(2):
        assert "error" in await running.call("start_new", "fan", "refused", 1)
        assert "error" in await running.call("raise_event", waiting, "first", 1)
    async with running.http.delete(f"{running.url}{FAULTS}") as answer:
        assert answer.status == 204
    assert await running.call("get_status", "refused") == {"exists": False}
    assert (await running.finished(await running.start("fan", 1, "refused")))["output"] == 0


async def test_a_start_that_was_taken_and_not_answered(running):
    await faulty(running, operations=["start"], times=1, after=True)
    assert "error" in await running.call("start_new", "fan", "taken", 2)
    assert (await running.finished("taken"))["output"] == 2


async def faulty(running, **fault):
    async with running.http.post(f"{running.url}{FAULTS}", json=fault) as answer:
        assert answer.status == 204, await answer.text()


BAD_FAULTS = [
    {}, [], {"operations": []}, {"operations": ["purge"]}, {"operations": ["start"], "times": 0},
    {"operations": ["start"], "times": True}, {"operations": ["start"], "after": 1}, {"operations": ["start"], "more": 1},
]  # fmt: skip


async def test_a_fault_that_is_none_is_refused(running):
    for fault in BAD_FAULTS:
        async with running.http.post(f"{running.url}{FAULTS}", json=fault) as answer:
            assert answer.status == 400 and await answer.text(), fault
    assert (await running.finished(await running.start("fan", 1)))["output"] == 0


async def test_of_two_first_starts_at_the_same_time_both_are_taken_and_one_runs():
    """Both have looked before either writes."""
    hub, met = Backend(), asyncio.Barrier(2)
    functions = Functions(
        [Function("fan", {"type": "orchestrationTrigger", "name": "context"}, ())]
    )
    facade = Facade(hub, functions, "http://127.0.0.1:1", EngineFaults(), met.wait)
    requests = [
        make_mocked_request("POST", "/", match_info={"name": "fan", "id": "one"}, payload=no_body())
        for _ in range(2)
    ]
    answers = await asyncio.gather(*(facade.start(request) for request in requests))
    assert [answer.status for answer in answers] == [202, 202]
    assert len(hub.QueryInstances(pb.QueryInstancesRequest(), Call()).orchestrationState) == 1


def no_body():
    body = StreamReader(mock.Mock(_reading_paused=False), 2**16, loop=asyncio.get_running_loop())
    body.feed_eof()
    return body
