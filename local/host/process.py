"""The supervisor: starts the worker, sends it invocations, restarts it when it dies.

Invariants: an invocation ends in exactly one of Result and WorkerGone. After `stop` the
child has been waited for.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.host.channel import CHANNEL_FD_VARIABLE, Message, pack, read_message
from local.host.errors import AppLoadError, HostError, WorkerGone

log = logging.getLogger("local.host.worker")

START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 5.0
RESTART_WAIT_SECONDS = 60.0
QUICK_DEATH_SECONDS = 2.0


@dataclass(frozen=True)
class Result:
    """The result of an invocation: `value` is the returned datum; `error` and
    `traceback` are set when not `ok`."""

    ok: bool
    value: Message | None
    error: str
    traceback: str


class Worker:
    """One supervised worker process at a time."""

    def __init__(
        self,
        app_dir: Path,
        env: Mapping[str, str],
        log_path: Path | None,
        function_timeout_seconds: float,
    ) -> None:
        self._app_dir = app_dir
        self._function_timeout_seconds = function_timeout_seconds
        self._env = dict(env)
        self._log_path = log_path
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Result]] = {}
        self._ready = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self.index: list[Message] = []
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """The child's process id, or None while there is none."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def in_flight(self) -> int:
        """How many invocations the worker holds now."""
        return len(self._waiting)

    async def start(self) -> None:
        """Start the worker and index the app. Raises AppLoadError with the worker's
        traceback."""
        reader = await self._spawn()
        self._supervisor = asyncio.create_task(self._supervise(reader))

    async def stop(self) -> None:
        """End the child and wait for it; invocations that it held end in WorkerGone."""
        # The supervisor first, or it could start another child while this one ends.
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
        if self._writer is not None:
            self._writer.close()
        if self._process is not None and self._process.returncode is None:
            try:
                await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_SECONDS)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        self._fail_waiting("the host has stopped")

    def kill(self) -> int | None:
        """SIGKILL the child, as a crash would; returns the pid it had."""
        pid = self.pid
        if pid is not None:
            self._ready.clear()  # from here on, invocations wait for the next worker
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pid

    async def wait_ready(self, timeout_seconds: float = RESTART_WAIT_SECONDS) -> None:
        """Wait until a worker accepts invocations. Raises WorkerGone when none does in
        time."""
        try:
            await asyncio.wait_for(self._ready.wait(), timeout_seconds)
        except TimeoutError as error:
            raise WorkerGone("the worker did not come back in time") from error

    async def invoke(self, name: str, inputs: Sequence[tuple[str, Message]]) -> Result:
        """Run one function in the worker. Raises WorkerGone when the worker dies
        meanwhile.

        As in Azure (WebScriptHostExceptionHandler.OnTimeoutExceptionAsync), a function
        that takes longer than `functionTimeout` kills the worker and everything that
        runs in it. The wait for a worker does not count.
        """
        # A loop: the worker may be gone again by the time that the wait ends.
        while not self._ready.is_set():
            await self.wait_ready()
        writer = self._writer
        assert writer is not None
        number = next(self._numbers)
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        message = {
            "op": "invoke",
            "id": number,
            "name": name,
            "inputs": list(inputs),
            "invocation_id": str(uuid.uuid4()),
        }
        try:
            writer.write(pack(message))
            await writer.drain()
        except ConnectionError as error:
            self._waiting.pop(number, None)
            future.cancel()
            raise WorkerGone("the worker ended before it took the invocation") from error
        try:
            return await asyncio.wait_for(future, self._function_timeout_seconds)
        except TimeoutError as error:
            self.kill()
            raise WorkerGone(
                f"Timeout value of {self._function_timeout_seconds:g} s exceeded by function:"
                f" {name}"
            ) from error

    async def _spawn(self) -> asyncio.StreamReader:
        ours, theirs = socket.socketpair()
        started = False
        try:
            with self._open_output() as output:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "local.host.worker"),
                    cwd=self._app_dir,
                    env=self._child_env(theirs.fileno()),
                    pass_fds=(theirs.fileno(),),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            started = True
        finally:
            theirs.close()
            if not started:
                ours.close()
        self.starts += 1
        reader, self._writer = await asyncio.open_connection(sock=ours, limit=1 << 20)
        await self._read_index(reader)
        return reader

    async def _read_index(self, reader: asyncio.StreamReader) -> None:
        try:
            message = await asyncio.wait_for(read_message(reader), START_TIMEOUT_SECONDS)
        except TimeoutError as error:
            await self._reap()
            raise AppLoadError(
                f"the app was not indexed within {START_TIMEOUT_SECONDS:.0f} s"
            ) from error
        if message is None:
            code = await self._reap()
            raise AppLoadError(
                f"the worker ended with code {code} while it loaded the app; see {self._log_name()}"
            )
        if message["op"] == "failed":
            await self._reap()
            raise AppLoadError(f"the app could not be indexed: {message['error']}")
        self.index = message["functions"]
        self._ready.set()

    async def _reap(self) -> int:
        assert self._process is not None
        if self._writer is not None:
            self._writer.close()
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        return await self._process.wait()

    async def _supervise(self, reader: asyncio.StreamReader) -> None:
        delay = 0.0
        while True:
            born = time.monotonic()
            await self._read_results(reader)
            code = await self._bury_worker()
            lived_seconds = time.monotonic() - born
            delay = 0.0 if lived_seconds > QUICK_DEATH_SECONDS else min(5.0, delay * 2 or 0.2)
            log.warning("the worker ended with code %s; starting another in %.1f s", code, delay)
            reader = await self._respawn(delay)

    async def _respawn(self, delay: float) -> asyncio.StreamReader:
        while True:
            await asyncio.sleep(delay)
            try:
                return await self._spawn()
            except (HostError, OSError) as error:
                delay = min(5.0, delay * 2 or 0.5)
                log.error("the worker did not restart, next try in %.1f s: %s", delay, error)

    async def _read_results(self, reader: asyncio.StreamReader) -> None:
        while (message := await read_message(reader)) is not None:
            future = self._waiting.pop(message["id"], None)
            if message.get("ignored_outputs"):
                log.warning(
                    "the local host does not support output bindings: %s",
                    message["ignored_outputs"],
                )
            if future is not None and not future.done():
                future.set_result(
                    Result(
                        message["ok"],
                        message["value"],
                        message["error"] or "",
                        message["traceback"] or "",
                    )
                )

    async def _bury_worker(self) -> int:
        """Reap the dead worker and fail what it held, with the message of the real
        host's WorkerProcessExitException. Returns its exit code."""
        self._ready.clear()
        code = await self._reap()
        self._fail_waiting(f"python exited with code {code if code >= 0 else 128 - code}")
        return code

    def _fail_waiting(self, reason: str) -> None:
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(WorkerGone(reason))

    def _child_env(self, descriptor: int) -> dict[str, str]:
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(p for p in (root, self._env.get("PYTHONPATH", "")) if p)
        return {
            **self._env,
            CHANNEL_FD_VARIABLE: str(descriptor),
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
        }

    def _open_output(self) -> Any:
        if self._log_path is None:
            return contextlib.nullcontext(sys.__stderr__)
        return self._log_path.open("ab")

    def _log_name(self) -> str:
        return str(self._log_path) if self._log_path else "standard error"
