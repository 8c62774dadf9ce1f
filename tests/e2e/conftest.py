"""The product as it runs: the deployed app in a child process on the local host,
against the simulator, over HTTP."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from infra.roles import GRANTED
from local import scenarios
from local.host.command import environment
from local.host.server import Host
from local.promises import changes_azure
from local.simulator.server import Simulator

QUICK = {
    "REMEDIATOR_MODE": "auto",
    "REMEDIATOR_POLL_SECONDS": "0.05",
    "REMEDIATOR_LATE_SECONDS": "1",
    "REMEDIATOR_JOB_POLL_SECONDS": "0.1",
    "REMEDIATOR_BUSY_POLL_SECONDS": "0.1",
    "REMEDIATOR_CHANGES_PER_HOUR": "1000",
    "REMEDIATOR_COOLING_HOURS": "0",
    "REMEDIATOR_BACKUPS_PER_DAY": "1000",
    "REMEDIATOR_RETRY_AFTER_SECONDS": "0.5",
    "REMEDIATOR_RETRY_SECONDS": "2",
    "REMEDIATOR_LOST_AFTER_SECONDS": "0.1",
    "REMEDIATOR_GATHER_SECONDS": "3",
    "REMEDIATOR_LEASE_SECONDS": "6",
    "REMEDIATOR_WATCH_SECONDS": "4",
    "REMEDIATOR_STALE_SECONDS": "0.5",
    "REMEDIATOR_GUARDIAN_GRACE_SECONDS": "0.2",
    "REMEDIATOR_RESTORE_PATIENCE_SECONDS": "5",
    "LOCAL_HOST_TIMERS": "off",
}
ENDED = ("fixed", "needs_person", "observed", "ignored", "failed")


@dataclass(frozen=True)
class Product:
    """A running product and the Azure that it sees."""

    arm: str
    app: str
    http: aiohttp.ClientSession

    async def azure(self, state: Mapping[str, Any]) -> None:
        """Replace everything that Azure holds, and forget faults."""
        await self.http.delete(f"{self.arm}/_sim/faults")
        names = ("resources", "hidden_extensions", "logs")
        held = {name: state[name] for name in names if name in state}
        answer = await self.http.put(f"{self.arm}/_sim/state", json=held)
        assert answer.status < 300, await answer.text()
        self._mark(len(await self._get(f"{self.arm}/_sim/requests")))

    def _mark(self, n: int) -> None:
        object.__setattr__(self, "_since", n)

    async def fault(self, **fault: Any) -> None:
        answer = await self.http.post(f"{self.arm}/_sim/faults", json=fault)
        assert answer.status < 300, await answer.text()

    async def state(self) -> dict[str, Any]:
        return await self._get(f"{self.arm}/_sim/state")

    async def requests(self) -> list[dict[str, Any]]:
        """Every ARM request since the state was set."""
        found = await self._get(f"{self.arm}/_sim/requests")
        return found[getattr(self, "_since", 0) :]

    async def changes(self) -> list[tuple[str, str]]:
        """(method, path) of every request that changes Azure."""
        return [
            (each["method"], each["path"]) for each in await self.requests() if changes_azure(each)
        ]

    async def alert(self, event: Any) -> int:
        return (await self.http.post(f"{self.app}/api/alerts", json=event)).status

    async def deliver(self, event: Any) -> int:
        """Straight to the Event Grid function, as a CloudEvent around the alert."""
        body = cloud_event(event)
        headers = {"Content-Type": "application/cloudevents+json", "aeg-event-type": "Notification"}
        url = f"{self.app}/runtime/webhooks/eventgrid?functionName=intake"
        return (await self.http.post(url, data=json.dumps(body), headers=headers)).status

    async def incidents(self) -> list[dict[str, Any]]:
        return await self._get(f"{self.app}/api/incidents")

    async def audit(self, incident_id: str) -> list[dict[str, Any]]:
        return await self._get(f"{self.app}/api/audit?incident={incident_id}")

    async def incident_of(
        self, job_id: str, *, ended: bool = True, seconds: float = 30
    ) -> dict[str, Any]:
        """The incident of a job, once it has ended. Timers are off: while it waits, the
        guardian comes by as it does each minute."""
        seen: dict[str, Any] = {}
        guarded_at = 0.0
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for incident in await self.incidents():
                        if incident["job_id"] == job_id:
                            seen = incident
                            if not ended or incident["status"] in ENDED:
                                return incident
                    now = asyncio.get_running_loop().time()
                    if seen.get("status") == "waiting" and now - guarded_at > 2:
                        guarded_at = now
                        await self.timer("guardian")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(
                f"no ended incident for job {job_id} after {seconds} s; last seen:"
                f" {json.dumps(seen, indent=1)[:3000]}"
            )

    async def timer(self, name: str) -> None:
        answer = await self.http.post(f"{self.app}/admin/functions/{name}", json={"input": ""})
        assert answer.status == 202

    async def _get(self, url: str) -> Any:
        answer = await self.http.get(url)
        assert answer.status == 200, await answer.text()
        return await answer.json()


def cloud_event(alert: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/azure-backup-remediator/bridge",
        "type": "AzureBackupRemediator.BackupAlert",
        "datacontenttype": "application/json",
        "data": alert,
    }


def scenario(name: str) -> dict[str, Any]:
    """A scenario under a job id of its own (`job_id`), so that one store can see it
    many times."""
    loaded = scenarios.load(name)
    old = loaded["event"]["data"]["alertContext"]["extendedInfo"]["jobId"]
    fresh = json.loads(json.dumps(loaded).replace(old, str(uuid.uuid4())))
    return fresh | {"job_id": fresh["event"]["data"]["alertContext"]["extendedInfo"]["jobId"]}


@asynccontextmanager
async def running(
    data: Path, storage: str | None = None, **settings: str
) -> AsyncIterator[Product]:
    async with Simulator() as simulator, aiohttp.ClientSession() as http:
        simulator.world.change_settings({"allowed_actions": GRANTED})
        env = environment({}, simulator.url, data, storage) | QUICK | settings
        async with Host(0, data, env) as host:
            yield Product(simulator.url, host.url, http)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    async with running(tmp_path_factory.mktemp("product")) as product:
        yield product


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def impatient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    """A product that gives up on an answer at once: in these cases none ever comes."""
    async with running(
        tmp_path_factory.mktemp("impatient"), REMEDIATOR_RETRY_SECONDS="0.2"
    ) as product:
        yield product
