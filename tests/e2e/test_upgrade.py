"""An upgrade as docs/runbook.md describes it: a drained app begins nothing new, ends
what is at work, and afterwards takes what came meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from infra.roles import GRANTED
from local.host.command import environment
from local.host.server import Host
from local.promises import intents_kept, locks_of
from local.simulator.server import Simulator
from tests.e2e.conftest import QUICK, Product, scenario
from tests.e2e.test_guards import EXTENSION, LOCKED

DRAINING = {"AzureWebJobs.intake.Disabled": "true", "AzureWebJobs.sweep.Disabled": "true"}
A_WHILE_SECONDS = 1.5
"""Longer than the first pause between two deliveries of an event."""


@asynccontextmanager
async def run_app(
    data: Path, arm: str, http: aiohttp.ClientSession, **settings: str
) -> AsyncIterator[Product]:
    async with Host(0, data, environment({}, arm, data, None) | QUICK | settings) as host:
        yield Product(arm, host.url, http)


async def test_a_drained_app_begins_nothing_and_loses_nothing(tmp_path: Path) -> None:
    old, new = scenario(LOCKED), scenario(EXTENSION)
    resources = {each["id"]: each for case in (old, new) for each in case["resources"]}
    async with Simulator() as simulator, aiohttp.ClientSession() as http:
        arm = simulator.url
        simulator.world.change_settings({"allowed_actions": GRANTED, "lro_s": {"backup": 2}})
        async with run_app(tmp_path, arm, http) as product:
            await product.azure({"resources": list(resources.values())})
            before = await product.state()
            assert await product.deliver(old["event"]) in (200, 202)
            await product.incident_of(old["job_id"], ended=False)
        async with run_app(tmp_path, arm, http, **DRAINING) as product:
            assert await product.alert(new["event"]) == 202
            await product.timer("guardian")
            at_work = await product.incident_of(old["job_id"])
            assert at_work["status"] == "fixed"
            await asyncio.sleep(A_WHILE_SECONDS)
            assert [each["job_id"] for each in await product.incidents()] == [old["job_id"]]
        async with run_app(tmp_path, arm, http) as product:
            taken_afterwards = await product.incident_of(new["job_id"])
            assert taken_afterwards["status"] == "fixed"
            assert locks_of(await product.state()) == locks_of(before)
            for incident in (at_work, taken_afterwards):
                assert intents_kept(await product.audit(incident["id"]))
