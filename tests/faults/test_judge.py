"""What counts as a lock lost, and as a fix made twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import AzureError

from tests.faults.azure import broken_extension, locked_groups
from tests.faults.fault import Fault, Place
from tests.faults.hands import GROUP_ID, VM_ID
from tests.faults.runs import run, sent_again
from tests.faults.wire import (
    DELETION,
    LOCK_ID,
    SOON,
    delete_lock,
)
from tests.faults.world import World


async def test_a_run_is_at_rest_only_when_the_wire_is_quiet(world: World) -> None:
    world.faults[DELETION] = Fault("late", SOON)
    with pytest.raises(AzureError):
        await delete_lock(world.process)
    await world.rest(0)
    assert world.simulator.world.in_flight == 0
    assert world.off_at_rest == set(world.expected)


async def test_a_lock_that_only_something_late_puts_back_was_lost(tmp_path: Path) -> None:
    """Nothing was left to do, and the lock was off: luck does not count."""

    async def unlucky(world: World) -> None:
        world.simulator.world.state.remove(LOCK_ID)
        (lock,) = [each for each in world.at_first["resources"] if each["id"] == LOCK_ID]

        async def lands() -> None:
            world.simulator.world.state.put(lock)

        world.simulator.world.late.add(1.0, lands)

    conclude: Place = ("episode after conclude_backup", 1)
    outcome = await run(
        tmp_path, *locked_groups({"rg-one": 1}), {conclude: Fault("person", {"does": unlucky})}
    )
    assert outcome.struck
    (lost,) = outcome.broken["locks lost"]
    assert lost.startswith("off when all was at rest")


@pytest.mark.parametrize("kind", ["collection", "extension"])
async def test_what_went_away_twice_was_fixed_twice(tmp_path: Path, kind: str) -> None:
    """Something that had gone was put back, and goes again."""
    state, failures = locked_groups({"rg-one": 1}) if kind == "collection" else broken_extension()
    (target,) = [
        each
        for each in state["resources"]
        if each["id"].endswith(
            "AzureBackup_rg-one-vm1" if kind == "collection" else "/extensions/VMSnapshot"
        )
    ]
    assert target["id"].startswith(VM_ID if kind == "extension" else GROUP_ID)

    def again(world: World) -> None:
        for _ in range(2):
            world.simulator.world.state.put(target)
            world.simulator.world.state.remove(target["id"])

    conclude: Place = ("episode after conclude_backup", 1)
    outcome = await run(tmp_path, state, failures, {conclude: Fault("person", {"does": again})})
    assert "fixed twice" in outcome.broken


@pytest.mark.parametrize(("fault", "again"), [({}, 1), ({"lro_hang": True}, 0)])
async def test_a_deletion_that_is_sent_again_while_the_first_is_on_its_way_counts(
    tmp_path: Path, fault: dict[str, Any], again: int
) -> None:
    """One that hangs may be sent again."""
    state, _ = broken_extension()
    async with World(tmp_path) as world:
        simulator = world.simulator.world
        simulator.replace_state(state)
        simulator.change_settings({"lro_s": {"extension_delete": 1000}})
        if fault:
            simulator.faults.add({"method": "DELETE", "times": 1, "action": fault})
        compute = world.process._clients_of("any").compute
        for _ in range(2):
            await compute.virtual_machine_extensions.begin_delete(
                "rg-one", "rg-one-vm1", "VMSnapshot", polling=False
            )
        assert sent_again(simulator).total() == again
