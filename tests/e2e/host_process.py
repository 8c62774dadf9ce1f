"""`remediator serve` as a process of its own, to be killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp

OURS = ("REMEDIATOR_", "LOCAL_HOST_")
START_SECONDS = 60


class HostProcess:
    """It has the given settings, and none of this process's own. Its log is
    `serve.log` in the data folder."""

    def __init__(self, arm: str, data: Path, settings: Mapping[str, str], *options: str) -> None:
        self.arm, self.data, self.settings, self.options = arm, data, settings, options
        self.url = ""
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> str:
        """Returns the address, once every function is loaded."""
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(OURS)}
        arguments = ("serve", "--port", "0", "--arm", self.arm, "--data", str(self.data))
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data / "serve.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "command_line.entry", *arguments, *self.options),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=inherited | dict(self.settings),
            )
        self.process = process
        assert process.stdout is not None
        ready = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        if not ready:
            raise RuntimeError(f"the host did not start; see {self.data / 'serve.log'}")
        self.url = str(json.loads(ready)["url"])
        return self.url

    async def find_worker(self) -> int:
        """The process id of its worker."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}/_host/state") as answer:
            return int((await answer.json())["worker_pid"])

    def send(self, number: signal.Signals) -> None:
        """Nothing where it has ended already, or has not begun."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)

    async def end(self, how: signal.Signals) -> None:
        """Signal it, and wait for its end."""
        self.send(how)
        if self.process is not None:
            await self.process.wait()
