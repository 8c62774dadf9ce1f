"""/admin/functions/{name} runs a function now, as on the real host; /_host/… is for
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
    """Handlers of the host's own routes."""

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
        """Start a timer, Event Grid or activity function with `{"input": …}`: 202 when
        it has started."""
        function = self._functions.get(request.match_info["name"])
        if function is None:
            return web.Response(status=404)
        try:
            body = json.loads(await request.read() or b"{}")
        except ValueError as error:
            return web.Response(status=400, text=f"the body is not JSON: {error}")
        datum = _build_datum(function, body.get("input") if isinstance(body, dict) else None)
        if datum is None:
            return web.Response(
                status=400, text=f"this route does not run a {function.trigger_type}"
            )
        task = asyncio.create_task(self._run_in_background(function, datum))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return web.Response(status=202)

    async def state(self, _: web.Request) -> web.Response:
        """The state of worker, orchestrations and topic, as JSON."""
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
        """SIGKILL the worker; the supervisor starts another."""
        return web.json_response({"killed": self._worker.kill()}, status=202)

    async def stop(self) -> None:
        """Cancel what was started through /admin."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _orchestrations(self) -> list[dict[str, Any]]:
        answer = self._backend.QueryInstances(
            pb.QueryInstancesRequest(query=pb.InstanceQuery()), Call()
        )
        return [
            {"id": s.instanceId, "name": s.name, "status": runtime_status(s)}
            for s in answer.orchestrationState
        ]

    async def _run_in_background(self, function: Function, datum: Message) -> None:
        try:
            await self._invoker.run(function, datum)
        except WorkerGone as error:
            log.warning("%s was lost: %s", function.name, error)


def _build_datum(function: Function, value: Any) -> Message | None:
    """The trigger's datum, or None for a trigger that cannot be run this way."""
    if function.trigger_type == "timerTrigger":
        return timer_datum(datetime.now(UTC))
    if function.trigger_type in ("eventGridTrigger", "activityTrigger"):
        return json_datum(value if isinstance(value, str) else json.dumps(value))
    return None
