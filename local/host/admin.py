"""/admin/functions/{name} runs a function now, as the real host does; /_host/... is for
tests and for people."""

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from durabletask.internal import orchestrator_service_pb2 as pb

from local.host.channel import Message, json_datum
from local.host.durable.backend import Backend, Call
from local.host.durable.status import runtime_status
from local.host.errors import WorkerGone
from local.host.functions import Function, Functions
from local.host.invoker import Invoker
from local.host.process import Worker
from local.host.timers import timer_datum

log = logging.getLogger("local.host.admin")


class Admin:
    """Handlers beside the app's own."""

    def __init__(
        self,
        functions: Functions,
        invoker: Invoker,
        worker: Worker,
        backend: Backend,
        topic_counts: Callable[[], dict[str, int]],
    ) -> None:
        self._functions = functions
        self._invoker = invoker
        self._worker = worker
        self._backend = backend
        self._topic_counts = topic_counts
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, request: web.Request) -> web.Response:
        """Run a timer, Event Grid or activity function with `{"input": ...}`: 202 when
        it is under way."""
        function = self._functions.get(request.match_info["name"])
        if function is None:
            return web.Response(status=404)
        try:
            body = json.loads(await request.read() or b"{}")
        except ValueError as error:
            return web.Response(status=400, text=f"the body is not JSON: {error}")
        datum = _datum(function, body.get("input") if isinstance(body, dict) else None)
        if datum is None:
            return web.Response(
                status=400, text=f"a {function.trigger_type} is not run through this route"
            )
        task = asyncio.create_task(self._run_in_background(function, datum))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return web.Response(status=202)

    async def state(self, _: web.Request) -> web.Response:
        """What the host is doing."""
        return web.json_response(
            {
                "worker_pid": self._worker.pid,
                "worker_starts": self._worker.starts,
                "functions": [f.name for f in self._functions.all],
                "orchestrations": self._orchestrations(),
                "in_flight": self._worker.in_flight,
                "topic": self._topic_counts(),
            }
        )

    async def kill_worker(self, _: web.Request) -> web.Response:
        """SIGKILL the worker; the host starts another by itself."""
        return web.json_response({"killed": self._worker.kill()}, status=202)

    async def stop(self) -> None:
        """Wait for nothing that was started through /admin."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _orchestrations(self) -> list[dict[str, Any]]:
        found = self._backend.QueryInstances(
            pb.QueryInstancesRequest(query=pb.InstanceQuery()), Call()
        )
        return [
            {"id": s.instanceId, "name": s.name, "status": runtime_status(s)}
            for s in found.orchestrationState
        ]

    async def _run_in_background(self, function: Function, datum: Message) -> None:
        try:
            await self._invoker.run(function, datum)
        except WorkerGone as error:
            log.warning("%s was lost: %s", function.name, error)


def _datum(function: Function, given: Any) -> Message | None:
    if function.trigger_type == "timerTrigger":
        return timer_datum(datetime.now(UTC))
    if function.trigger_type in ("eventGridTrigger", "activityTrigger"):
        return json_datum(given if isinstance(given, str) else json.dumps(given))
    return None
