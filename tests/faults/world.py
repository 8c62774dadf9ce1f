"""Azure, the store, Event Grid and the durable engine around the real workflow, in one
process, with every effect under control.

Real: the workflow, the guardian's function, the orchestrator's generator, the SDK
clients over HTTP against the simulator, the SQLite store. Played: the durable engine,
Event Grid (sends again), and death: a process that died can have no effect.

The engine is as hard as the real one: what a dying worker held is failed, an activity
as well as an orchestration in its episode, and nothing is handed out again; it loses
its state where a fault says so; its HTTP API can answer 500 to everything.

A boundary is the moment before or after one ARM call or one store write of one process,
or an orchestrator's episode. Boundaries are numbered as they come; a fault is put on a
number, so no list of them is kept by hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import inspect
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, override

from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.policies import AsyncHTTPPolicy

import functions.guardian as guardian_shell
import functions.remediation as shells
import functions.starting as starting
from functions.orchestration import Stuck
from functions.starting import EngineSilent
from infra.roles import GRANTED
from local.promises import COLLECTION, kind_of, locks_of
from local.simulator import ids
from local.simulator.server import Simulator
from shared import clock
from shared.app import App
from shared.azure.clients import AzureClients
from shared.errors import RemediatorError, StoreUnavailable
from shared.store.contract import Body, Row, Write
from shared.store.sqlite import SqliteStore

SETTINGS = {
    "REMEDIATOR_SUBSCRIPTION_ID": "11111111-1111-1111-1111-111111111111",
    "REMEDIATOR_STORE": "sqlite:unused",
    "REMEDIATOR_MODE": "auto",
    "REMEDIATOR_POLL_SECONDS": "0.02",
    "REMEDIATOR_JOB_POLL_SECONDS": "0.05",
    "REMEDIATOR_BUSY_POLL_SECONDS": "0.05",
    "REMEDIATOR_GATHER_SECONDS": "3",
    "REMEDIATOR_GUARDIAN_GRACE_SECONDS": "0.2",
    "REMEDIATOR_LOST_AFTER_SECONDS": "0",
    "REMEDIATOR_RETRY_SECONDS": "0.5",
    "REMEDIATOR_CALL_TIMEOUT_SECONDS": "2",
    "REMEDIATOR_RESTORE_PATIENCE_SECONDS": "0.4",
    "REMEDIATOR_UNLOCK_WAIT_SECONDS": "1",
    "REMEDIATOR_WINDOW_SECONDS": "3",
    "REMEDIATOR_CHANGES_PER_HOUR": "100000",
}
PATIENT = {
    "REMEDIATOR_GATHER_SECONDS": "60",
    "REMEDIATOR_CALL_TIMEOUT_SECONDS": "60",
    "REMEDIATOR_RETRY_SECONDS": "60",
    "REMEDIATOR_RESTORE_PATIENCE_SECONDS": "60",
    "REMEDIATOR_UNLOCK_WAIT_SECONDS": "60",
    "REMEDIATOR_WINDOW_SECONDS": "80",
}
"""For runs without a fault: nothing is given up because this machine is slow."""
PATIENT_ALONE = PATIENT | {"REMEDIATOR_GATHER_SECONDS": "3"}
"""The same for one failure: nobody else will join its window, and a thirtieth of the
longest gathering is always waited."""
LRO = {"collection_delete": 0.03, "backup": 0.05, "backup_start": 0.02}
REST_SECONDS = float(os.environ.get("FAULT_REST_SECONDS", "90"))

PROCESS: ContextVar[Process] = ContextVar("process")


type Place = int | tuple[str, int] | tuple[str, str]
"""A boundary: the how-manieth of the run; its label and the how-manieth of that label;
or the first of its label once another label was passed."""
type Hand = Callable[[World], None] | Callable[[World], Awaitable[None]]
"""What a person, or somebody else's process, does at a boundary."""


class Died(BaseException):
    """The process was killed: no handler of its own may see this as an error to deal
    with."""


class EngineFault(Exception):
    """What the durable library raises: an activity that failed, a start that was
    refused."""


class NeverAtRest(AssertionError):
    pass


