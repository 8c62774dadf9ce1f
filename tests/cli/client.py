"""The Azure CLI as a person runs it: a process for each command, its settings in a
folder of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.azure import Azure

PYTHON = Path(__file__).resolve().parents[2] / ".venv-azure-cli/bin/python"
LONGEST_SECONDS = 180
NOWHERE = "http://127.0.0.1:9"
"""The proxy for every host but 127.0.0.1: nothing listens there."""


@dataclass(frozen=True, slots=True)
class Ran:
    command: str
    code: int
    seconds: float
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Client:
    def __init__(self, folder: Path, ca: Path, azure: Azure) -> None:
        self.ran: list[Ran] = []
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AZURE_CONFIG_DIR": str(folder / "azure"),
            "AZURE_EXTENSION_DIR": str(folder / "extensions"),
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_CORE_NO_COLOR": "true",
            "AZURE_CORE_SURVEY_MESSAGE": "false",
            "AZURE_CORE_OUTPUT": "json",
            "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
            "REQUESTS_CA_BUNDLE": str(ca),
            "IDENTITY_ENDPOINT": azure.identity,
            "IDENTITY_HEADER": azure.secret,
            "HTTPS_PROXY": NOWHERE,
            "HTTP_PROXY": NOWHERE,
            "NO_PROXY": "127.0.0.1",
        }

    async def run(self, command: str) -> Ran:
        """Split the command as a shell would and run it. One that does not end within
        LONGEST_SECONDS is killed: code -9."""
        words = shlex.split(command)
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            PYTHON,
            "-m",
            "azure.cli",
            *words[1:],
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), LONGEST_SECONDS)
        except TimeoutError:
            process.kill()
            out, err = await process.communicate()
        finally:
            if process.returncode is None:  # make cli itself is being stopped
                process.kill()
        assert process.returncode is not None
        ran = Ran(command, process.returncode, time.monotonic() - began, out.decode(), err.decode())
        self.ran.append(ran)
        return ran

    async def sign_in(self, azure: Azure) -> None:
        """Register a cloud whose ARM is the simulator and sign in to it. Raises
        RuntimeError where the CLI refuses."""
        endpoints = {
            "resource-manager": azure.arm,
            "management": "https://management.core.windows.net/",
            "active-directory": azure.arm,
            "active-directory-resource-id": "https://management.core.windows.net/",
            "active-directory-graph-resource-id": "https://graph.windows.net/",
            "microsoft-graph-resource-id": "https://graph.microsoft.com/",
        }
        options = " ".join(f"--endpoint-{name} {url}" for name, url in endpoints.items())
        for command in (
            f"az cloud register --name Simulated --skip-endpoint-discovery {options}",
            "az cloud set --name Simulated",
            "az login --identity",
        ):
            ran = await self.run(command)
            if ran.code:
                raise RuntimeError(f"{command}: {ran.err}")
