"""The engine when its storage fails, and when two callers start one instance."""

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


async def test_a_status_fault_is_500_with_an_error_as_often_as_set(running):
    instance = await running.start("race", 30)
    await set_faults(running, operations=["status"], times=2)
    for status in (500, 500, 202):
        async with running.http.get(f"{running.url}{DURABLE}/instances/{instance}") as answer:
            assert answer.status == status
            body = await answer.json()
        assert ("ExceptionMessage" in body) == (status == 500)
        assert ("runtimeStatus" in body) == (status == 202)


async def test_starts_and_events_fail_until_the_faults_are_cleared(running):
    waiting = await running.start("two_events")
    await set_faults(running, operations=["start", "raiseEvent"])
    for _ in range(2):
        assert "error" in await running.call("start_new", "fan", "refused", 1)
        assert "error" in await running.call("raise_event", waiting, "first", 1)
    async with running.http.delete(f"{running.url}{FAULTS}") as answer:
        assert answer.status == 204
    assert await running.call("get_status", "refused") == {"exists": False}
    assert (await running.wait_for_end(await running.start("fan", 1, "refused")))["output"] == 0


async def test_a_start_that_was_accepted_and_not_answered(running):
    await set_faults(running, operations=["start"], times=1, after=True)
    assert "error" in await running.call("start_new", "fan", "taken", 2)
    assert (await running.wait_for_end("taken"))["output"] == 2


async def set_faults(running, **fault):
    async with running.http.post(f"{running.url}{FAULTS}", json=fault) as answer:
        assert answer.status == 204, await answer.text()


BAD_FAULTS = [
    {},
    [],
    {"operations": []},
    {"operations": ["purge"]},
    {"operations": ["start"], "times": 0},
    {"operations": ["start"], "times": True},
    {"operations": ["start"], "after": 1},
    {"operations": ["start"], "more": 1},
]


async def test_a_bad_fault_is_refused(running):
    for fault in BAD_FAULTS:
        async with running.http.post(f"{running.url}{FAULTS}", json=fault) as answer:
            assert answer.status == 400 and await answer.text(), fault
    assert (await running.wait_for_end(await running.start("fan", 1)))["output"] == 0


async def test_two_first_starts_at_the_same_time_are_both_accepted_and_one_runs():
    """Both have checked before either writes."""
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