@dataclass
class Fault:
    """What happens at a boundary: die, reset, time-out, a status, an unreachable store,
    a silent engine, a person's hand, a jump of the clock."""

    kind: str
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class World:
    folder: Path
    faults: dict[Place, Fault] = field(default_factory=dict)
    lose_engine: bool = True
    """Whether a death takes the durable engine's state with it; else the engine fails
    what the worker held."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """App settings that differ from SETTINGS."""
    boundaries: list[str] = field(default_factory=list)
    times: dict[str, int] = field(default_factory=dict)
    struck: list[str] = field(default_factory=list)
    """Where faults really hit."""
    deaths: int = 0
    onlooker: Process = field(init=False)
    """Sees whether all is at rest; nothing happens to it."""
    buried: list[Process] = field(default_factory=list)
    """Processes that died; what they had open is closed at the end."""
    store_down_until: float = 0.0
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)
    """The locks that must be there at the end: those from before, as changed by a
    person's hand."""
    engine_silent: int = 0
    """How often the engine's HTTP API still answers 500."""
    ended: dict[str, str] = field(default_factory=dict)
    """The runtime status of orchestrations that have ended; what is in neither is gone.
    """
    crashes: list[str] = field(default_factory=list)
    """Errors that the product did not mean to raise."""
    clock_offset: float = 0.0
    at_first: dict[str, Any] = field(default_factory=dict)

    async def __aenter__(self) -> World:
        self.simulator = await Simulator().__aenter__()
        self.simulator.world.settings = self.simulator.world.settings.update(
            {"lro_s": LRO, "seed": 1, "allowed_actions": GRANTED}
        )
        self.store = SqliteStore(self.folder / "store.db")
        self.process, self.onlooker = Process(self), Process(self)
        self._now, clock.now = clock.now, self._turned_now
        self._the_app = shells.the_app
        for module in (shells, starting, guardian_shell):
            module.the_app = PROCESS.get  # type: ignore[assignment]
        return self

    async def __aexit__(self, *_: object) -> None:
        clock.now = self._now
        for module in (shells, starting, guardian_shell):
            module.the_app = self._the_app
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        for process in (self.process, self.onlooker, *self.buried):
            await process.close()
        await self.store.close()
        await self.simulator.__aexit__(None, None, None)

    def _turned_now(self) -> str:
        return clock.after(self._now(), self.clock_offset)

    # --- boundaries

    async def boundary(self, process: Process, label: str, request: Any = None) -> None:
        if process.dead:
            raise Died
        self.boundaries.append(label)
        self.times[label] = self.times.get(label, 0) + 1
        if (fault := self._fault_at(label)) is not None:
            self.struck.append(label)
            await self._strike(process, fault, label, request)

    def _fault_at(self, label: str) -> Fault | None:
        places: list[Place] = [len(self.boundaries) - 1, (label, self.times[label])]
        places += [(label, before) for before in self.times if before != label]
        return next((self.faults.pop(place) for place in places if place in self.faults), None)

    async def _strike(self, process: Process, fault: Fault, label: str, request: Any) -> None:
        if fault.kind == "die":
            process.dead = True
            self.deaths += 1
            raise Died
        if fault.kind == "store":
            self.store_down_until = asyncio.get_running_loop().time() + fault.args["seconds"]
        elif fault.kind == "engine":
            self.engine_silent = fault.args["answers"]
            if fault.args.get("die"):
                await self._strike(process, Fault("die"), label, request)
        elif fault.kind == "reset":
            if request is not None:
                raise ServiceResponseError("the connection was reset")
        elif fault.kind == "arm":
            if request is not None and label.startswith("before"):
                wanted = {
                    "method": request.method,
                    "path_regex": ".",
                    "times": fault.args.get("times", 1),
                    "action": fault.args["action"],
                }
                self.simulator.world.faults.add(wanted)
        elif fault.kind == "person":
            does = fault.args["does"]
            done = (HANDS[does] if isinstance(does, str) else does)(self)
            if inspect.isawaitable(done):
                await done
        elif fault.kind == "clock":
            self.clock_offset += fault.args["seconds"]
        else:
            raise ValueError(fault.kind)

    def store_is_down(self) -> bool:
        return asyncio.get_running_loop().time() < self.store_down_until

    # --- Event Grid, the engine, the guardian

    async def deliver(self, event: Any) -> None:
        """Until it is taken: Event Grid sends again what was not."""
        while True:
            process = self.living()
            PROCESS.set(process)
            try:
                taken = await process.intake.take(json.dumps(event), process.own_subscription)
            except (Died, StoreUnavailable):
                await asyncio.sleep(0.02)
                continue
            if await self._started(taken.starts):
                return

    async def _started(self, incident_ids: tuple[str, ...]) -> bool:
        try:
            for incident_id in incident_ids:
                await starting.ensure_running(_Client(self), incident_id)
        except (EngineSilent, EngineFault):
            await asyncio.sleep(0.02)
            return False
        return True

    def living(self) -> Process:
        if self.process.dead:
            self.buried.append(self.process)
            self.process = Process(self)
        return self.process

    def runs(self, incident_id: str) -> bool:
        return incident_id in self.tasks and not self.tasks[incident_id].done()

    def start(self, incident_id: str, given: dict[str, Any]) -> None:
        """Raises EngineFault for an id that runs."""
        if self.runs(incident_id):
            raise EngineFault(f"{incident_id} runs already")
        self.ended.pop(incident_id, None)
        self.tasks[incident_id] = asyncio.create_task(self._orchestrated(incident_id, given))

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
        except _Lost:
            return

    async def _executed(self, context: _Context) -> None:
        """One history of the orchestrator's own generator. Raises EngineFault where a
        worker died in an episode, _Lost where the engine lost its state, and whatever
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
                except (_Lost, asyncio.CancelledError):
                    raise
                except Exception as error:
                    logging.exception("an activity of an incident")
                    self.crashes.append(f"{type(error).__name__}: {error}")
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
            await self.boundary(process, f"episode after {name}")
        except Died as died:
            raise self._what_it_held(f"the orchestration after {name}") from died

    def _what_it_held(self, what: str) -> Exception:
        return (
            _Lost()
            if self.lose_engine
            else EngineFault(f"{what} failed: the language worker process exited")
        )

    async def _answered(self, task: Any) -> Any:
        if isinstance(task, list):
            results = await asyncio.gather(
                *(self._activity(*each) for each in task), return_exceptions=True
            )
            if failed := next((each for each in results if isinstance(each, BaseException)), None):
                raise failed
            return results
        if isinstance(task, datetime):
            await asyncio.sleep(max(0.0, (task - datetime.now(UTC)).total_seconds()))
            return None
        return await self._activity(*task)

    async def _activity(self, name: str, given: Any) -> Any:
        user_function = getattr(shells, name)._function.get_user_function()
        process = self.living()
        PROCESS.set(process)
        try:
            answer = json.loads(json.dumps(await user_function(json.loads(json.dumps(given)))))
        except Died as died:
            raise self._what_it_held(f"the activity {name}") from died
        except RemediatorError:
            if not process.dead:
                raise
        else:
            if not process.dead:
                return answer
        raise self._what_it_held(f"the activity {name}")

    async def guard(self) -> None:
        """One round of the guardian, as the timer would run it."""
        PROCESS.set(self.living())
        try:
            await guardian_shell.guardian._function.get_user_function().client_function(
                None, _Client(self)
            )
        except (Died, RemediatorError, EngineFault):
            return  # the timer runs again

    async def rest(self, jobs: int, *, waiting: bool = False) -> None:
        """Run on until nothing is left to do. Raises NeverAtRest. `waiting`: an
        incident that waits for its time is left to wait."""
        give_up = asyncio.get_running_loop().time() + REST_SECONDS
        while asyncio.get_running_loop().time() < give_up:
            await asyncio.sleep(0.05)
            await self.guard()
            if await self._at_rest(jobs, waiting):
                return
        raise NeverAtRest(f"after {REST_SECONDS} s: {await self._left()}")

    async def _at_rest(self, jobs: int, waiting: bool) -> bool:
        app = self.onlooker
        if self.store_is_down():
            return False
        incidents = [incident async for incident in app.book.all()]
        left = {
            incident.id for incident in incidents if waiting and str(incident.status) == "waiting"
        }
        if any(
            not task.done() for incident_id, task in self.tasks.items() if incident_id not in left
        ):
            return False
        ended = len(incidents) >= jobs and all(
            incident.ended or incident.id in left for incident in incidents
        )
        return ended and not await app.ledger.open_locks() and not await app.windows.all()

    async def _left(self) -> Any:
        app = self.onlooker
        return {
            "incidents": [
                (incident.id, incident.status, incident.reason) async for incident in app.book.all()
            ],
            "locks": await app.ledger.open_locks(),
            "windows": [held.window for held in await app.windows.all()],
            "tasks": [name for name, task in self.tasks.items() if not task.done()],
        }


def _locks_of_groups(world: World) -> list[dict[str, Any]]:
    """The bodies of the locks that were there at the start, whether they are on or off
    now."""
    return [each for each in world.at_first["resources"] if each["id"].casefold() in world.expected]


def _add_a_lock(world: World) -> None:
    for lock in _locks_of_groups(world):
        added = copy.deepcopy(lock) | {
            "id": lock["id"] + "-of-a-person",
            "name": lock["name"] + "-of-a-person",
        }
        world.simulator.world.state.put(added)
        world.expected |= locks_of({"resources": [added]})


def _change_the_lock(world: World) -> None:
    for lock in _locks_of_groups(world):
        changed = copy.deepcopy(lock)
        changed["properties"]["notes"] = "a person wrote this meanwhile"
        world.simulator.world.state.put(changed)
        world.expected |= locks_of({"resources": [changed]})


def _take_the_lock_off(world: World) -> None:
    for lock in _locks_of_groups(world):
        world.simulator.world.state.remove(lock["id"])
        del world.expected[lock["id"].casefold()]


def _remove(kind: str) -> Callable[[World], None]:
    def hand(world: World) -> None:
        state = world.simulator.world.state
        for each in list(world.at_first["resources"]):
            if kind_of(each["id"]) == kind and state.has(each["id"]):
                type(state).remove(state, each["id"])  # past the count of what the product removes

    return hand


def _open_a_session(world: World) -> None:
    for point in world.simulator.world.state.of_type(ids.RECOVERY_POINT):
        point["properties"]["isInstantIlrSessionActive"] = True


def _stop_protection(world: World) -> None:
    for item in world.simulator.world.state.of_type(ids.PROTECTED_ITEM):
        item["properties"]["protectionState"] = "ProtectionStopped"


def _make_a_point(state_of_point: str) -> Callable[[World], None]:
    def hand(world: World) -> None:
        for collection in world.simulator.world.state.of_type(ids.COLLECTION):
            point = copy.deepcopy(collection["properties"]["restorePoints"][-1])
            del point["id"]
            point["name"] += "1"
            point["properties"]["provisioningState"] = state_of_point
            collection["properties"]["restorePoints"].append(point)

    return hand


HANDS: dict[str, Hand] = {
    "adds a lock": _add_a_lock,
    "changes the lock": _change_the_lock,
    "takes the lock off": _take_the_lock_off,
    "deletes the collection": _remove(COLLECTION),
    "opens a file-recovery session": _open_a_session,
    "stops the protection": _stop_protection,
    "begins a restore point": _make_a_point("Creating"),
    "makes a restore point": _make_a_point("Succeeded"),
    "deletes the VM": _remove("microsoft.compute/virtualmachines"),
}


class _Lost(Exception):
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


class _Client:
    """The durable client, as far as the product uses it: what the engine's HTTP API
    answers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._orchestration_bindings = SimpleNamespace(rpc_base_url="http://engine/")

    async def _get_async_request(self, url: str) -> list[Any]:
        incident_id = url.removeprefix("http://engine/instances/")
        if self._is_silent():
            return [500, {"Message": "Something went wrong."}]
        if self._world.runs(incident_id):
            return [202, {"runtimeStatus": "Running"}]
        ended = self._world.ended.get(incident_id)
        return [200, {"runtimeStatus": ended}] if ended else [404, ""]

    async def start_new(self, name: str, instance_id: str, client_input: Any) -> str:
        assert name == "remediate"
        if self._is_silent():
            raise EngineFault("500: Something went wrong.")
        self._world.start(instance_id, client_input)
        return instance_id

    def _is_silent(self) -> bool:
        silent = self._world.engine_silent > 0
        self._world.engine_silent -= silent
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


