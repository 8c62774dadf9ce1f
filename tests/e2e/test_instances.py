"""Two instances of the app on one store and one task hub: one dies in the middle of a
repair, the other ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from infra.roles import GRANTED
from local.host.command import environment
from local.host.durable.backend import Backend
from local.host.server import Host
from local.promises import broken_promises
from local.simulator.server import Simulator
from tests.e2e.conftest import QUICK, Product, scenario
from tests.e2e.test_crash import COLLECTION, begun
from tests.e2e.test_guards import LOCKED

SOON = {"LOCAL_HOST_RETRY_SCALE": "0.01"}
"""What a dead instance held is seen again after a hundredth of host.json's time."""


@asynccontextmanager
async def instance(data: Path, name: str, arm: str, hub: Backend) -> AsyncIterator[Product]:
    """The store lies in `data`, and the topic in a folder of the instance's own."""
    env = environment({}, arm, data, None) | QUICK | SOON
    async with Host(0, data / name, env, hub=hub) as host, aiohttp.ClientSession() as http:
        yield Product(arm, host.url, http)


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [("DELETE", COLLECTION, "delete_restore_point_collection"), ("POST", r"/backup$", "backup")],
    ids=["deleting", "backing-up"],
)
async def test_what_a_dead_instance_held_is_ended_by_the_other(
    tmp_path: Path, method: str, path: str, kind: str
) -> None:
    case, hub = scenario(LOCKED), Backend()
    async with Simulator() as simulator:
        simulator.world.change_settings({"allowed_actions": GRANTED})
        async with instance(tmp_path, "first", simulator.url, hub) as first:
            await first.azure(case)
            before = await first.state()
            await first.fault(method=method, path_regex=path, times=1, action={"delay_s": 0.6})
            await first.deliver(case["event"])
            await begun(first, case["job_id"], kind)
        async with instance(tmp_path, "second", simulator.url, hub) as second:
            incident = await second.incident_of(case["job_id"], seconds=60)
            assert incident["status"] == "fixed", incident
            entries = await second.audit(incident["id"])
            broken = broken_promises(
                before, await second.state(), await second.requests(), incident, entries
            )
            # A call whose answer died with the instance has its intent, and its outcome
            # with the call that was sent again.
            assert [each for each in broken if "intent has no outcome" not in each] == []
    hub.stop()


async def test_two_instances_repair_a_failure_once(tmp_path: Path) -> None:
    case, hub = scenario(LOCKED), Backend()
    async with (
        Simulator() as simulator,
        instance(tmp_path, "first", simulator.url, hub) as first,
        instance(tmp_path, "second", simulator.url, hub) as second,
    ):
        simulator.world.change_settings({"allowed_actions": GRANTED})
        await first.azure(case)
        taken = await asyncio.gather(
            *(each.deliver(case["event"]) for each in (first, second, first, second))
        )
        assert any(status in (200, 202) for status in taken)
        assert (await second.incident_of(case["job_id"]))["status"] == "fixed"
        assert (
            len([each for each in await second.incidents() if each["job_id"] == case["job_id"]])
            == 1
        )
        deleted = [
            path
            for verb, path in await first.changes()
            if verb == "DELETE" and "/locks/" not in path
        ]
        assert len(deleted) == 1
