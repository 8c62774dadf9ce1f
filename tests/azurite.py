"""Azurite, Microsoft's storage emulator, for a test. It listens on free ports and ends
with the block."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

PROGRAM = Path(__file__).parent / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's published account and key: no secret."""


class Azurite:
    """A running Azurite with its data in memory."""

    def __init__(self, process: asyncio.subprocess.Process, ports: dict[str, int]) -> None:
        self.process = process
        self.ports = ports

    def connection_string(self, table_port: int | None = None) -> str:
        ports = self.ports | ({"table": table_port} if table_port else {})
        endpoints = ";".join(
            f"{name.title()}Endpoint=http://127.0.0.1:{port}/{ACCOUNT}"
            for name, port in ports.items()
        )
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};{endpoints};"

    async def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@contextlib.asynccontextmanager
async def azurite() -> AsyncIterator[Azurite]:
    """Raises RuntimeError with the remedy when Azurite is not installed or does not
    start."""
    if not PROGRAM.exists():
        raise RuntimeError("Azurite is not installed: run `make test`")
    ports = {name: _free_port() for name in ("blob", "queue", "table")}
    options = [
        part
        for name, port in ports.items()
        for part in (f"--{name}Host", "127.0.0.1", f"--{name}Port", str(port))
    ]
    process = await asyncio.create_subprocess_exec(
        "node",
        str(PROGRAM),
        "--inMemoryPersistence",
        "--skipApiVersionCheck",
        "--disableTelemetry",
        "--silent",
        *options,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "")},
    )
    running = Azurite(process, ports)
    try:
        await _ready(running)
        yield running
    finally:
        await running.stop()


async def _ready(running: Azurite) -> None:
    async with asyncio.timeout(60), aiohttp.ClientSession() as http:
        for port in running.ports.values():
            while True:
                if running.process.returncode is not None:
                    raise RuntimeError(
                        f"Azurite ended with {running.process.returncode} before it was ready"
                    )
                try:
                    async with http.get(f"http://127.0.0.1:{port}/{ACCOUNT}"):
                        break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
