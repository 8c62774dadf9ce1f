"""One run: failures, faults, a person's hands, and then rest and judgement."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.promises import COLLECTION, EXTENSION, kind_of, locks_of
from local.simulator.state import State
from local.simulator.world import World as Simulated
from shared.incident.view import incident_json
from tests.faults.azure import Failure
from tests.faults.fault import Fault, Place
from tests.faults.judge import judge, wall_offset
from tests.faults.world import World


class Outcome:
    """What a run came to."""

    def __init__(
        self,
        broken: dict[str, list[str]],
        world: World,
        incidents: list[dict[str, Any]],
        requests: list[dict[str, Any]],
        entries: list[dict[str, Any]],
        after: dict[str, Any],
    ) -> None:
        self.broken = {name: found for name, found in broken.items() if found}
        self.boundaries = list(world.boundaries)
        self.activities = list(world.activities)
        self.incidents = incidents
        self.requests = requests
        self.entries = entries
        self.after = after
        self.struck = list(world.struck)


async def run(
    folder: Path,
    state: dict[str, Any],
    failures: list[Failure],
    faults: dict[Place, Fault] | None = None,
    *,
    lose_engine: bool = True,
    deliveries: int = 1,
    settings: dict[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    waiting: bool = False,
    hosts: int = 1,
) -> Outcome:
    """`settings` are the simulator's, `environment` the app's; `waiting`: an incident
    that waits for its time is at rest; each of the `hosts` is given every event.

    Raises NeverAtRest when the system does not come to rest by itself.
    """
    async with World(
        folder,
        dict(faults or {}),
        lose_engine,
        environment=dict(environment or {}),
        host_count=hosts,
    ) as world:
        simulator = world.simulator.world
        simulator.replace_state(state)
        if settings:
            simulator.change_settings(settings)
        before, removed = _dumped(simulator), _counted(simulator.state)
        world.at_first, world.expected = before, locks_of(before)
        await asyncio.gather(
            *(world.deliver(failure.event) for failure in failures for _ in range(deliveries))
        )
        await world.rest(len(failures), waiting=waiting)
        app = world.onlooker
        incidents = [incident_json(incident) async for incident in app.book.all()]
        entries = [entry.to_json() async for entry in app.audit.entries()]
        requests = [each.to_json() for each in sorted(simulator.requests, key=lambda each: each.n)]
        after = _dumped(simulator)
        removed.update(sent_again(simulator))
        turned = world.clock_offset != 0
        broken = judge(
            before,
            after,
            world.expected,
            requests,
            incidents,
            entries,
            None if turned else wall_offset(),
            removed,
            world.off_at_rest,
        )
        return Outcome(
            broken | {"crashes": world.crashes}, world, incidents, requests, entries, after
        )


def _counted(state: State) -> Counter[str]:
    """Counts from now on what goes away and is deleted by fixes."""
    removed: Counter[str] = Counter()
    remove = state.remove

    def counting(resource_id: str) -> None:
        if state.has(resource_id) and kind_of(resource_id) in (COLLECTION, EXTENSION):
            removed[resource_id.casefold()] += 1
        remove(resource_id)

    state.remove = counting  # type: ignore[method-assign]
    return removed


def sent_again(simulator: Simulated) -> Counter[str]:
    """Collections and extensions, by how often a DELETE was accepted while the
    operation of an earlier one ran, which did not hang."""
    started: set[str] = set()
    again: Counter[str] = Counter()
    for recorded in simulator.activity:
        operation = recorded.operation
        if recorded.method == "DELETE" and operation is not None:
            again[operation.target] += operation.id in started
            started.add(operation.id)
    return +again


def _dumped(simulator: Any) -> dict[str, Any]:
    simulator.operations.settle()
    dumped: dict[str, Any] = simulator.state.dump()
    return dumped