class Process(App):
    """One worker process: an App of its own whose every effect passes a boundary."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.dead = False
        super().__init__(
            SETTINGS | dict(world.environment) | {"REMEDIATOR_ARM_ENDPOINT": world.simulator.url}
        )
        self.__dict__["store"] = _EdgeStore(world, self)

    def _clients_of(self, subscription_id: str) -> AzureClients:
        if subscription_id not in self._clients:
            self._clients[subscription_id] = _EdgeClients(self)
        return self._clients[subscription_id]

    async def close(self) -> None:
        for clients in self._clients.values():
            await clients.close()


class _EdgeClients(AzureClients):
    def __init__(self, process: Process) -> None:
        super().__init__(process.settings, process.settings.subscription_id)
        self._process = process

    @override
    def _build_options(self, sign_in: Any) -> dict[str, Any]:
        """A policy of its own for each client: it knows its successor, down to the
        client's transport."""
        return super()._build_options(sign_in) | {"per_call_policies": [_EdgePolicy(self._process)]}


class _EdgePolicy(AsyncHTTPPolicy):  # type: ignore[type-arg]
    def __init__(self, process: Process) -> None:
        self._process = process

    async def send(self, request: Any) -> Any:
        wire = request.http_request
        label = f"ARM {wire.method} {_kind_of(wire.url)}"
        await self._process.world.boundary(self._process, f"before {label}", wire)
        response = await self.next.send(request)
        await self._process.world.boundary(self._process, f"after {label}", wire)
        return response


