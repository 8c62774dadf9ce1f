"""A day of dropped events, and delivery through a storage queue: the whole product,
with Azurite for the queue."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from azure.storage.queue.aio import QueueClient
from click.testing import CliRunner

from command_line.main import remediator
from functions.queued import POISON, QUEUE
from local.promises import broken_promises
from tests.azurite import Azurite, azurite
from tests.e2e.conftest import ENDED, Product, cloud_event, running, scenario
from tests.faults.azure import locked_groups
from tests.shared.intake.test_sweep import failed_at

NAME = "ExtentionOperationFailed-backup_extension"
in_module_loop = pytest.mark.asyncio(loop_scope="module")


async def all_ended(product: Product, count: int, seconds: float = 60) -> list[dict[str, Any]]:
    async with asyncio.timeout(seconds):
        while True:
            found = await product.incidents()
            if len(found) >= count and all(each["status"] in ENDED for each in found):
                return found
            await asyncio.sleep(0.1)


async def test_a_day_of_dropped_events_is_recovered_by_one_sweep(tmp_path: Path) -> None:
    state, failures = locked_groups({"rg-one": 3, "rg-two": 2})
    failed_at(state, failures)
    async with running(tmp_path) as product:
        await product.azure(state)
        before = await product.state()
        await product.timer("sweep")
        found = await all_ended(product, len(failures))
        assert sorted(each["job_id"] for each in found) == sorted(each.job_id for each in failures)
        assert {each["status"] for each in found} == {"fixed"}, [each["reason"] for each in found]
        changes = await product.changes()
        await product.timer("sweep")
        for failure in failures:
            await product.deliver(failure.event)
        await asyncio.sleep(1)
        assert len(await product.incidents()) == len(failures)
        assert await product.changes() == changes
        deleted = [
            path
            for method, path in changes
            if method == "DELETE" and "restorePointCollections" in path
        ]
        assert len(deleted) == len(set(deleted)) == len(failures)
        locks = [each for each in (await product.state())["resources"] if "/locks/" in each["id"]]
        assert locks == [each for each in before["resources"] if "/locks/" in each["id"]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage() -> AsyncIterator[Azurite]:
    async with azurite() as running_azurite:
        yield running_azurite


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def queued(
    storage: Azurite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Product]:
    settings = {
        "REMEDIATOR_DELIVERY": "queue",
        "LOCAL_HOST_RETRY_SCALE": "0.001",
        "REMEDIATOR_RETRY_SECONDS": "0.1",
    }
    async with running(
        tmp_path_factory.mktemp("queued"), storage=storage.connection_string(), **settings
    ) as product:
        yield product


def queue(storage: Azurite, name: str) -> QueueClient:
    return QueueClient.from_connection_string(storage.connection_string(), name)


@in_module_loop
async def test_an_alert_goes_through_the_queue(queued: Product, storage: Azurite) -> None:
    case = scenario(NAME)
    await queued.azure(case)
    before = await queued.state()
    assert await queued.alert(case["event"]) == 202
    incident = await queued.incident_of(case["job_id"])
    assert incident["status"] == "fixed", incident["reason"]
    entries = await queued.audit(incident["id"])
    assert (
        broken_promises(before, await queued.state(), await queued.requests(), incident, entries)
        == []
    )
    async with queue(storage, QUEUE) as client:
        assert (await client.get_queue_properties()).approximate_message_count == 0


@in_module_loop
@pytest.mark.parametrize(
    "wrap", [str.encode, lambda text: base64.b64encode(text.encode())], ids=["plain", "base64"]
)
async def test_a_message_plain_or_in_base64(queued: Product, storage: Azurite, wrap: Any) -> None:
    case = scenario(NAME)
    await queued.azure(case)
    async with queue(storage, QUEUE) as client:
        for _ in range(2):
            await client.send_message(wrap(json.dumps(cloud_event(case["event"]))).decode())
    incident = await queued.incident_of(case["job_id"])
    assert incident["status"] == "fixed", incident["reason"]
    assert sorted(method for method, _ in await queued.changes()) == ["DELETE", "POST"]


@in_module_loop
async def test_what_can_never_be_used_leaves_the_queue_for_the_quarantine(
    queued: Product, storage: Azurite
) -> None:
    async with queue(storage, QUEUE) as client:
        await client.send_message("neither JSON nor base64 ☃")
        async with asyncio.timeout(20):
            while not [each for each in await kept(queued) if "☃" in each["excerpt"]]:
                await asyncio.sleep(0.1)
    async with queue(storage, POISON) as client:
        assert (await client.get_queue_properties()).approximate_message_count == 0


async def test_a_poison_message_is_kept_and_taken_again_by_hand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The identity sees no subscription for a while: whose failure it is cannot be
    known, so nobody may take it."""
    case = scenario(NAME)
    settings = {
        "REMEDIATOR_DELIVERY": "queue",
        "LOCAL_HOST_RETRY_SCALE": "0.001",
        "REMEDIATOR_RETRY_SECONDS": "0",
        "REMEDIATOR_TABLE_PREFIX": "poisoned",
    }
    async with (
        azurite() as other,
        running(tmp_path, storage=other.connection_string(), **settings) as product,
    ):
        await product.azure(case)
        await product.fault(
            method="GET",
            path_regex="^/subscriptions$",
            times=1000,
            action={"status": 403, "body": {}},
        )
        assert await product.alert(case["event"]) == 202
        async with asyncio.timeout(60):
            while not (found := await kept(product)):
                await asyncio.sleep(0.2)
        assert [each["reason"] for each in found] == [
            "given out by the queue too often without being taken"
        ]
        assert (await product.incidents(), await product.changes()) == ([], [])
        await product.http.delete(f"{product.arm}/_sim/faults")
        monkeypatch.setenv("REMEDIATOR_TABLE_PREFIX", "poisoned")
        words = [
            "quarantine",
            "retry",
            "--all",
            "--storage",
            other.connection_string(),
            "--arm",
            product.arm,
            "--json",
        ]
        made = await asyncio.to_thread(CliRunner().invoke, remediator, words)
        assert made.exit_code == 0, made.output
        await product.timer("guardian")
        await asyncio.sleep(0.2)
        await product.timer("guardian")
        incident = await product.incident_of(case["job_id"])
        assert incident["status"] == "fixed", incident["reason"]
        assert await kept(product) == []


async def kept(product: Product) -> list[dict[str, Any]]:
    answer = await product.http.get(f"{product.app}/api/quarantine")
    assert answer.status == 200
    found: list[dict[str, Any]] = await answer.json()
    return found
