"""One run: failures, faults, a person's hands, and then rest and judgement."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

from command_line.demo_checks import locks_of
from shared.incident.view import incident_json
from tests.faults.azure import Failure
from tests.faults.judge import judge
from tests.faults.world import Fault, World, wall_offset


class Outcome:
    """What a run came to."""

    def __init__(
        self, broken: dict[str, list[str]], world: World, incidents: list[dict[str, Any]], requests: list[dict[str, Any]]
    ) -> None:
        self.broken = {name: found for name, found in broken.items() if found}
        self.boundaries = list(world.boundaries)
        self.incidents = incidents
        self.requests = requests
        self.hands = list(world.hands)


async def run(
    folder: Path,
    state: dict[str, Any],
    failures: list[Failure],
    faults: dict[int, Fault] | None = None,
    *,
    lose_engine: bool = True,
    deliveries: int = 1,
    settings: dict[str, Any] | None = None,
) -> Outcome:
    """Raises NeverAtRest when the system does not come to rest by itself."""
    async with World(folder, dict(faults or {}), lose_engine) as world:
        simulator = world.simulator.world
        simulator.replace_state(state)
        if settings:
            simulator.change_settings(settings)
        before = _dumped(simulator)
        world.expected = locks_of(before)  # type: ignore[attr-defined]  # a person's hand changes what is expected
        await asyncio.gather(*(world.deliver(failure.event) for failure in failures for _ in range(deliveries)))
        await world.rest(len(failures))
        app = world.living()
        incidents = [incident_json(incident) async for incident in app.book.all()]
        entries = [entry.to_json() async for entry in app.audit.entries()]
        requests = [asdict(each) for each in sorted(simulator.requests, key=lambda each: each.n)]
        after = _dumped(simulator)
        broken = judge(before, after, world.expected, requests, incidents, entries, wall_offset())  # type: ignore[attr-defined]
        return Outcome(broken, world, incidents, requests)


def _dumped(simulator: Any) -> dict[str, Any]:
    simulator.operations.settle()
    dumped: dict[str, Any] = simulator.state.dump()
    return dumped
