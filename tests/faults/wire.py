"""What the tests of the played world send over the wire themselves."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.faults.fault import Place
from tests.faults.hands import GROUP_ID
from tests.faults.process import Process
from tests.faults.world import World

LOCK_ID = f"{GROUP_ID}/providers/Microsoft.Authorization/locks/keep-rg-one"
DELETION: Place = ("before ARM DELETE locks", 1)
FIRST_WRITE: Place = ("before store insert things", 1)
TEST_BODY = {"level": "CanNotDelete", "notes": "written by a test"}
SOON = {"seconds": 0.2}


def locks_at(process: Process) -> Any:
    return process._clients_of("any").locks.management_locks


async def delete_lock(process: Process) -> None:
    await locks_at(process).delete_by_scope(GROUP_ID, "keep-rg-one")


async def make_lock(process: Process) -> None:
    await locks_at(process).create_or_update_by_scope(GROUP_ID, "keep-rg-one", TEST_BODY)


def is_locked(world: World) -> bool:
    return world.simulator.world.state.has(LOCK_ID)


async def landed(world: World) -> None:
    async with asyncio.timeout(60):
        while world.simulator.world.in_flight:
            await asyncio.sleep(0.01)
