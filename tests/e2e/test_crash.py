"""The worker dies, or the store does not take writes: nothing is changed without a
record, and the lock comes back."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from local.promises import broken_promises
from tests.e2e.conftest import Product, running, scenario
from tests.e2e.test_guards import EXTENSION, LOCKED

LOCK, COLLECTION = r"/locks/[^/]+$", r"/restorePointCollections/[^/]+$"


async def kill_worker(product: Product) -> None:
    answer = await product.http.post(f"{product.app}/_host/worker/kill")
    assert answer.status < 300, await answer.text()


async def begun(product: Product, job_id: str, kind: str) -> None:
    """Wait until the intent of this change is on record: its request is under way."""
    incident = await product.incident_of(job_id, ended=False)
    async with asyncio.timeout(20):
        while not any(
            each["kind"] == kind and each["phase"] == "intent"
            for each in await product.audit(incident["id"])
        ):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("name", "method", "path", "kind"),
    [
        (LOCKED, "DELETE", LOCK, "lift_lock"),
        (LOCKED, "DELETE", COLLECTION, "delete_restore_point_collection"),
        (LOCKED, "PUT", LOCK, "restore_lock"),
        (LOCKED, "POST", r"/backup$", "backup"),
        (EXTENSION, "DELETE", r"/extensions/[^/]+$", "uninstall_extension"),
    ],
    ids=["lifting", "deleting", "restoring", "backing-up", "uninstalling"],
)
async def test_a_worker_that_dies_in_the_middle_leaves_no_lock_off(
    tmp_path: Path, name: str, method: str, path: str, kind: str
) -> None:
    """The request is held for a moment, and the process that sent it is killed
    meanwhile."""
    case = scenario(name)
    async with running(tmp_path) as product:
        await product.azure(case)
        before = await product.state()
        await product.fault(method=method, path_regex=path, times=1, action={"delay_s": 0.6})
        await product.deliver(case["event"])
        await begun(product, case["job_id"], kind)
        await asyncio.sleep(0.1)
        await kill_worker(product)
        await asyncio.sleep(0.5)
        await product.timer("guardian")
        incident = await product.incident_of(case["job_id"], seconds=60)
        entries = await product.audit(incident["id"])
        assert incident["status"] == "fixed", incident
        broken = broken_promises(
            before, await product.state(), await product.requests(), incident, entries
        )
        # A call whose answer died with the worker has its intent, and its outcome with
        # the call that was sent again.
        assert [each for each in broken if "intent has no outcome" not in each] == []


async def refuse_writes(path: Path, when: str, on: str = "INSERT") -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(
            f"CREATE TRIGGER refuse BEFORE {on} ON rows WHEN {when} BEGIN SELECT RAISE(ABORT,"
            " 'the disk is full'); END"
        )


async def take_writes(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER refuse")


@pytest.mark.parametrize(
    "when",
    [
        """NEW."table" = 'audit'""",
        """NEW."table" = 'audit' AND json_extract(NEW.body, '$.phase') = 'intent'""",
        """NEW."table" = 'locks'""",
        """NEW."table" = 'windows'""",
        """NEW."table" = 'claims'""",
        """NEW."table" = 'incidents'""",
    ],
    ids=["no audit", "no intents", "no lock ledger", "no windows", "no claims", "no incidents"],
)
async def test_a_store_that_takes_no_writes_means_no_change(tmp_path: Path, when: str) -> None:
    case = scenario(LOCKED)
    async with running(tmp_path) as product:
        await product.azure(case)
        assert (await product.http.get(f"{product.app}/api/health")).status == 200
        await refuse_writes(tmp_path / "remediator.db", when)
        taken = await product.deliver(case["event"])
        await asyncio.sleep(1.5)
        assert await product.changes() == []
        await take_writes(tmp_path / "remediator.db")
        if taken >= 500:  # Event Grid sends it again
            assert await product.deliver(case["event"]) in (200, 202)
        await product.timer("guardian")
        incident = await product.incident_of(case["job_id"])
        assert incident["status"] in ("fixed", "needs_person"), incident
        assert incident["status"] == "fixed" or incident["manual_steps"]


async def test_a_store_that_is_gone_refuses_the_event(tmp_path: Path) -> None:
    """Tables on a port where nobody answers: Event Grid keeps the event, ARM is not
    touched, health says why."""
    dead = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:9/devstoreaccount1;"
    case = scenario(LOCKED)
    async with running(tmp_path, storage=dead) as product:
        await product.azure(case)
        assert await product.deliver(case["event"]) >= 500
        answer = await product.http.get(f"{product.app}/api/health")
        assert answer.status == 503
        told = {check["name"]: check for check in (await answer.json())["checks"]}
        assert told["audit store"]["ok"] is False
        assert await product.changes() == []
