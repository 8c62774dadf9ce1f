"""Azure, the store, Event Grid and the durable engine around the real workflow, in one
process, with every effect under control.

Real: the workflow, the guardian's function, the orchestrator's generator, the SDK
clients over HTTP against the simulator, the SQLite store. Played: the durable engine,
Event Grid (sends again), death (a process that died can have no effect), and what
strikes.py has.

A boundary is the moment before or after one ARM call or one store write of one process,
or an orchestrator's episode. Boundaries are numbered as they come; a fault is put on a
number, so no list of them is kept by hand.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import functions.guardian as guardian_shell
import functions.remediation as shells
import functions.starting as starting
from infra.roles import GRANTED
from local.promises import locks_of
from local.simulator.server import Simulator
from shared import clock
from shared.errors import RemediatorError
from shared.store.sqlite import SqliteStore
from tests.faults.fault import (
    Died,
    EngineFault,
    Fault,
    Hand,
    NeverAtRest,
    NotPlayable,
    Place,
)
from tests.faults.host import Host, Lost
from tests.faults.process import PROCESS, Process
from tests.faults.strikes import STRIKES, Moment, like

__all__ = [
    "PROCESS",
    "Died",
    "EngineFault",
    "Fault",
    "Hand",
    "NeverAtRest",
    "Place",
    "Process",
    "World",
]

LRO = {"collection_delete": 0.03, "backup": 0.05, "backup_start": 0.02}
REST_SECONDS = float(os.environ.get("FAULT_REST_SECONDS", "90"))


@dataclass
class World:
    folder: Path
    faults: dict[Place, Fault] = field(default_factory=dict)
    lose_engine: bool = True
    """Whether a death takes the durable engine's state with it; else the engine fails
    what the worker held."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """App settings that differ from SETTINGS."""
    host_count: int = 1
    """Hosts on the one store, each with an engine and a timer of its own. Each is given
    every event."""
    boundaries: list[str] = field(default_factory=list)
    actors: list[Process] = field(default_factory=list)
    """Whose each boundary was."""
    activities: list[str] = field(default_factory=list)
    """Labels of the activities that the engine ran."""
    times: dict[str, int] = field(default_factory=dict)
    struck: list[str] = field(default_factory=list)
    """Where faults really hit."""
    deaths: int = 0
    processes: list[Process] = field(default_factory=list)
    """All that there were; what they have open is closed at the end."""
    onlooker: Process = field(init=False)
    """Sees whether all is at rest; nothing happens to it."""
    left: set[asyncio.Task[Any]] = field(default_factory=set)
    """What the engine has given up, and goes on."""
    store_down_until: float = 0.0
    store_unread_until: float = 0.0
    expected: dict[str, Any] = field(default_factory=dict)
    """The locks that must be there at the end: those from before, as changed by a
    person's hand."""
    off_at_rest: set[str] = field(default_factory=set)
    """Those that were missing at a moment at which the product had nothing left to do,
    even if something late has put them back since."""
    engine_silent: int = 0
    """How often the engines' HTTP APIs still answer 500."""
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
        self.hosts = [Host(self) for _ in range(self.host_count)]
        self.onlooker = Process(self)
        self._now, clock.now = clock.now, self._turned_now
        self._the_app = shells.the_app
        for module in (shells, starting, guardian_shell):
            module.the_app = PROCESS.get  # type: ignore[assignment]
        return self

    async def __aexit__(self, *_: object) -> None:
        clock.now = self._now
        for module in (shells, starting, guardian_shell):
            module.the_app = self._the_app
        tasks = {task for host in self.hosts for task in host.tasks.values()}
        for process in self.processes:
            process.dead = True
            process.wake()
            tasks |= process.running
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for process in self.processes:
            await process.close()
        await self.store.close()
        await self.simulator.__aexit__(None, None, None)

    def _turned_now(self) -> str:
        return clock.after(self._now(), self.clock_offset)

    @property
    def host(self) -> Host:
        """The first one."""
        return self.hosts[0]

    @property
    def process(self) -> Process:
        return self.host.process

    @property
    def tasks(self) -> dict[str, asyncio.Task[None]]:
        return self.host.tasks

    def living(self) -> Process:
        return self.host.living()

    # --- boundaries

    async def boundary(self, process: Process, label: str, request: Any = None) -> Fault | None:
        """Returns the fault that struck, if the process lives on with it. Raises Died,
        and what the fault makes of the call."""
        await process.may_act()
        self.boundaries.append(label)
        self.actors.append(process)
        self.times[label] = self.times.get(label, 0) + 1
        place = self._place_of(label)
        if place is None:
            return None
        fault = self.faults.pop(place)
        try:
            self.struck.append(label)
            struck = await STRIKES[fault.kind](Moment(self, process, label, request), fault)
        except NotPlayable as error:
            self.struck.remove(label)
            if isinstance(place, int):
                return None
            self.crashes.append(f"{fault.kind}: {error}")
            raise
        return struck or fault

    def _place_of(self, label: str) -> Place | None:
        """The first place with a fault that this boundary is."""
        places: list[Place] = [len(self.boundaries) - 1, (label, self.times[label])]
        places += [(label, before) for before in self.times if before != label]
        return next((place for place in places if place in self.faults), None)

    def begin_activity(self, name: str) -> Fault | None:
        """The fault "twice", where it stands at this activity."""
        label = f"activity {name}"
        self.activities.append(label)
        fault = self.faults.pop((label, self.activities.count(label)), None)
        if fault is not None:
            self.struck.append(label)
            if fault.kind != "twice":
                self.crashes.append(f"{fault.kind}: {label!r} is no boundary")
                raise NotPlayable(self.crashes[-1])
        return fault

    @contextmanager
    def all_late(self, request: Any, seconds: float) -> Iterator[None]:
        """Meanwhile each request like this one, which its transport may send twice, is
        late."""
        faults = self.simulator.world.faults
        wanted = like(request) | {"action": {"effect_after_s": seconds}}
        faults.add(wanted)
        try:
            yield
        finally:
            faults._faults = [each for each in faults._faults if each.document != wanted]

    def store_is_down(self) -> bool:
        return asyncio.get_running_loop().time() < self.store_down_until

    def store_reads_fail(self) -> bool:
        return asyncio.get_running_loop().time() < self.store_unread_until

    @property
    def zombies(self) -> set[asyncio.Task[Any]]:
        """What goes on although the engine has given it or its process up."""
        given_up = [process for process in self.processes if process.given_up.is_set()]
        return self.left.union(*(process.running for process in given_up))

    def leave(self, task: asyncio.Task[Any]) -> None:
        """The engine no longer waits for it: it goes on as a zombie, to its own end."""
        self.left.add(task)
        task.add_done_callback(self._zombie_ended)

    def _zombie_ended(self, task: asyncio.Task[Any]) -> None:
        self.left.discard(task)
        error = None if task.cancelled() else task.exception()
        if not isinstance(error, RemediatorError | Died | EngineFault | Lost | None):
            self.crashes.append(f"a zombie: {type(error).__name__}: {error}")

    # --- to the end

    async def deliver(self, event: Any) -> None:
        """Give the event to every host, until each has taken it."""
        await asyncio.gather(*(host.deliver(event) for host in self.hosts))

    async def guard(self) -> None:
        """One round of each host's guardian, side by side."""
        await asyncio.gather(*(host.guard() for host in self.hosts))

    async def rest(self, jobs: int, *, waiting: bool = False) -> None:
        """Run on until nothing is left to do and nothing is in flight. Raises
        NeverAtRest. `waiting`: an incident that waits for its time is left to wait."""
        give_up = asyncio.get_running_loop().time() + REST_SECONDS
        while asyncio.get_running_loop().time() < give_up:
            await asyncio.sleep(0.05)
            await self.guard()
            if await self._at_rest(jobs, waiting):
                return
        raise NeverAtRest(f"after {REST_SECONDS} s: {await self._left()}")

    async def _at_rest(self, jobs: int, waiting: bool) -> bool:
        if self.zombies or not await self._nothing_left(jobs, waiting):
            return False
        there = locks_of(self.simulator.world.state.dump())
        self.off_at_rest |= {lock_id for lock_id in self.expected if lock_id not in there}
        return self.simulator.world.in_flight == 0

    async def _nothing_left(self, jobs: int, waiting: bool) -> bool:
        """Whether the product has nothing left to do."""
        app = self.onlooker
        if self.store_is_down() or self.store_reads_fail():
            return False
        incidents = [incident async for incident in app.book.all()]
        left = {
            incident.id for incident in incidents if waiting and str(incident.status) == "waiting"
        }
        if set(self._running()) - left:
            return False
        ended = len(incidents) >= jobs and all(
            incident.ended or incident.id in left for incident in incidents
        )
        return ended and not await app.ledger.open_locks() and not await app.windows.all()

    def _running(self) -> list[str]:
        return [
            incident_id
            for host in self.hosts
            for incident_id in host.tasks
            if host.runs(incident_id)
        ]

    async def _left(self) -> Any:
        app = self.onlooker
        return {
            "incidents": [
                (incident.id, incident.status, incident.reason) async for incident in app.book.all()
            ],
            "locks": await app.ledger.open_locks(),
            "windows": [held.window for held in await app.windows.all()],
            "tasks": self._running(),
            "zombies": len(self.zombies),
            "in flight": self.simulator.world.in_flight,
        }
