from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local.promises import locks_of
from tests.faults.azure import locked_groups
from tests.faults.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    state, _ = locked_groups({"rg-one": 1})
    async with World(tmp_path) as made:
        made.simulator.world.replace_state(state)
        made.expected = locks_of(state)
        yield made
