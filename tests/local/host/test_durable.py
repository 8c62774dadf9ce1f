"""Durable orchestrations, through the real 1.7 client and library inside the sample
app."""

import asyncio
import re

import pytest

from local.host.durable.facade import ROOT as DURABLE

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def run(shared, name, value=None, instance_id=None):
    """Run an orchestration to its end; its last status."""
    return await shared.wait_for_end(await shared.start(name, value, instance_id))


FINISHED = [
    # orchestrator, input, status, output
    ("fan", 5, "Completed", 20),
    (
        "shapes",
        {"a": [1, "ä", None, {"b": 2.5}]},
        "Completed",
        {"result": {"got": {"a": [1, "ä", None, {"b": 2.5}]}}},
    ),
    ("first_failure", None, "Completed", 42),
    ("sleeper", 0.3, "Completed", "awake"),
    ("long_work", 0.2, "Completed", ["slept 0.2", 4]),
]


@pytest.mark.parametrize(("name", "value", "status", "output"), FINISHED)
async def test_it_ends_as_it_should(shared, name, value, status, output):
    end = await run(shared, name, value)
    assert (end["runtimeStatus"], end["output"]) == (status, output)
    assert end["name"] == name


@pytest.mark.parametrize(
    ("activity", "words"),
    [
        ("fails", ("fails", "ValueError", "cannot do this")),
        ("silent", ("silent", "ValueError")),
        ("no_such", ("no_such",)),
    ],
)
async def test_a_failing_activity_can_be_caught(shared, activity, words):
    end = await run(shared, "catches", {"activity": activity, "given": "this"})
    assert end["runtimeStatus"] == "Completed"
    assert end["output"].startswith("caught ")
    assert all(word in end["output"] for word in words)


async def test_an_orchestrator_that_raises_is_failed_with_its_reason(shared):
    end = await run(shared, "falls")
    assert end["runtimeStatus"] == "Failed"
    assert "the orchestrator fell" in end["output"]


async def test_an_unknown_orchestrator_is_refused(shared):
    assert "no_such" in (await shared.call("start_new", "no_such", None, None))["error"]


async def test_custom_status_and_the_whole_status(shared):
    instance = await shared.start("fan", 2, "whole-status")
    await shared.wait_for_end(instance)
    status = await shared.call("get_status", instance, show_input=True)
    assert status["exists"] and status["instanceId"] == "whole-status"
    assert status["customStatus"] == {"stage": "done"}
    assert status["output"] == 2
    assert status["createdTime"] <= status["lastUpdatedTime"]
    assert await shared.call("get_status", "no such id") == {"exists": False}


@pytest.mark.parametrize("payload", [{"approved": True}, "plain text", 7, None, ["ä"]])
async def test_an_external_event_beats_the_timer(shared, payload):
    instance = await shared.start("race", 30)
    assert await shared.call("raise_event", instance, "Approval", payload) is None
    end = await shared.wait_for_end(instance)
    assert end["output"] == {"answer": payload, "doubled": 16}


async def test_the_timer_beats_an_event_that_never_comes(shared):
    assert (await run(shared, "race", 0.3))["output"] == "timed out"


async def test_a_timer_that_was_not_cancelled_delays_the_end(shared):
    instance = await shared.start("forgets_timer")
    await shared.call("raise_event", instance, "go", 1)
    await asyncio.sleep(0.7)
    assert (await shared.status(instance))["runtimeStatus"] == "Running"
    assert (await shared.wait_for_end(instance))["output"] == "done"


async def test_events_that_come_before_they_are_waited_for_are_kept(shared):
    instance = await shared.start("two_events")
    await shared.call("raise_event", instance, "second", 2)
    await shared.call("raise_event", instance, "first", 1)
    assert (await shared.wait_for_end(instance))["output"] == [1, 2]


async def test_all_of_several_events(shared):
    instance = await shared.start("both_events", ["a", "b"])
    await shared.call("raise_event", instance, "b", "B")
    await asyncio.sleep(0.2)
    assert (await shared.status(instance))["runtimeStatus"] == "Running"
    await shared.call("raise_event", instance, "a", "A")
    assert (await shared.wait_for_end(instance))["output"] == ["A", "B"]


async def test_continue_as_new_starts_again_and_old_timers_do_not_reach_it(shared):
    assert (await run(shared, "counts_down", 2))["output"] >= 2


async def test_a_running_id_is_refused_and_an_ended_one_is_replaced(shared):
    await shared.start("race", 30, "only-once")
    refused = (await shared.call("start_new", "race", "only-once", 30))["error"]
    assert "status Running already exists" in refused or "status Pending already exists" in refused
    async with shared.http.post(
        f"{shared.url}{DURABLE}/orchestrators/race/only-once", json=30
    ) as answer:
        assert answer.status == 500
    await shared.call("raise_event", "only-once", "Approval", 1)
    assert (await shared.wait_for_end("only-once"))["output"]["answer"] == 1
    assert (await run(shared, "fan", 3, "only-once"))["output"] == 6


