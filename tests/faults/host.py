"""One host of the app: its worker process and its durable engine, played, and what is
given to it from outside: events and the guardian's timer.

The engine is as hard as the real one: what a dying worker held is failed, an activity
as well as an orchestration in its episode, and nothing is handed out again; it loses
its state where a fault says so; its HTTP API can answer 500 to everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import json
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import functions.guardian as guardian_shell
import functions.remediation as shells
import functions.starting as starting
from functions.orchestration import Stuck
from functions.starting import EngineSilent
from shared.errors import RemediatorError, StoreUnavailable
from tests.faults.fault import Died, EngineFault
from tests.faults.process import PROCESS, WORKER, Process

if TYPE_CHECKING:
    from tests.faults.world import World


class Host:
    def __init__(self, world: World) -> None:
        self.world = world
        self.process = Process(world)
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.ended: dict[str, str] = {}
        """The runtime status of orchestrations that have ended; what is in neither is
        gone."""

    def living(self) -> Process:
        if not self.process.takes_work:
            self.process = Process(self.world)
        return self.process

    # --- Event Grid and the timer

    async def deliver(self, event: Any) -> None:
        """Until it is taken: Event Grid sends again what was not."""
        while True:
            process = self.living()
            PROCESS.set(process)
            take = process.intake.take(json.dumps(event), process.own_subscription)
            try:
                taken = await self.run_in(process, take)
            except (Died, StoreUnavailable):
                await asyncio.sleep(0.02)
                continue
            if await self._started(taken.starts):
                return

    async def _started(self, incident_ids: tuple[str, ...]) -> bool:
        try:
            for incident_id in incident_ids:
                await starting.ensure_running(Client(self), incident_id)
        except (EngineSilent, EngineFault):
            await asyncio.sleep(0.02)
            return False
        return True

    async def guard(self) -> None:
        """One round of the guardian, as the timer would run it."""
        guardian = guardian_shell.guardian._function.get_user_function().client_function
        try:
            await self.run_in(self.living(), guardian(None, Client(self)))
        except (Died, RemediatorError, EngineFault):
            return  # the timer runs again

    async def run_in[T](self, process: Process, work: Coroutine[Any, Any, T]) -> T:
        """Raises Died where the process died or was given up. If it was given up, the
        work goes on as a zombie."""
        context = contextvars.copy_context()
        context.run(PROCESS.set, process)
        context.run(WORKER.set, process)
        task = asyncio.create_task(work, context=context)
        given_up = asyncio.create_task(process.given_up.wait())
        try:
            await asyncio.wait({task, given_up}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            raise
        finally:
            given_up.cancel()
        if process.given_up.is_set():
            self.world.leave(task)
            raise Died
        return task.result()

    # --- orchestrations

    def runs(self, incident_id: str) -> bool:
        return incident_id in self.tasks and not self.tasks[incident_id].done()

    def start(self, incident_id: str, given: dict[str, Any]) -> None:
        """Raises EngineFault for an id that runs."""
        if self.runs(incident_id):
            raise EngineFault(f"{incident_id} runs already")
        self.ended.pop(incident_id, None)
        outside = contextvars.copy_context()
        outside.run(WORKER.set, None)
        self.tasks[incident_id] = asyncio.create_task(
            self._orchestrated(incident_id, given), context=outside
        )

    async def _orchestrated(self, incident_id: str, given: dict[str, Any]) -> None:
        """To its end, in as many histories as it wants."""
        again: dict[str, Any] | None = given
        try:
            while again is not None:
                context = _Context(json.loads(json.dumps(again)))
                await self._executed(context)
                again = context.again
            self.ended[incident_id] = "Completed"
        except (RemediatorError, Stuck, EngineFault):
            self.ended[incident_id] = "Failed"
        except Lost:
            return

    async def _executed(self, context: _Context) -> None:
        """One history of the orchestrator's own generator. Raises EngineFault where a
        worker died in an episode, Lost where the engine lost its state, and whatever
        the orchestrator raises."""
        generator = _orchestrator()(context)
        given: Any = None
        raised: Exception | None = None
        with contextlib.suppress(StopIteration):
            while True:
                task = generator.throw(raised) if raised else generator.send(given)
                given = raised = None
                try:
                    given = await self._answered(task)
                except (RemediatorError, EngineFault) as error:
                    raised = error
                except (Lost, asyncio.CancelledError):
                    raise
                except Exception as error:
                    logging.exception("an activity of an incident")
                    self.world.crashes.append(f"{type(error).__name__}: {error}")
                    raised = error
                await self._episode(task)

    async def _episode(self, task: Any) -> None:
        """The orchestrator goes on in a worker, which may die: then the orchestration
        has failed."""
        name = (
            "timer"
            if isinstance(task, datetime)
            else task[0][0]
            if isinstance(task, list)
            else task[0]
        )
        process = self.living()
        try:
            await self.run_in(process, self.world.boundary(process, f"episode after {name}"))
        except Died as died:
            raise self._what_it_held(f"the orchestration after {name}") from died

    def _what_it_held(self, what: str) -> Exception:
        return (
            Lost()
            if self.world.lose_engine
            else EngineFault(f"{what} failed: the language worker process exited")
        )

    async def _answered(self, task: Any) -> Any:
        if isinstance(task, list):
            results = await asyncio.gather(
                *(self.run_activity(*each) for each in task), return_exceptions=True
            )
            if failed := next((each for each in results if isinstance(each, BaseException)), None):
                raise failed
            return results
        if isinstance(task, datetime):
            await asyncio.sleep(max(0.0, (task - datetime.now(UTC)).total_seconds()))
            return None
        return await self.run_activity(*task)

    async def run_activity(self, name: str, given: Any) -> Any:
        if self.world.begin_activity(name) is None:
            return await self._once(self.living(), name, given)
        return await self._twice(name, given)

    async def _once(self, process: Process, name: str, given: Any) -> Any:
        user_function = getattr(shells, name)._function.get_user_function()
        try:
            done = await self.run_in(process, user_function(json.loads(json.dumps(given))))
            answer = json.loads(json.dumps(done))
        except Died as died:
            raise self._what_it_held(f"the activity {name}") from died
        except RemediatorError:
            if not process.dead:
                raise
        else:
            if not process.dead:
                return answer
        raise self._what_it_held(f"the activity {name}")

    async def _twice(self, name: str, given: Any) -> Any:
        """The answer of whichever comes first, or its error; a death is neither, while
        the other lives."""
        running = {
            asyncio.create_task(self._once(process, name, given))
            for process in (self.living(), Process(self.world))
        }
        try:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            if running and isinstance(next(iter(done)).exception(), Lost | EngineFault):
                done, running = await asyncio.wait(running)
        except asyncio.CancelledError:
            for task in running:
                task.cancel()
            await asyncio.wait(running)
            raise
        for task in running:
            self.world.leave(task)
        return next(iter(done)).result()


class Lost(Exception):
    """The engine's state of this orchestration is gone."""


