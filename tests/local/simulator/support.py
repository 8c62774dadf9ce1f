"""Shared by the simulator's tests: a small state, raw ARM requests, the real SDK
clients, and the OpenAPI of ARM."""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.core.pipeline.policies import SansIOHTTPPolicy

from local.scenarios import parts
from local.simulator import ids

SUB = parts.SUBSCRIPTION
VM_ID = parts.machine_id("rg-app", "vm1")
EXTENSION_ID = f"{VM_ID}/extensions/VMSnapshot"
GROUP_ID = ids.group_id(SUB, "rg-app")
COLLECTION_ID = f"{GROUP_ID}/providers/Microsoft.Compute/restorePointCollections/AzureBackup_vm1"
ITEM_ID = parts.item_id(VM_ID)
POLICY_ID = f"{parts.vault_id()}/backupPolicies/DefaultPolicy"
CONTAINER, ITEM = ITEM_ID.split("/")[-3], ITEM_ID.split("/")[-1]
JOB_ID = parts.guid("job", "support")
LOCKS = "providers/Microsoft.Authorization/locks"
ARM_REFERENCE = Path(__file__).resolve().parents[4] / "shared" / "arm"


def state(
    *more: dict[str, Any],
    os_type: str = "Windows",
    power: str = "running",
    ready: bool = True,
    extension: str | None = "Succeeded",
    points: int | None = 3,
    lock: str | None = None,
    vm: str = "vm1",
    vm_state: str = "",
    script: str = "",
) -> dict[str, Any]:
    """One protected VM with its extension and collection; `lock` is the level of a lock
    on its group, `script` the state of an extension of another product."""
    machine = parts.machine("rg-app", vm, os_type, power, ready)
    resources = [
        parts.group(parts.VAULT_GROUP),
        parts.group("rg-app"),
        machine,
        parts.interface("rg-app", vm),
    ]
    if extension:
        resources.append(parts.backup_extension(machine, extension))
    if vm_state:
        parts.set_vm_state(machine, vm_state)
    if script:
        resources.append(parts.script_extension(machine, script))
    if points is not None:
        resources.append(parts.collection("rg-app", f"AzureBackup_{vm}", machine, points))
    if lock:
        resources.append(parts.lock(GROUP_ID, "keep", "Keep this.", level=lock))
    resources += [parts.vault(), parts.protected_item(machine["id"])]
    resources.append(parts.failed_job(machine["id"], "BackUpOperationFailed", JOB_ID))
    return copy.deepcopy({"resources": [*resources, *more]})


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Any
    body: Any

    @property
    def code(self) -> str:
        return (
            self.body["error"]["code"]
            if isinstance(self.body, dict) and "error" in self.body
            else ""
        )


class Clock:
    """The simulator's clock: each reading moves it a little, and a test may turn it.

    So an operation runs for a number of requests, however slow the machine is.
    """

    READING_SECONDS = 0.0005

    def __init__(self) -> None:
        self._now = 1000.0

    def __call__(self) -> float:
        self._now += self.READING_SECONDS
        return self._now

    def turn(self, seconds: float) -> None:
        self._now += seconds


class Arm:
    """Raw requests with a token and an api-version, and the /_sim routes."""

    def __init__(self, session: aiohttp.ClientSession, url: str, clock: Clock) -> None:
        self.session, self.url, self.clock = session, url, clock

    async def send(
        self, method: str, path: str, body: Any = None, version: str = "2024-07-01", **query: str
    ) -> Reply:
        query = {"api-version": version, **{f"${name}": value for name, value in query.items()}}
        headers = {"Authorization": "Bearer sim"}
        async with self.session.request(
            method, self.url + path, params=query, json=body, headers=headers
        ) as answer:
            return Reply(answer.status, answer.headers, await _content(answer))

    async def get(self, path: str, version: str = "2024-07-01", **query: str) -> Reply:
        return await self.send("GET", path, None, version, **query)

    async def delete(self, path: str) -> Reply:
        return await self.send("DELETE", path)

    async def follow(self, address: str) -> Reply:
        """Poll an address that ARM returned."""
        headers = {"Authorization": "Bearer sim"}
        async with self.session.get(address, headers=headers) as answer:
            return Reply(answer.status, answer.headers, await _content(answer))

    async def finish(self, accepted: Reply) -> dict[str, Any]:
        """Wait for the operation that a 202 started; its last status."""
        assert accepted.status == 202, accepted.body
        async with asyncio.timeout(60):
            while True:
                status = (await self.follow(accepted.headers["Azure-AsyncOperation"])).body
                if status["status"] != "InProgress":
                    return dict(status)
                self.clock.turn(0.01)

    async def sim(self, method: str, what: str, body: Any = None) -> Reply:
        async with self.session.request(method, f"{self.url}/_sim/{what}", json=body) as answer:
            return Reply(answer.status, answer.headers, await _content(answer))

    async def state(self) -> dict[str, dict[str, Any]]:
        """Every resource, by the key of its id."""
        return {
            ids.key(each["id"]): each for each in (await self.sim("GET", "state")).body["resources"]
        }

    async def backup(self) -> dict[str, Any]:
        """Back up vm1; the properties of the job when it has ended."""
        status = await self.finish(await self.send("POST", f"{ITEM_ID}/backup", {"properties": {}}))
        return await self.wait_for_job(status["properties"]["jobId"])

    async def wait_for_job(self, job_id: str) -> dict[str, Any]:
        """The properties of the job when it has ended."""
        async with asyncio.timeout(60):
            while True:
                job = (await self.get(f"{parts.vault_id()}/backupJobs/{job_id}")).body["properties"]
                if job["status"] not in ("InProgress", "Cancelling"):
                    return dict(job)
                self.clock.turn(0.01)


async def _content(answer: aiohttp.ClientResponse) -> Any:
    if answer.content_type == "application/json":
        return await answer.json()
    return await answer.text()


class Token(SansIOHTTPPolicy):
    """Lets the SDK send a token over plain http."""

    def on_request(self, request: Any) -> None:
        request.http_request.headers["Authorization"] = "Bearer sim"


@asynccontextmanager
async def sdk(client: Any, url: str, **more: Any) -> AsyncIterator[Any]:
    """One of the real async clients, polling without a pause and without retries."""
    options = {"authentication_policy": Token(), "polling_interval": 0.01, "retry_total": 0, **more}
    async with client(object(), SUB, base_url=url, **options) as opened:
        yield opened


def openapi() -> Any:
    """The validator of ../shared/arm. Without that folder the test is skipped with a
    message."""
    path = ARM_REFERENCE / "validate.py"
    if not path.exists():
        pytest.skip(
            f"NOT CHECKED against ARM's OpenAPI: there is no {ARM_REFERENCE.parent.name}/arm beside"
            " the project"
        )
    if "arm_validate" not in sys.modules:
        spec = importlib.util.spec_from_file_location("arm_validate", path)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules["arm_validate"] = module
        spec.loader.exec_module(module)
    return sys.modules["arm_validate"].Spec
