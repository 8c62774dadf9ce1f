"""Shared by the tests of the local host: a running host with the sample app, and a
client for it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local.host.server import Host

APPS = Path(__file__).parent / "apps"


class RequestLost(Exception):
    """The worker died while it held the request: the host answers 500, as in Azure."""


@dataclass
class Running:
    """A running host, and the folder in which its app notes its calls."""

    host: Host
    http: aiohttp.ClientSession
    data: Path

    @property
    def url(self) -> str:
        return self.host.url

    def notes(self, name: str) -> list[str]:
        path = self.data / name
        return path.read_text().splitlines() if path.exists() else []

    async def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call the durable client inside the app."""
        body = {"call": method, "args": args, "kwargs": kwargs}
        async with self.http.post(f"{self.url}/api/durable", json=body) as response:
            text = await response.text()
        if response.status == 500 and not text:
            raise RequestLost(method)
        return json.loads(text)

    async def start(self, name: str, value: Any = None, instance_id: str | None = None) -> str:
        result = await self.call("start_new", name, instance_id, value)
        assert isinstance(result, str), result
        return result

    async def status(self, instance_id: str) -> dict[str, Any]:
        return dict(await self.call("get_status", instance_id))

    async def wait_for_end(self, instance_id: str, timeout: float = 15) -> dict[str, Any]:
        """Wait for the end of an orchestration."""
        return await self.wait_for_status(
            instance_id, ("Completed", "Failed", "Terminated"), timeout
        )

    async def wait_for_status(
        self, instance_id: str, wanted: tuple[str, ...], timeout: float = 15
    ) -> dict[str, Any]:
        status: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout):
                while status.get("runtimeStatus") not in wanted:
                    # A lost request says nothing about the orchestration: ask again.
                    with contextlib.suppress(RequestLost):
                        status = await self.status(instance_id)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{instance_id} did not reach {wanted}: {status}") from None
        return status

    async def state(self) -> dict[str, Any]:
        async with self.http.get(f"{self.url}/_host/state") as response:
            return dict(await response.json())


async def until(condition: Callable[[], Any], timeout: float = 10) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.03)


def sample_env(data: Path, **more: str) -> dict[str, str]:
    return {
        "SAMPLE_DATA": str(data),
        "SAMPLE_HUB": "tests",
        "SAMPLE_SCHEDULE": "0 0 0 1 1 *",
        "SAMPLE_TIMEOUT": "00:10:00",
        **more,
    }


@pytest.fixture
def sample(tmp_path: Path) -> Callable[..., Any]:
    """Start the sample app: `async with sample(NAME="value") as running`."""

    class _Start:
        def __init__(self, **env: str) -> None:
            self._host = Host(0, tmp_path / "host", sample_env(tmp_path, **env), APPS / "sample")
            self._session: aiohttp.ClientSession | None = None

        async def __aenter__(self) -> Running:
            await self._host.__aenter__()
            self._session = aiohttp.ClientSession()
            return Running(self._host, self._session, tmp_path)

        async def __aexit__(self, *details: Any) -> None:
            assert self._session is not None
            await self._session.close()
            await self._host.__aexit__(*details)

    return _Start


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """One host for all tests of a module; for tests that leave nothing behind."""
    data = tmp_path_factory.mktemp("shared")
    async with (
        Host(0, data / "host", sample_env(data), APPS / "sample") as host,
        aiohttp.ClientSession() as session,
    ):
        yield Running(host, session, data)


@pytest.fixture
async def running(sample: Callable[..., Any]) -> AsyncIterator[Running]:
    async with sample() as started:
        yield started
