"""Both stores, for one suite."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.store.contract import Store
from shared.store.sqlite import SqliteStore
from shared.store.tables import TablesStore
from tests.azurite import Azurite, azurite

_numbers = itertools.count()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_azurite() -> AsyncIterator[Azurite]:
    async with azurite() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session", params=["sqlite", "tables"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, running_azurite: Azurite
) -> AsyncIterator[Store]:
    """Empty, and of its own for each test."""
    made: Store = (
        SqliteStore(tmp_path / "store.db")
        if request.param == "sqlite"
        else TablesStore.from_connection_string(
            running_azurite.connection_string(), f"test{next(_numbers)}"
        )
    )
    yield made
    await made.close()
