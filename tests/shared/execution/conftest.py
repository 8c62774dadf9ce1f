from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local.scenarios import parts
from local.simulator.server import Simulator
from shared.app import App
from tests.shared.execution.bench import Bench, a_bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with a_bench(tmp_path) as made:
        yield made


@pytest.fixture
async def arm() -> AsyncIterator[Simulator]:
    """One resource group, without a lock."""
    async with Simulator(0, {"resources": [parts.group("rg")]}) as simulator:
        yield simulator


@pytest.fixture
def times() -> dict[str, str]:
    """Settings of `app` beside those that it cannot do without."""
    return {}


@pytest.fixture
async def app(arm: Simulator, tmp_path: Path, times: dict[str, str]) -> AsyncIterator[App]:
    made = App(
        {
            "REMEDIATOR_STORE": f"sqlite:{tmp_path / 'store.db'}",
            "REMEDIATOR_SUBSCRIPTION_ID": parts.SUBSCRIPTION,
            "REMEDIATOR_ARM_ENDPOINT": arm.url,
            "REMEDIATOR_RETRY_SECONDS": "0",
        }
        | times
    )
    yield made
    await made.close()
