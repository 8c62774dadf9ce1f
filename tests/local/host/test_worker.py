"""The worker: when it is killed it is restarted; what it held has failed, and nothing
else."""

import asyncio
import os
import socket
from pathlib import Path

import aiohttp
import pytest

from local.host import worker as worker_process
from local.host.channel import receive
from local.host.errors import AppLoadError, WorkerGone
from local.host.process import Worker
from local.host.server import Host
from tests.local.host.conftest import APPS, sample_env, until


async def kill(running):
    """SIGKILL the worker through the route for tests; returns its pid."""
    async with running.http.post(f"{running.url}/_host/worker/kill") as answer:
        assert answer.status == 202
        return (await answer.json())["killed"]


async def test_an_activity_whose_worker_died_has_failed_and_is_not_run_again(running):
    instance = await running.start("catches", {"activity": "sleeps", "given": 30})
    await until(lambda: running.notes("sleeps"))
    first = (await running.state())["worker_pid"]
    assert await kill(running) == first
    end = await running.wait_for_end(instance)
    assert end["output"].startswith(
        "caught Activity function 'sleeps' failed: python exited with code 137"
    )
    assert running.notes("sleeps") == ["x"]
    state = await running.state()
    assert state["worker_pid"] not in (None, first)
    assert (state["worker_starts"], state["in_flight"]) == (2, 0)


async def test_an_orchestrator_may_call_an_activity_that_died_again(running):
    end = await running.wait_for_end(await running.start("again"))
    assert (end["output"], running.notes("dies")) == ("lived on", ["x", "x"])
    assert "python exited with code 9" in end["customStatus"]


async def test_an_orchestration_whose_worker_died_in_its_episode_has_failed(running):
    instance = await running.start("blocks")
    await until(lambda: len(running.notes("blocks")) == 1)
    await kill(running)
    end = await running.wait_for_end(instance)
    assert end["runtimeStatus"] == "Failed"
    assert end["output"].startswith(
        "Orchestrator function 'blocks' failed: python exited with code 137"
    )
    assert running.notes("blocks") == ["x"]


async def test_a_failed_orchestration_can_be_started_again_under_its_id(running):
    await running.start("blocks", None, "one")
    await until(lambda: len(running.notes("blocks")) == 1)
    await kill(running)
    await running.wait_for_end("one")
    await running.start("blocks", None, "one")
    assert (await running.wait_for_end("one"))["output"] == 6


async def test_a_wait_outlives_the_worker(running):
    instance = await running.start("race", 30)
    await running.wait_for_status(instance, ("Running",))
    await kill(running)
    await running.call("raise_event", instance, "Approval", "yes")
    assert (await running.wait_for_end(instance))["output"] == {"answer": "yes", "doubled": 16}


async def test_after_repeated_kills_every_orchestration_completes_or_fails(running):
    started = [await running.start("fan", 20, f"fan-{n}") for n in range(6)]
    for _ in range(4):
        await kill(running)
        await running.state()
    ends = [await running.wait_for_end(instance, 30) for instance in started]
    assert {end["runtimeStatus"] for end in ends} <= {"Completed", "Failed"}
    assert all(end["output"] == 380 for end in ends if end["runtimeStatus"] == "Completed")


async def test_a_request_that_the_worker_held_is_500_and_the_next_one_works(running):
    async def slow():
        async with running.http.get(f"{running.url}/api/slow") as answer:
            return answer.status, await answer.text()

    held = asyncio.create_task(slow())
    await until(lambda: running.notes("slow"))
    await kill(running)
    assert await held == (500, "")
    async with running.http.get(f"{running.url}/api/echo/again") as answer:
        assert answer.status == 203


async def test_a_function_that_takes_too_long_kills_the_worker_and_all_that_it_runs(sample):
    async with sample(SAMPLE_TIMEOUT="00:00:03") as running:
        beside = asyncio.create_task(
            running.wait_for_end(
                await running.start("catches", {"activity": "sleeps", "given": 30})
            )
        )
        await until(lambda: running.notes("sleeps"))
        async with running.http.get(f"{running.url}/api/slow") as answer:
            assert answer.status == 500
        assert (await beside)["output"].startswith("caught Activity function 'sleeps' failed: ")
        async with running.http.get(f"{running.url}/api/echo/again") as answer:
            assert answer.status == 203
        assert (await running.state())["worker_starts"] >= 2


