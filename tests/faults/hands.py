"""What people and other programs do between our looks: hands for `Fault("person",
{"does": …})`, for the VM of the first failure.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from local.promises import locks_of
from local.scenarios import parts
from local.simulator import clock, ids, jobs
from tests.faults.world import Hand, World

VM_ID = parts.machine_id("rg-one", "rg-one-vm1")
GROUP_ID = parts.group("rg-one")["id"]
OTHER_VM_ID = parts.machine_id("rg-one", "rg-one-vm10")
OWNER = "0e0f5a4e-0000-4000-8000-000000000001"


def tag(whose: str, value: str) -> Hand:
    def hand(world: World) -> None:
        world.simulator.world.state.get(whose)["tags"] = {"Backup-Remediation": value}  # type: ignore[index]

    return hand


def change(kind: str, name: str, value: Any) -> Hand:
    """Set one property of the only resource of that type."""

    def hand(world: World) -> None:
        (resource,) = world.simulator.world.state.of_type(kind)
        resource["properties"][name] = value

    return hand


def change_view(change_it: Callable[[dict[str, Any]], None]) -> Hand:
    """Change the VM's instance view."""

    def hand(world: World) -> None:
        vm = world.simulator.world.state.get(VM_ID)
        assert vm is not None
        change_it(vm["properties"]["instanceView"])

    return hand


def begin_job(vm_id: str = VM_ID, **changed: Any) -> Hand:
    """A job in the vault that does not end."""

    def hand(world: World) -> None:
        job = jobs.new_job(parts.vault_id(), str(uuid.uuid4()), vm_id, clock.now())
        job["properties"] |= changed
        world.simulator.world.state.put(job)

    return hand


def lock(scope: str, name: str, owner: str = "", level: str = "CanNotDelete") -> Hand:
    """Somebody makes a lock, which has to be there at the end."""

    def hand(world: World) -> None:
        made = parts.lock(scope, name, "made meanwhile", level, owner)
        world.simulator.world.state.put(made)
        world.expected |= locks_of({"resources": [made]})

    return hand


def lock_on_collection(*, of_a_point: bool = False) -> Hand:
    """Somebody locks exactly what would be deleted."""

    def hand(world: World) -> None:
        (collection,) = world.simulator.world.state.of_type(ids.COLLECTION)
        point = (
            f"/restorePoints/{collection['properties']['restorePoints'][0]['name']}"
            if of_a_point
            else ""
        )
        lock(collection["id"] + point, "keep-this")(world)

    return hand


def give_owner(world: World) -> None:
    """The lock comes to belong to an application."""
    (found,) = world.simulator.world.state.of_type(ids.LOCK)
    found["properties"]["owners"] = [{"applicationId": OWNER}]
    world.expected = locks_of({"resources": [found]})


def order(fault: dict[str, Any]) -> Hand:
    """From now on this fault of the simulator is in force."""

    def hand(world: World) -> None:
        world.simulator.world.faults.add(fault)

    return hand


def hide(path: str, method: str = "GET", **action: Any) -> Hand:
    """From now on ARM answers so, 403 where nothing else is said."""
    return order({"method": method, "path_regex": path, "action": action or {"status": 403}})


def show_again(world: World) -> None:
    world.simulator.world.faults.clear()
