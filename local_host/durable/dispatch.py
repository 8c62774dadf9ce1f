"""Takes work items from the backend and has the worker do them.

Invariant: an item that was taken is worked on until it has an answer, however often the worker dies meanwhile; the
backend itself would forget it. So an activity may run more than once, as in Azure.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb

from local_host.durable.backend import Backend, Call
from local_host.durable.episodes import run_episode
from local_host.durable.work import run_activity, run_entity
from local_host.errors import WorkerGone
from local_host.functions import Functions
from local_host.invoker import Invoker
from local_host.settings import HostSettings

log = logging.getLogger("local_host.durable")

REDELIVERY_PAUSE_SECONDS = 0.1


class Dispatcher:
    """Runs the task hub's work."""

    def __init__(self, backend: Backend, functions: Functions, invoker: Invoker, settings: HostSettings) -> None:
        self._backend = backend
        self._functions = functions
        self._invoker = invoker
        self._orchestrators = asyncio.Semaphore(settings.max_orchestrators)
        self._activities = asyncio.Semaphore(settings.max_activities)
        self._call = Call()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def start(self) -> None:
        """Begin to take work items; must be called on the event loop that runs them."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._pump, args=(loop,), name="durable-work-items", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Take no more work, and drop what is in hand."""
        self._stopped = True
        self._call.active = False
        self._backend.stop()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _pump(self, loop: asyncio.AbstractEventLoop) -> None:
        for item in self._backend.GetWorkItems(pb.GetWorkItemsRequest(), self._call):
            if not self._stopped:
                loop.call_soon_threadsafe(self._take, item)

    def _take(self, item: Any) -> None:
        task = asyncio.create_task(self._work(item))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a work item was lost to a fault of the local host", exc_info=error)

    async def _work(self, item: Any) -> None:
        kind = item.WhichOneof("request")
        if kind == "orchestratorRequest":
            async with self._orchestrators:
                answer = await self._until_answered(lambda: run_episode(item, self._backend, self._functions, self._run))
            self._backend.CompleteOrchestratorTask(answer, self._call)
        elif kind == "activityRequest":
            async with self._activities:
                answer = await self._until_answered(lambda: run_activity(item, self._functions, self._run))
            self._backend.CompleteActivityTask(answer, self._call)
        else:
            async with self._activities:
                answer = await self._until_answered(lambda: run_entity(item, self._functions, self._run))
            self._backend.CompleteEntityTask(answer, self._call)

    @property
    def _run(self) -> Any:
        return self._invoker.run

    async def _until_answered(self, work: Callable[[], Awaitable[Any]]) -> Any:
        while True:
            try:
                return await work()
            except WorkerGone as error:
                log.warning("a work item is handed out again: %s", error)
                await asyncio.sleep(REDELIVERY_PAUSE_SECONDS)
