"""Takes work items from the task hub and has the worker do them.

Invariant: an item gets exactly one answer, or is given back to the hub when this host
stops before it has one. The death of the worker is an answer: the activity, or the
orchestration whose episode it ran, has failed. As in Azure, a Python worker's items are
not handed out again (TaskActivityShim.cs, TaskOrchestrationShim.cs).
"""

import asyncio
import logging
import threading
from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb

from local.host.durable.backend import Backend, Call
from local.host.durable.episodes import run_episode
from local.host.durable.work import run_activity
from local.host.functions import Functions
from local.host.invoker import Invoker
from local.host.settings import HostSettings

log = logging.getLogger("local.host.durable")


class Dispatcher:
    """One instance's share of the task hub's work."""

    def __init__(
        self, backend: Backend, functions: Functions, invoker: Invoker, settings: HostSettings
    ) -> None:
        self._backend = backend
        self._functions = functions
        self._invoker = invoker
        self._settings = settings
        self._orchestrators = asyncio.Semaphore(settings.max_orchestrators)
        self._activities = asyncio.Semaphore(settings.max_activities)
        self._call = Call()
        self._held: dict[asyncio.Task[None], Any] = {}
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to take work items. Call it on the event loop that is to run them."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._pump, args=(loop,), name="durable-work-items", daemon=True
        )
        self._thread.start()

    async def stop(self) -> None:
        """Take no more work. Items without an answer go back to the hub, which shows
        them again after the visibility timeout."""
        self._call.active = False
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        held = dict(self._held)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        for task, item in held.items():
            if task.cancelled():
                self._give_back(item)

    def _pump(self, loop: asyncio.AbstractEventLoop) -> None:
        for item in self._backend.GetWorkItems(pb.GetWorkItemsRequest(), self._call):
            loop.call_soon_threadsafe(self._take, item)

    def _take(self, item: Any) -> None:
        task = asyncio.create_task(self._work(item))
        self._held[task] = item
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        del self._held[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a work item was lost: the local host has a bug", exc_info=error)

    def _give_back(self, item: Any) -> None:
        seconds = self._settings.activity_visibility_seconds
        if item.HasField("orchestratorRequest"):
            seconds = self._settings.orchestrator_visibility_seconds
        self._backend.give_back(item, seconds)

    async def _work(self, item: Any) -> None:
        if item.HasField("orchestratorRequest"):
            async with self._orchestrators:
                episode = await run_episode(item, self._backend, self._functions, self._invoker.run)
            self._backend.CompleteOrchestratorTask(episode, self._call)
        else:
            async with self._activities:
                result = await run_activity(item, self._functions, self._invoker.run)
            self._backend.CompleteActivityTask(result, self._call)
