"""Starts and stops the simulator, on 127.0.0.1 only."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from local import scenarios
from local.serving import log_to_stderr, serve_until_signal
from local.simulator import gateway
from local.simulator.control import Control
from local.simulator.errors import PortInUse
from local.simulator.world import World

HOST = "127.0.0.1"
LARGEST_STATE_BYTES = 256 * 1024 * 1024


class Simulator:
    """The simulator as an async context manager; it listens while it is entered.

    `state` is the JSON of GET /_sim/state, or a scenario; raises StateError for an
    invalid one. Port 0 takes a free one; entering raises PortInUse when the port is
    taken. `monotonic` is the clock of operations and faults.
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
        runner = web.AppRunner(_build_application(self.world), access_log=None, shutdown_timeout=1)
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
            await self.world.late.cancel()
            self._runner = None


def run(port: int, scenario: str | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Prints one line of JSON when ready; each request
    is a line on standard error.

    Raises ScenarioError, StateError or PortInUse before anything is printed.
    """
    log_to_stderr()
    state = scenarios.load(scenario) if scenario else None
    asyncio.run(serve_until_signal(Simulator(port, state)))


def _build_application(world: World) -> web.Application:
    async def arm(request: web.Request) -> web.StreamResponse:
        return await gateway.serve(world, request)

    app = web.Application(client_max_size=LARGEST_STATE_BYTES)
    app.add_routes([*Control(world).routes(), web.route("*", "/{path:.*}", arm)])
    return app
