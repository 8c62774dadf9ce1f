"""What becomes of things. Decided from the state at the moment when the operation ends.

A backup of a VM, in this order:

1. the VM is gone
   BCMV2VMNotFound
2. it runs and its agent is not Ready
   UserErrorGuestAgentStatusUnavailable
3. its VMSnapshot or VMSnapshotLinux extension is in provisioning state Failed
   ExtentionOperationFailed
4. Standard policy, its collections hold 18 points or more, other tools' included, and a
   lock keeps those of Azure Backup from being deleted
   BackUpOperationFailed
5. the extension is not there, and Azure Policy refuses it
   UserErrorRequestDisallowedByPolicy
6. otherwise it completes: old points are cleaned away where there are 18, the extension
   is back, a point is added to the collection and one of the same time to the vault

Under an agentless policy (snapshotConsistencyType OnlyCrashConsistent) agent and
extension play no part.

The removal of an extension: 409 while the VM does not run;
VMExtensionProvisioningTimeout while the agent is not Ready.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from local.simulator import clock, ids, machines, messages, policies, recovery_points
from local.simulator.ids import fold
from local.simulator.operations import Failure
from local.simulator.recovery_points import COLLECTION_PREFIX, ENHANCED, collections_of, source_of
from local.simulator.state import Resource, properties, text
from local.simulator.world import World

POINT_LIMIT = 18
KEPT_POINTS = 5
"""What the service leaves when it cleans up: instant restore keeps five days at most.
"""


def backup_failure(world: World, machine_id: str, item_id: str) -> str:
    """The error code with which a backup that ends now fails, "" when it completes."""
    machine = world.state.get(machine_id)
    if machine is None:
        return messages.VM_NOT_FOUND
    policy = recovery_points.policy_of(world.state, item_id)
    if not recovery_points.agentless(policy):
        if machines.running(machine) and not machines.agent_ready(machine):
            return messages.GUEST_AGENT
        extensions = machines.backup_extensions(world.state, machine_id)
        if any(fold(text(extension, "provisioningState")) == "failed" for extension in extensions):
            return messages.EXTENSION
    own = collections_of(world.state, machine_id)
    if _at_limit(world, machine_id, policy) and any(
        _points(each) and _locked(world, each) for each in own
    ):
        return messages.INTERNAL
    return messages.POLICY if _cannot_install(world, machine, policy) else ""


def _cannot_install(world: World, machine: Resource, policy: Resource | None) -> bool:
    """Whether the backup has to install its extension, and Azure Policy refuses that."""
    if recovery_points.agentless(policy) or machines.backup_extensions(world.state, machine["id"]):
        return False
    return policies.denied_extension(world.state, machines.new_backup_extension(machine))


def complete_backup(world: World, machine_id: str, item_id: str, moment: datetime) -> None:
    """The effects of a backup that succeeded."""
    machine = world.state.get(machine_id)
    if machine is None:
        return
    policy = recovery_points.policy_of(world.state, item_id)
    own = collections_of(world.state, machine_id)
    if _at_limit(world, machine_id, policy):
        for each in own:
            properties(each)["restorePoints"] = (properties(each).get("restorePoints") or [])[
                -KEPT_POINTS:
            ]
    if not recovery_points.agentless(policy):
        machines.put_backup_extension_back(world.state, machine, moment)
    alive = [each for each in own if fold(text(each, "provisioningState")) != "deleting"]
    _add_point(alive[-1] if alive else _new_collection(world, machine), machine, moment)
    if world.state.has(item_id):
        recovery_points.add(world.state, item_id, moment)


def extension_removal_failure(machine: Resource | None, name: str) -> Failure | None:
    """Why the removal of an extension of this VM will not succeed; None when it will."""
    if machine is not None and machines.agent_ready(machine):
        return None
    message = (
        f"Provisioning of VM extension '{name}' has timed out. "
        "Extension installation may be taking too long, or extension status could not be obtained."
    )
    return Failure("VMExtensionProvisioningTimeout", message)


def remove_collection(world: World, collection_id: str) -> None:
    collection = world.state.get(collection_id)
    if collection is not None:
        world.former_collections[ids.key(properties(collection)["source"]["id"])] = collection["id"]
    world.state.remove(collection_id)


def _at_limit(world: World, machine_id: str, policy: Resource | None) -> bool:
    """18 is the limit of a Standard policy, over every collection of the VM, whoever
    made it."""
    held = [
        _points(each)
        for each in world.state.of_type(ids.COLLECTION)
        if source_of(each) == ids.key(machine_id)
    ]
    return recovery_points.policy_type(policy) != ENHANCED and sum(held) >= POINT_LIMIT


def _points(collection: Resource) -> int:
    return len(properties(collection).get("restorePoints") or [])


def _locked(world: World, collection: Resource) -> bool:
    return bool(world.locks.blocking(world.state, "DELETE", collection["id"]))


def _new_collection(world: World, machine: Resource) -> Resource:
    """In the VM's own group as AzureBackup_<VM>, or like the last one where that
    carried today's digits."""
    parsed = ids.parse(machine["id"])
    group, name = ids.group_of(machine["id"]), f"{COLLECTION_PREFIX}{parsed.name}"
    former = world.former_collections.get(ids.key(machine["id"]), "")
    if former and world.state.has(ids.group_of(former)):
        group = ids.group_of(former)
        if re.search(r"_\d+$", former):
            name = f"{name}_{world.random.randrange(10**14, 10**18)}"
    collection: Resource = {
        "id": f"{group}/providers/{ids.COLLECTION}/{name}",
        "name": name,
        "type": ids.COLLECTION,
        "location": machine.get("location", ""),
        "properties": {
            "source": {"id": machine["id"], "location": machine.get("location", "")},
            "restorePointCollectionId": world.new_id(),
            "restorePoints": [],
            "provisioningState": "Succeeded",
        },
    }
    world.state.put(collection)
    return collection


def _add_point(collection: Resource, machine: Resource, moment: datetime) -> None:
    """A point is named by the second; two in one second get two names."""
    points = properties(collection).setdefault("restorePoints", [])
    names = {fold(str(point["name"])) for point in points}
    stamp = moment
    while fold(name := f"AzureBackup_{stamp:%Y%m%d_%H%M%S}") in names:
        stamp += timedelta(seconds=1)
    points.append(restore_point(collection["id"], name, machine, moment))


def restore_point(collection_id: str, name: str, machine: Resource, moment: datetime) -> Resource:
    """As it stands inside its collection: without a type."""
    return {
        "name": name,
        "id": f"{collection_id}/restorePoints/{name}",
        "properties": {
            "sourceMetadata": {
                "vmId": text(machine, "vmId"),
                "location": machine.get("location", ""),
            },
            "provisioningState": "Succeeded",
            "consistencyMode": "ApplicationConsistent",
            "timeCreated": clock.compute_time(moment),
        },
    }
