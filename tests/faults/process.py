"""One worker process: an App of its own whose every effect passes a boundary."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, override

from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import AsyncHTTPPolicy

from shared.app import App
from shared.arm_ids import fold
from shared.azure.clients import AzureClients
from shared.errors import RowChanged, RowExists, StoreUnavailable
from shared.store.contract import Body, Row, Write
from tests.faults.fault import Died
from tests.faults.settings import SETTINGS

if TYPE_CHECKING:
    from tests.faults.world import World

PROCESS: ContextVar[Process] = ContextVar("process")
WORKER: ContextVar[Process | None] = ContextVar("worker", default=None)
"""The process that a task runs in; None: outside of all."""


class Process(App):
    """Its effects wait while it is frozen, and it has none once it is dead."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.dead = False
        self.given_up = asyncio.Event()
        """Set: the engine counts it as dead, whatever it still does."""
        self._awake = asyncio.Event()
        self._awake.set()
        super().__init__(
            SETTINGS | dict(world.environment) | {"REMEDIATOR_ARM_ENDPOINT": world.simulator.url}
        )
        self.__dict__["store"] = _EdgeStore(world, self)
        world.processes.append(self)

    @property
    def takes_work(self) -> bool:
        return not self.dead and not self.given_up.is_set()

    @property
    def running(self) -> set[asyncio.Task[Any]]:
        """Everything that runs in it, also what nobody waits for."""
        return {task for task in asyncio.all_tasks() if task.get_context().get(WORKER) is self}

    def freeze(self, seconds: float) -> None:
        self.given_up.set()
        self._awake.clear()
        asyncio.get_running_loop().call_later(seconds, self.wake)

    def wake(self) -> None:
        self._awake.set()

    async def stand_still(self) -> bool:
        """Returns once it is not frozen. True: it was cancelled meanwhile, by a time
        limit, for example, which can only be seen now."""
        cancelled = False
        while not self._awake.is_set():
            try:
                await self._awake.wait()
            except asyncio.CancelledError:
                cancelled = True
        return cancelled

    async def may_act(self) -> None:
        """Returns once it is not frozen. Raises Died, and CancelledError."""
        cancelled = await self.stand_still()
        if self.dead:
            raise Died
        if cancelled:
            raise asyncio.CancelledError

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
        self._process, self._world = process, process.world

    async def send(self, request: Any) -> Any:
        wire = request.http_request
        label = f"ARM {wire.method} {_kind_of(wire.url)}"
        fault = await self._world.boundary(self._process, f"before {label}", wire)
        if fault is not None and fault.kind == "die late":
            with self._world.all_late(wire, fault.args["seconds"]), contextlib.suppress(AzureError):
                await self.next.send(request)
            raise Died
        if fault is not None and fault.is_cancelled:
            with contextlib.suppress(AzureError):
                await self.next.send(request)
            await self._process.may_act()
            raise asyncio.CancelledError
        response = await self.next.send(request)
        await self._world.boundary(self._process, f"after {label}", wire)
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
        label = f" {body.get('state', row.key)}" if row.table in ("windows", "locks") else ""
        return await self._write(
            f"replace {row.table}{label}", partial(self._store.replace, row, body)
        )

    async def delete(self, row: Row) -> None:
        await self._write(f"delete {row.table}", partial(self._store.delete, row))

    async def transact(
        self, table: str, partition: str, writes: Sequence[Write]
    ) -> list[Row | None]:
        first = fold(type(writes[0]).__name__)
        return await self._write(
            f"transact {table} {first}", partial(self._store.transact, table, partition, writes)
        )

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        await self._may_read()
        return await self._store.get(table, partition, key)

    async def query(
        self, table: str, partition: str | None = None, **narrowed: Any
    ) -> AsyncIterator[Row]:
        await self._may_read()
        async for row in self._store.query(table, partition, **narrowed):
            yield row

    async def ping(self) -> None:
        await self._may_read()

    async def close(self) -> None:
        return

    async def _may_read(self) -> None:
        await self._reached()
        if self._world.store_reads_fail():
            raise StoreUnavailable("the store answers no read")

    async def _reached(self) -> None:
        await self._process.may_act()
        if self._world.store_is_down():
            raise StoreUnavailable("the store does not answer")

    async def _write[T](self, label: str, work: Callable[[], Awaitable[T]]) -> T:
        fault = await self._world.boundary(self._process, f"before store {label}")
        if fault is None or not fault.is_last_act:
            await self._reached()
        if fault is not None and fault.kind == "store lost":
            with contextlib.suppress(RowExists, RowChanged):
                await work()
            raise StoreUnavailable("the store's answer was lost")
        if fault is not None and fault.is_cancelled:
            with contextlib.suppress(RowExists, RowChanged):
                await work()
            await self._process.may_act()
            raise asyncio.CancelledError
        done = await work()
        await self._world.boundary(self._process, f"after store {label}")
        await self._reached()
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