async def test_of_many_starts_with_one_id_one_runs(shared):
    before = len(shared.notes("double"))
    answers = await asyncio.gather(
        *(shared.call("start_new", "race", "contested", 30) for _ in range(8))
    )
    assert "contested" in answers
    assert all(answer == "contested" or "already exists" in str(answer) for answer in answers)
    await shared.call("raise_event", "contested", "Approval", 1)
    await shared.wait_for_end("contested")
    assert len(shared.notes("double")) == before + 1


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("retry", "retries"),
        ("sub", "sub-orchestration"),
        ("entity", "entity"),
        ("http", "HTTP call"),
    ],
)
async def test_what_the_app_does_not_use_is_refused_by_name(shared, wanted, words):
    end = await run(shared, "unsupported", wanted)
    assert end["runtimeStatus"] == "Failed"
    assert words in end["output"] and "not supported by the local host" in end["output"]


NOT_SUPPORTED = [
    ("DELETE", "/instances/x"),
    ("DELETE", "/instances/"),
    ("GET", "/instances"),
    ("POST", "/instances/x/restart"),
    ("POST", "/instances/x/rewind"),
    ("GET", "/entities/Counter/one"),
    ("POST", "/entities/Counter/one"),
    ("GET", "/new"),
]


@pytest.mark.parametrize(("method", "path"), NOT_SUPPORTED)
async def test_the_rest_of_the_interface_is_501(shared, method, path):
    async with shared.http.request(method, f"{shared.url}{DURABLE}{path}") as answer:
        assert answer.status == 501
        assert path in (await answer.json())["Message"]


@pytest.mark.parametrize("body", [b"{", b"[" * 65 + b"]" * 65])
async def test_json_that_newtonsoft_refuses_starts_nothing_and_raises_no_event(shared, body):
    headers = {"Content-Type": "application/json"}
    async with shared.http.post(
        f"{shared.url}{DURABLE}/orchestrators/fan", data=body, headers=headers
    ) as answer:
        assert answer.status == 400
    instance = await shared.start("two_events")
    raised = f"{shared.url}{DURABLE}/instances/{instance}/raiseEvent/first"
    async with shared.http.post(raised, data=body, headers=headers) as answer:
        assert answer.status == 400
    async with shared.http.post(
        raised, data=b"1", headers={"Content-Type": "text/plain"}
    ) as answer:
        assert answer.status == 400
    await shared.call("terminate", instance, "enough")


async def test_json_passes_as_through_the_real_host(shared):
    end = await run(shared, "catches", {"activity": "odd_json", "given": 3})
    assert end["output"] == {"nan": "NaN", "half": "\ufffd", "deep": [[[]]]}
    end = await run(shared, "catches", {"activity": "odd_json", "given": 64})
    assert "Activity function 'odd_json' failed" in end["output"]
    assert "deeper than 64" in end["output"]


async def test_times_have_whole_seconds(shared):
    instance = await shared.start("fan", 1)
    await shared.wait_for_end(instance)
    async with shared.http.get(f"{shared.url}{DURABLE}/instances/{instance}") as answer:
        status = await answer.json()
    for name in ("createdTime", "lastUpdatedTime"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", status[name])


async def test_strict_typing_is_on_as_deployed(shared):
    async with shared.http.get(
        f"{shared.url}/api/env/AZURE_FUNCTIONS_DURABLE_STRICT_TYPING"
    ) as answer:
        assert await answer.text() == "1"


async def test_terminate(shared):
    instance = await shared.start("two_events")
    await shared.call("terminate", instance, "no longer wanted")
    end = await shared.wait_for_end(instance)
    assert (end["runtimeStatus"], end["output"]) == ("Terminated", "no longer wanted")
    assert "error" in (await shared.call("raise_event", instance, "first", 1) or {})


async def test_suspend_and_resume(shared):
    instance = await shared.start("two_events")
    await shared.call("suspend", instance, "wait")
    await shared.wait_for_status(instance, ("Suspended",))
    await shared.call("raise_event", instance, "first", 1)
    await shared.call("raise_event", instance, "second", 2)
    await asyncio.sleep(0.2)
    assert (await shared.status(instance))["runtimeStatus"] == "Suspended"
    await shared.call("resume", instance, "go on")
    assert (await shared.wait_for_end(instance))["output"] == [1, 2]


async def test_an_orchestrator_that_is_not_deterministic_fails_and_says_so(shared):
    end = await run(shared, "fickle")
    assert end["runtimeStatus"] == "Failed"
    assert "Non-Deterministic" in end["output"]


async def test_many_at_once(shared):
    started = await asyncio.gather(*(shared.start("fan", 4) for _ in range(25)))
    ends = [await shared.wait_for_end(instance, 30) for instance in started]
    assert [end["output"] for end in ends] == [12] * 25
