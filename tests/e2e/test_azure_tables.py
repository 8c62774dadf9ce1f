"""The product with its records in Azure Tables, as it is deployed: real Azurite, every
kind of ending."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from local.promises import broken_promises
from shared.audit.chain import verify
from shared.audit.entry import Entry
from tests.azurite import azurite
from tests.e2e.conftest import Product, running, scenario

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on_tables(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    folder: Path = tmp_path_factory.mktemp("tables")
    async with (
        azurite() as storage,
        running(folder, storage=storage.connection_string()) as product,
    ):
        yield product


@pytest.mark.parametrize(
    "name",
    [
        "winmanagedvm",
        "ExtentionOperationFailed-backup_extension",
        "unknown_code",
        "sql_item",
        "vm1_and_vm10",
        "owned_lock",
    ],
)
async def test_scenarios_end_the_same_on_azure_tables(on_tables: Product, name: str) -> None:
    case = scenario(name)
    await on_tables.azure(case)
    before = await on_tables.state()
    assert await on_tables.alert(case["event"]) == 202
    incident = await on_tables.incident_of(case["job_id"])
    entries = await on_tables.audit(incident["id"])
    assert incident["status"] == case["expect"]["status"]
    assert (
        broken_promises(
            before, await on_tables.state(), await on_tables.requests(), incident, entries
        )
        == []
    )
    assert verify(Entry.from_json(entry) for entry in entries) is None
    assert entries