async def test_the_apps_own_modules_are_found_last(tmp_path):
    """A deployed distribution of the same name wins."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "host.json").write_text("{}")
    (app / "isodate.py").write_text("raise RuntimeError('the module of the app')")
    (app / "only_ours.py").write_text("FOUND = True")
    (app / "function_app.py").write_text(
        "import sys, isodate, only_ours\n"
        "import azure.functions as f\n"
        "app = f.FunctionApp()\n"
        "@app.route(route='where')\n"
        "def where(req: f.HttpRequest) -> str: return sys.path[-1]\n"
    )
    async with (
        Host(0, tmp_path / "host", {}, app) as host,
        aiohttp.ClientSession() as http,
        http.get(f"{host.url}/api/where") as answer,
    ):
        assert await answer.text() == str(app)


async def test_a_caller_that_disconnects_leaves_nothing_behind(running):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5), running.http.get(f"{running.url}/api/slow"):
            raise AssertionError("it answered")
    await kill(running)
    async with running.http.get(f"{running.url}/api/echo/again") as answer:
        assert answer.status == 203
    assert (await running.state())["in_flight"] == 0


async def test_an_app_that_cannot_be_loaded_is_refused_with_its_error(tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "host.json").write_text('{"version": "2.0"}')
    (broken / "function_app.py").write_text("import no_such_module_anywhere\n")
    with pytest.raises(AppLoadError, match="no_such_module_anywhere"):
        async with Host(0, tmp_path / "host", {}, broken):
            raise AssertionError("it started")


async def test_an_app_that_ends_the_process_while_it_loads(tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "host.json").write_text("{}")
    (broken / "function_app.py").write_text("import os\nos._exit(3)\n")
    with pytest.raises(AppLoadError, match="code 3"):
        async with Host(0, tmp_path / "host", {}, broken):
            raise AssertionError("it started")


def children() -> set[str]:
    """Process ids, zombies included."""
    return {
        pid
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
    }


async def test_a_stop_while_the_worker_restarts_leaves_no_child(tmp_path):
    before = children()
    for pause in (0.0, 0.05, 0.2, 0.4):
        worker = Worker(
            APPS / "sample", {**os.environ, **sample_env(tmp_path)}, tmp_path / "worker.log", 60
        )
        await worker.start()
        held = asyncio.ensure_future(
            worker.invoke("sleeps", [("seconds", {"t": "json", "v": "30"})])
        )
        await asyncio.sleep(0.05)
        worker.kill()
        await asyncio.sleep(pause)
        await worker.stop()
        with pytest.raises(WorkerGone):
            await held
        assert worker.pid is None
        assert children() == before


async def test_a_start_that_the_operating_system_refuses_is_tried_again(tmp_path, monkeypatch):
    worker = Worker(
        APPS / "sample", {**os.environ, **sample_env(tmp_path)}, tmp_path / "worker.log", 60
    )
    await worker.start()
    spawn, refused = worker._spawn, []

    async def refuse_once():
        if not refused:
            refused.append(1)
            raise OSError("no more processes")
        return await spawn()

    monkeypatch.setattr(worker, "_spawn", refuse_once)
    worker.kill()
    result = await worker.invoke("double", [("number", {"t": "json", "v": "21"})])
    await worker.stop()
    assert (refused, result.ok, result.value) == ([1], True, {"t": "json", "v": "42"})


@pytest.mark.parametrize("result", [{"op": "result", "id": 7, "value": {1, 2}}, None])
async def test_a_result_that_cannot_be_sent_is_reported_as_a_failure(monkeypatch, result):
    async def run_function(ids, message):
        return result if result else ids[message["name"]]

    monkeypatch.setattr(worker_process, "_run_function", run_function)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        await worker_process._invoke(theirs, {}, {"id": 7, "name": "unknown", "inputs": []})
        answer = receive(ours)
    assert answer is not None
    assert (answer["id"], answer["ok"]) == (7, False)
    assert "set" in answer["error"] or "unknown" in answer["error"]
