"""A lock that cannot be put back: seen in health, on the page, on the command line; put
back by hand; a host that dies in a window."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from command_line.main import remediator
from local.host.command import environment
from local.promises import broken_promises
from local.simulator.server import Simulator
from tests.e2e.conftest import QUICK, Product, running, scenario
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


async def command(*arguments: str) -> Any:
    return await asyncio.to_thread(CliRunner().invoke, remediator, arguments)


async def test_a_lock_that_cannot_be_put_back_is_shown_everywhere_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMEDIATOR_RESTORE_PATIENCE_SECONDS", "0.3")  # of the commands
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
        assert "is off and not back" in page
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
        assert (restored.exit_code, "is back, identical" in restored.output) == (
            0,
            True,
        ), restored.output
        await product.timer("guardian")
        await asyncio.sleep(0.5)
        assert (await product.http.get(f"{product.app}/api/health")).status == 200
        assert "No lock is off." in (await command("locks", "list", *data)).output
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


class HostProcess:
    """`remediator serve` as a process of its own, to be killed."""

    def __init__(self, arm: str, data: Path) -> None:
        self.arm, self.data = arm, data

    async def start(self) -> str:
        env = (
            dict(os.environ)
            | environment({}, self.arm, self.data, None)
            | QUICK
            | {"LOCAL_HOST_TIMERS": "on"}
        )
        arguments = [
            "-m",
            "command_line.entry",
            "serve",
            "--port",
            "0",
            "--arm",
            self.arm,
            "--data",
            str(self.data),
        ]
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, env=env
        )
        assert self.process.stdout is not None
        ready = json.loads(await asyncio.wait_for(self.process.stdout.readline(), 60))
        return str(ready["url"])

    async def end(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        await self.process.wait()


@pytest.mark.parametrize("kind", ["lift_lock", "delete_restore_point_collection"])
async def test_a_host_that_is_killed_in_a_window_puts_the_lock_back_at_its_next_start(
    tmp_path: Path, kind: str
) -> None:
    """The durable state is in the host's memory: it is gone. The guardian at start-up
    has the ledger alone."""
    case = scenario(LOCKED)
    async with Simulator(0, case) as simulator, aiohttp.ClientSession() as http:
        host = HostProcess(simulator.url, tmp_path)
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

        second = HostProcess(simulator.url, tmp_path)
        product = Product(simulator.url, await second.start(), http)
        try:
            incident = await product.incident_of(case["job_id"], seconds=60)
            entries = await product.audit(incident["id"])
            broken = broken_promises(
                before, await product.state(), await product.requests(), incident, entries
            )
        finally:
            await second.end(signal.SIGTERM)
    assert broken == []
    assert incident["status"] in ("fixed", "needs_person")