class _EdgeStore:
    """The shared store as one process reaches it."""

    def __init__(self, world: World, process: Process) -> None:
        self._world, self._process, self._store = world, process, world.store

    async def insert(self, table: str, partition: str, key: str, body: Body) -> Row:
        label = f" {body['phase']} {body['kind']}" if table == "audit" else ""
        return await self._write(
            f"insert {table}{label}", partial(self._store.insert, table, partition, key, body)
        )

    async def replace(self, row: Row, body: Body) -> Row:
        label = f" {body['state']}" if row.table in ("windows", "locks") else ""
        return await self._write(
            f"replace {row.table}{label}", partial(self._store.replace, row, body)
        )

    async def delete(self, row: Row) -> None:
        await self._write(f"delete {row.table}", partial(self._store.delete, row))

    async def transact(
        self, table: str, partition: str, writes: Sequence[Write]
    ) -> list[Row | None]:
        return await self._write(
            f"transact {table}", partial(self._store.transact, table, partition, writes)
        )

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        self._reached()
        return await self._store.get(table, partition, key)

    async def query(
        self, table: str, partition: str | None = None, **narrowed: Any
    ) -> AsyncIterator[Row]:
        self._reached()
        async for row in self._store.query(table, partition, **narrowed):
            yield row

    async def ping(self) -> None:
        self._reached()

    async def close(self) -> None:
        return

    def _reached(self) -> None:
        if self._process.dead:
            raise Died
        if self._world.store_is_down():
            raise StoreUnavailable("the store does not answer")

    async def _write[T](self, label: str, work: Callable[[], Awaitable[T]]) -> T:
        await self._world.boundary(self._process, f"before store {label}")
        self._reached()
        done = await work()
        await self._world.boundary(self._process, f"after store {label}")
        self._reached()
        return done


def _kind_of(url: str) -> str:
    """What a request is about: the type of the resource, or the action."""
    segments = url.split("?")[0].split("/providers/")[-1].split("/")
    return next(
        (
            segment
            for segment in reversed(segments[: -1 if len(segments) % 2 else None])
            if segment.isalpha()
        ),
        segments[-1],
    )


def wall_offset() -> float:
    """What to add to a monotonic time of the simulator to get the clock's."""
    import time

    return time.time() - time.monotonic()


def as_seconds(text: str) -> float:
    return clock.as_time(text).timestamp()
