"""What people and other programs do between our looks: hands for `Fault("person",
{"does": …})`, for the VM of the first failure.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from local.promises import COLLECTION, kind_of, locks_of
from local.scenarios import parts
from local.simulator import clock, ids, jobs
from tests.faults.fault import Hand

if TYPE_CHECKING:
    from tests.faults.world import World

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
    world.simulator.world.state.put(found)
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
