"""A lock that cannot be put back: seen in health, on the page, on the command line; put
back by hand; a host that dies in a window."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from command_line.main import remediator
from local.promises import broken_promises
from local.simulator.server import Simulator
from tests.e2e.conftest import QUICK, Product, running, scenario
from tests.e2e.host_process import HostProcess
from tests.e2e.test_guards import LOCKED, of_type

PUT_LOCK = {
    "method": "PUT",
    "path_regex": r"/locks/[^/]+$",
    "times": 100_000,
    "action": {"status": 403},
}
DELETE_COLLECTION = {
    "method": "DELETE",
    "path_regex": "/restorePointCollections/",
    "times": 1,
    "action": {"lro_hang": True},
}
WITH_TIMERS = QUICK | {"LOCAL_HOST_TIMERS": "on"}


async def command(*arguments: str) -> Any:
    return await asyncio.to_thread(CliRunner().invoke, remediator, arguments)


async def test_a_lock_that_cannot_be_put_back_is_shown_everywhere_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WATCH", "LATE", "STALE"):  # of the commands, as of the app
        monkeypatch.setenv(f"REMEDIATOR_{name}_SECONDS", QUICK[f"REMEDIATOR_{name}_SECONDS"])
    monkeypatch.setenv("REMEDIATOR_RESTORE_PATIENCE_SECONDS", "0.3")
    case = scenario(LOCKED)
    lock = of_type(case, "Microsoft.Authorization/locks")[0]
    async with running(
        tmp_path, REMEDIATOR_RESTORE_PATIENCE_SECONDS="0.3", REMEDIATOR_WINDOW_SECONDS="3"
    ) as product:
        await product.azure(case)
        before = await product.state()
        await product.fault(**DELETE_COLLECTION)
        assert await product.alert(case["event"]) == 202
        async with asyncio.timeout(30):
            while of_type(await product.state(), "Microsoft.Authorization/locks"):
                await asyncio.sleep(0.02)
        await product.fault(**PUT_LOCK)
        incident = await product.incident_of(case["job_id"])
        assert incident["status"] == "needs_person"
        assert "NOT back" in incident["reason"]
        assert any(
            "az lock create" in step and lock["name"] in step for step in incident["manual_steps"]
        )

        health = await product.http.get(f"{product.app}/api/health")
        assert health.status == 503
        assert lock["name"] in await health.text()
        page = await (await product.http.get(f"{product.app}/api/audit/page")).text()
        assert "is NOT back" in page
        assert any(
            entry["result"].startswith("not back yet")
            for entry in await product.audit(incident["id"])
        )
        assert any("our own event" in entry["result"] for entry in await product.audit("intake"))

        data, arm = ["--data", str(tmp_path)], ["--arm", product.arm]
        listed = json.loads((await command("locks", "list", "--json", *data)).output)
        assert [entry["lock"]["id"] for entry in listed["locks"]] == [lock["id"]]
        assert listed["windows"][0]["state"] == "closing"
        verified = await command("locks", "verify", *data, *arm)
        assert "off" in verified.output
        assert (await command("locks", "restore", "--all", *data, *arm)).exit_code == 1

        await product.http.delete(f"{product.arm}/_sim/faults")
        restored = await command("locks", "restore", lock["id"], *data, *arm)
        assert (restored.exit_code, "is back (answered at" in restored.output) == (
            0,
            True,
        ), restored.output
        assert (await product.http.get(f"{product.app}/api/health")).status == 200
        assert "and is watched until" in (await command("locks", "list", *data)).output
        async with asyncio.timeout(60):
            while (
                "No lock is off, and none is watched"
                not in (await command("locks", "list", *data)).output
            ):
                await product.timer("guardian")
                await asyncio.sleep(0.5)
        entries = await product.audit(incident["id"])
        assert (
            broken_promises(
                before, await product.state(), await product.requests(), incident, entries
            )
            == []
        )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["restore"], "name one LOCK_ID, or say --all"),
        (["restore", "/no/such/lock"], "the ledger has no lock"),
        (["list", "--data", "/nowhere"], "there is no store in"),
    ],
)
async def test_mistakes_on_the_command_line_are_one_clear_line(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    from shared.store.sqlite import SqliteStore

    store = SqliteStore(tmp_path / "remediator.db")
    await store.ping()
    await store.close()
    async with Simulator(0, scenario(LOCKED)) as simulator:
        data = [] if "--data" in arguments else ["--data", str(tmp_path)]
        arm = ["--arm", simulator.url] if arguments[0] == "restore" else []
        result = await command("locks", *arguments, *data, *arm)
    assert (result.exit_code, told in result.output, "Traceback" in result.output) == (
        2,
        True,
        False,
    ), result.output


async def settled(data: Path) -> None:
    """Wait until no lock is watched any more."""
    async with asyncio.timeout(90):
        while (await command("locks", "settled", "--data", str(data))).exit_code:
            await asyncio.sleep(0.5)


@pytest.mark.parametrize("kind", ["lift_lock", "delete_restore_point_collection"])
async def test_a_host_that_is_killed_in_a_window_puts_the_lock_back_at_its_next_start(
    tmp_path: Path, kind: str
) -> None:
    """The durable state is in the host's memory: it is gone. The guardian at start-up
    has the ledger alone."""
    case = scenario(LOCKED)
    async with Simulator(0, case) as simulator, aiohttp.ClientSession() as http:
        host = HostProcess(simulator.url, tmp_path, WITH_TIMERS)
        product = Product(simulator.url, await host.start(), http)
        await product.azure(case)
        before = await product.state()
        await product.fault(
            method="DELETE",
            path_regex="/restorePointCollections/",
            times=1,
            action={"lro_hang": True},
        )
        await product.deliver(case["event"])
        incident = await product.incident_of(case["job_id"], ended=False)
        async with asyncio.timeout(20):
            while not any(
                each["kind"] == kind and each["phase"] == "intent"
                for each in await product.audit(incident["id"])
            ):
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        await host.end(signal.SIGKILL)
        # on a busy machine nothing was deleted yet: the next host must not hang
        await product.http.delete(f"{product.arm}/_sim/faults")

        second = HostProcess(simulator.url, tmp_path, WITH_TIMERS)
        product = Product(simulator.url, await second.start(), http)
        try:
            incident = await product.incident_of(case["job_id"], seconds=90)
            await settled(tmp_path)
            entries = await product.audit(incident["id"])
            broken = broken_promises(
                before, await product.state(), await product.requests(), incident, entries
            )
        finally:
            await second.end(signal.SIGTERM)
    assert broken == [], "\n".join(str((e["kind"], e["phase"], e["result"][:90])) for e in entries)
    assert incident["status"] in ("fixed", "needs_person")
