"""Starts and stops the simulator, on 127.0.0.1 only."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from local import scenarios
from local.simulator import gateway
from local.simulator.control import Control
from local.simulator.errors import PortInUse
from local.simulator.world import World

HOST = "127.0.0.1"
LARGEST_STATE_BYTES = 256 * 1024 * 1024


class Simulator:
    """An async context manager that listens while it is entered, in the running event
    loop.

    `state` is the JSON of GET /_sim/state (a scenario is one as well); StateError when
    it cannot be. Port 0 takes a free one; entering raises PortInUse when the port is
    taken. `monotonic`: the clock that operations go by.
    """

    def __init__(
        self,
        port: int = 0,
        state: dict[str, Any] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.world = World(state, monotonic)
        self.port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def __aenter__(self) -> Self:
        runner = web.AppRunner(_app(self.world), access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self.port).start()
        except OSError as error:
            await runner.cleanup()
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                raise PortInUse(
                    f"port {self.port} on {HOST} cannot be used: {os.strerror(error.errno)}"
                ) from error
            raise
        self.port = runner.addresses[0][1]
        self._runner = runner
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._runner:
            await self._runner.cleanup()
            self._runner = None


def run(port: int, scenario: str | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Prints one line of JSON when ready; each request
    is a line on standard error.

    Raises ScenarioError, StateError or PortInUse before anything is printed.
    """
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    state = scenarios.load(scenario) if scenario else None
    asyncio.run(_serve(port, state))


async def _serve(port: int, state: dict[str, Any] | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Simulator(port, state) as simulator:
        print(json.dumps({"ready": True, "url": simulator.url}), flush=True)
        await stop.wait()


def _app(world: World) -> web.Application:
    async def arm(request: web.Request) -> web.StreamResponse:
        return await gateway.serve(world, request)

    app = web.Application(client_max_size=LARGEST_STATE_BYTES)
    app.add_routes([*Control(world).routes(), web.route("*", "/{path:.*}", arm)])
    return app
