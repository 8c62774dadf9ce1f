"""Two hosts on one task hub, as two instances of an app: what a dead one held becomes
visible again after its visibility timeout."""

from contextlib import asynccontextmanager

import aiohttp
import pytest

from local.host.durable.backend import Backend
from local.host.server import Host
from local.host.settings import read_settings
from tests.local.host.conftest import APPS, Running, sample_env, until


@asynccontextmanager
async def run_instance(tmp_path, hub, name, **env):
    env = sample_env(tmp_path, **env)
    async with (
        Host(0, tmp_path / name, env, APPS / "sample", hub) as host,
        aiohttp.ClientSession() as http,
    ):
        yield Running(host, http, tmp_path)


@pytest.fixture
def hub():
    hub = Backend()
    yield hub
    hub.stop()


async def start_and_abandon(tmp_path, hub, name, value, noted, scale):
    """Start an orchestration on an instance that dies as soon as the work has written
    the note `noted`. Returns the orchestration's id."""
    async with run_instance(tmp_path, hub, "first", LOCAL_HOST_RETRY_SCALE=scale) as first:
        instance_id = await first.start(name, value)
        await until(lambda: first.notes(noted))
    return instance_id


TAKEN_OVER = [("long_work", 1, "sleeps", ["slept 1", 4]), ("blocks", None, "blocks", 6)]


@pytest.mark.parametrize(
    ("name", "value", "noted", "output"), TAKEN_OVER, ids=["activity", "episode"]
)
async def test_the_other_instance_takes_over(tmp_path, hub, name, value, noted, output):
    instance_id = await start_and_abandon(tmp_path, hub, name, value, noted, "0.01")
    async with run_instance(tmp_path, hub, "second") as second:
        assert (await second.wait_for_end(instance_id))["output"] == output
        assert second.notes(noted) == ["x", "x"]


async def test_until_the_timeout_it_is_running_and_no_instance_has_it(tmp_path, hub):
    instance_id = await start_and_abandon(tmp_path, hub, "long_work", 1, "sleeps", "100")
    async with run_instance(tmp_path, hub, "second") as second:
        # Other work is done meanwhile.
        assert (await second.wait_for_end(await second.start("fan", 3)))["output"] == 6
        assert (await second.status(instance_id))["runtimeStatus"] == "Running"
        assert second.notes("sleeps") == ["x"]


async def test_two_instances_share_the_work(tmp_path, hub):
    async with (
        run_instance(tmp_path, hub, "first") as first,
        run_instance(tmp_path, hub, "second") as second,
    ):
        ids = [await first.start("fan", 4) for _ in range(10)]
        assert [(await second.wait_for_end(one))["output"] for one in ids] == [12] * 10
        assert len(first.notes("double")) == 40


def test_the_timeouts_are_five_minutes_where_host_json_says_nothing(tmp_path):
    (tmp_path / "host.json").write_text("{}")
    settings = read_settings({"LOCAL_HOST_RETRY_SCALE": "1"}, tmp_path)
    assert (settings.activity_visibility_seconds, settings.orchestrator_visibility_seconds) == (
        300,
        300,
    )
    (tmp_path / "host.json").write_text(
        '{"extensions": {"durableTask": {"storageProvider": {"workItemQueueVisibilityTimeout":'
        ' "00:02:00", "controlQueueVisibilityTimeout": "00:01:00"}}}}'
    )
    settings = read_settings({"LOCAL_HOST_RETRY_SCALE": "0.5"}, tmp_path)
    assert (settings.activity_visibility_seconds, settings.orchestrator_visibility_seconds) == (
        60,
        30,
    )
