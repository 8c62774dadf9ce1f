from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from local.simulator.server import Simulator
from local.simulator.world import World
from tests.local.simulator.support import Arm, Clock

QUICK = {
    "extension_delete": 0.05,
    "extension_timeout": 0.1,
    "collection_delete": 0.05,
    "restore_point_delete": 0.05,
}
QUICKER = {**QUICK, "backup_start": 0.01, "backup": 0.05, "job_cancel": 0.02}


type Running = tuple[Arm, World]
"""A simulator that runs: from outside, and its inside."""


@pytest.fixture
async def start(
    start_with_world: Callable[..., Awaitable[Running]],
) -> Callable[..., Awaitable[Arm]]:
    """As start_with_world, for tests that know only the outside."""

    async def start_one(state: dict[str, Any], real_time: bool = False) -> Arm:
        return (await start_with_world(state, real_time))[0]

    return start_one


@pytest.fixture
async def start_with_world() -> AsyncIterator[Callable[..., Awaitable[Running]]]:
    """Start a simulator with a state. It is quick, its clock moves only with requests
    and tests, and it is stopped at the end of the test."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def start_one(state: dict[str, Any], real_time: bool = False) -> Running:
            clock = Clock()
            running = await stack.enter_async_context(
                Simulator(state=state, monotonic=time.monotonic if real_time else clock)
            )
            arm = Arm(session, running.url, clock)
            answer = await arm.sim(
                "PUT", "settings", {"lro_s": QUICKER, "backup_retry_after_s": None}
            )
            assert answer.status == 200, answer.body
            return arm, running.world

        yield start_one
