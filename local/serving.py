"""Shared by the local host and the simulator: their log, and serving until a signal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sys
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Server(Protocol):
    """A server that listens; `url` is its address."""

    @property
    def url(self) -> str: ...


def log_to_stderr() -> None:
    """Log to standard error: standard output is for the ready line."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


async def serve_until_signal(server: AbstractAsyncContextManager[Server]) -> None:
    """Enter the server, print one line of JSON when it is ready, and leave it on
    SIGTERM or SIGINT, also while it still starts. Raises what entering raises."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(_serve(server))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def _serve(server: AbstractAsyncContextManager[Server]) -> None:
    async with server as running:
        print(json.dumps({"ready": True, "url": running.url}), flush=True)
        await asyncio.Event().wait()
