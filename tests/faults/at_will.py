"""Late requests that land, and frozen processes that wake, when a test says so: the
order of a trace does not depend on who is faster."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from local.promises import LOCK, kind_of
from local.simulator.late import LateRequests
from tests.faults.fault import Fault, Hand
from tests.faults.process import Process
from tests.faults.world import World

FOR_EVER = 600.0
"""Seconds; longer than any run."""
FROZEN = Fault("freeze", {"seconds": FOR_EVER})
ONE_LOCK = r"/providers/Microsoft\.Authorization/locks/[^/]+$"
"""The path of a request for one lock, not of a list."""
LOCK_WRITES = ("before ARM DELETE locks", "before ARM PUT locks")
NEW_WINDOW = "before store transact windows insert"


class Held(LateRequests):
    """Requests without an answer that take effect when they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[Callable[[], Awaitable[None]]] = []

    def __len__(self) -> int:
        return len(self._held)

    def add(self, seconds: float, take_effect: Callable[[], Awaitable[None]]) -> None:  # noqa: ARG002
        self._held.append(take_effect)

    async def let_go(self) -> None:
        held, self._held = self._held, []
        for take_effect in held:
            await take_effect()


def hold(method: str) -> Hand:
    """The next request of this method for a lock has no answer, and takes effect when
    `land` says so."""

    def hand(world: World) -> None:
        simulator = world.simulator.world
        if not isinstance(simulator.late, Held):
            simulator.late = Held()
        order(world, method, effect_after_s=FOR_EVER)

    return hand


async def land(world: World) -> None:
    held = world.simulator.world.late
    assert isinstance(held, Held) and len(held), "nothing is held"
    await held.let_go()


def order(world: World, method: str, **action: Any) -> None:
    """The simulator does this to the next request of this method for one lock."""
    fault = {"method": method, "path_regex": ONE_LOCK, "times": 1, "action": action}
    world.simulator.world.faults.add(fault)


def together(*hands: Hand) -> Hand:
    """One after the other."""

    async def hand(world: World) -> None:
        for each in hands:
            done = each(world)
            if done is not None:
                await done

    return hand


def writes_of(requests: Any) -> list[str]:
    """The methods of the requests that write a lock; a late one stands where it was
    sent."""
    return [
        each["method"]
        for each in requests
        if kind_of(each["path"]) == LOCK and each["method"] != "GET"
    ]


class Woken:
    """The frozen processes of a run, and what they did once they woke."""

    def __init__(self) -> None:
        self._world: World | None = None
        self._since = 0
        self._who: list[Process] = []

    def wake(self, world: World) -> None:
        """They go on from here."""
        self._world, self._since = world, len(world.boundaries)
        self._who = [each for each in world.processes if each.given_up.is_set() and not each.dead]
        assert self._who, "nobody is frozen"
        for process in self._who:
            process.wake()

    async def wake_to_the_end(self, world: World) -> None:
        """They go on, and nothing else in the process that strikes here, until they
        have come to their end."""
        self.wake(world)
        async with asyncio.timeout(60):
            while world.zombies:
                await asyncio.sleep(0.01)

    @property
    def lock_writes(self) -> list[str]:
        """The methods with which they wrote locks, until they opened another window;
        without what they were about to send when they froze."""
        assert self._world is not None, "nobody was woken"
        done = zip(self._world.boundaries, self._world.actors, strict=True)
        theirs = [label for label, actor in list(done)[self._since :] if actor in self._who]
        before = itertools.takewhile(lambda each: each != NEW_WINDOW, theirs)
        return [each.split()[2] for each in before if each in LOCK_WRITES]