class _Context:
    """The part of the durable context that the orchestrator uses."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self.again: dict[str, Any] | None = None
        """The input of the history that follows this one."""

    @property
    def current_utc_datetime(self) -> datetime:
        return datetime.now(UTC)

    def get_input(self) -> dict[str, Any]:
        return self._given

    def call_activity(self, name: str, given: Any) -> tuple[str, Any]:
        return name, given

    def task_all(self, tasks: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        return tasks

    def create_timer(self, moment: datetime) -> datetime:
        return moment

    def continue_as_new(self, given: dict[str, Any]) -> None:
        self.again = given


class Client:
    """The durable client, as far as the product uses it: what the engine's HTTP API
    answers."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._orchestration_bindings = SimpleNamespace(rpc_base_url="http://engine/")

    async def _get_async_request(self, url: str) -> list[Any]:
        incident_id = url.removeprefix("http://engine/instances/")
        if self._is_silent():
            return [500, {"Message": "Something went wrong."}]
        if self._host.runs(incident_id):
            return [202, {"runtimeStatus": "Running"}]
        ended = self._host.ended.get(incident_id)
        return [200, {"runtimeStatus": ended}] if ended else [404, ""]

    async def start_new(self, name: str, instance_id: str, client_input: Any) -> str:
        assert name == "remediate"
        if self._is_silent():
            raise EngineFault("500: Something went wrong.")
        self._host.start(instance_id, client_input)
        return instance_id

    def _is_silent(self) -> bool:
        world = self._host.world
        silent = world.engine_silent > 0
        world.engine_silent -= silent
        return silent


def _orchestrator() -> Callable[[Any], Any]:
    handle = shells.remediate._function.get_user_function()
    cells = [cell.cell_contents for cell in handle.__closure__]
    found = [each for each in cells if inspect.isgeneratorfunction(each)]
    if not found:
        found = [
            each.fn for each in cells if inspect.isgeneratorfunction(getattr(each, "fn", None))
        ]
    return found[0]
