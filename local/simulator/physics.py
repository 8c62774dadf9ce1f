"""How backups and removals end. The state at the end of the operation decides.

A backup of a VM, checked in this order:

1. the VM does not exist
   → BCMV2VMNotFound
2. it runs and its agent is not Ready
   → UserErrorGuestAgentStatusUnavailable; with the setting crash_consistent_fallback it
   completes under an Enhanced policy, as Azure's attempts 4, 6 and 8 may
3. the VM is in provisioning state Failed, and another of its extensions than the
   backup's as well
   → UserErrorVmProvisioningStateFailed
4. its VMSnapshot or VMSnapshotLinux extension is in provisioning state Failed
   → ExtentionOperationFailed, or Deleting → ExtensionStuckInDeletionState
5. the policy is Standard, the VM's collections have 18 points or more (other tools'
   included), and a lock prevents the deletion of Azure Backup's own
   → BackUpOperationFailed
6. the extension is missing, and Azure Policy refuses it
   → UserErrorRequestDisallowedByPolicy
7. otherwise it completes: with 18 points the old ones are deleted, the extension is put
   back, and a point is added to the collection and one of the same time to the vault.
   They are crash-consistent where the VM does not run, its agent is not Ready, or the
   policy is agentless

Under an agentless policy (snapshotConsistencyType OnlyCrashConsistent) a backup needs
neither agent nor extension.

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
EXTENSION_CODES = {"failed": messages.EXTENSION, "deleting": messages.STUCK}
KEPT_POINTS = 5
"""Points that a clean-up leaves: instant restore keeps five days at most."""


def backup_failure(world: World, machine_id: str, item_id: str) -> str:
    """The error code of a backup that ends now, "" when it completes."""
    machine = world.state.get(machine_id)
    if machine is None:
        return messages.VM_NOT_FOUND
    policy = recovery_points.policy_of(world.state, item_id)
    if not recovery_points.is_agentless(policy):
        if machines.is_running(machine) and not machines.is_agent_ready(machine):
            return "" if _falls_back(world, policy) else messages.GUEST_AGENT
        if machines.is_failed_by_extension(world.state, machine):
            return messages.VM_STATE
        extensions = machines.backup_extensions(world.state, machine_id)
        states = {fold(text(extension, "provisioningState")) for extension in extensions}
        for state, code in EXTENSION_CODES.items():
            if state in states:
                return code
    own = collections_of(world.state, machine_id)
    if _at_limit(world, machine_id, policy) and any(
        _count_points(collection) and _is_locked(world, collection) for collection in own
    ):
        return messages.INTERNAL
    return messages.POLICY if _cannot_install(world, machine, policy) else ""


def _falls_back(world: World, policy: Resource | None) -> bool:
    """Whether a backup goes on without the agent.
    https://learn.microsoft.com/azure/backup/backup-azure-vm-backup-faq"""
    enhanced = recovery_points.policy_type(policy) == ENHANCED
    return enhanced and world.settings.crash_consistent_fallback


def _choose_consistency(machine: Resource, policy: Resource | None) -> str:
    """The type of the recovery point of a backup that completes now."""
    prepared = machines.is_running(machine) and machines.is_agent_ready(machine)
    if prepared and not recovery_points.is_agentless(policy):
        return recovery_points.APP_CONSISTENT
    return recovery_points.CRASH_CONSISTENT


def _cannot_install(world: World, machine: Resource, policy: Resource | None) -> bool:
    """Whether the backup must install its extension, and Azure Policy refuses that."""
    if recovery_points.is_agentless(policy):
        return False
    if machines.backup_extensions(world.state, machine["id"]):
        return False
    return policies.denies_creation(world.state, machines.new_backup_extension(machine))


def complete_backup(world: World, machine_id: str, item_id: str, moment: datetime) -> None:
    """Apply the effects of a backup that completes."""
    machine = world.state.get(machine_id)
    if machine is None:
        return
    policy = recovery_points.policy_of(world.state, item_id)
    own = collections_of(world.state, machine_id)
    if _at_limit(world, machine_id, policy):
        for collection in own:
            points = properties(collection).get("restorePoints") or []
            properties(collection)["restorePoints"] = points[-KEPT_POINTS:]
    silent = machines.is_running(machine) and not machines.is_agent_ready(machine)
    if not silent and not recovery_points.is_agentless(policy):
        machines.put_backup_extension_back(world.state, machine, moment)
    kind = _choose_consistency(machine, policy)
    usable = [each for each in own if fold(text(each, "provisioningState")) != "deleting"]
    collection = usable[-1] if usable else _new_collection(world, machine)
    _add_point(collection, machine, moment, kind)
    if world.state.has(item_id):
        recovery_points.add(world.state, item_id, moment, kind)


def extension_removal_failure(machine: Resource | None, name: str) -> Failure | None:
    """The failure of a removal that starts now; None when it will succeed."""
    if machine is not None and machines.is_agent_ready(machine):
        return None
    message = (
        f"Provisioning of VM extension '{name}' has timed out. "
        "Extension installation may be taking too long, or extension status could not be obtained."
    )
    return Failure("VMExtensionProvisioningTimeout", message)


def remove_collection(world: World, collection_id: str) -> None:
    """Remove the collection, and remember its layout for the next one of the VM."""
    collection = world.state.get(collection_id)
    if collection is not None:
        world.former_collections[source_of(collection)] = collection["id"]
    world.state.remove(collection_id)


def _at_limit(world: World, machine_id: str, policy: Resource | None) -> bool:
    """Whether the VM has the 18 points of a Standard policy, in all collections
    together, other tools' included."""
    points = sum(
        _count_points(collection)
        for collection in world.state.of_type(ids.COLLECTION)
        if source_of(collection) == ids.key(machine_id)
    )
    return recovery_points.policy_type(policy) != ENHANCED and points >= POINT_LIMIT


def _count_points(collection: Resource) -> int:
    return len(properties(collection).get("restorePoints") or [])


def _is_locked(world: World, collection: Resource) -> bool:
    return bool(world.locks.blocking(world.state, "DELETE", collection["id"]))


def _new_collection(world: World, machine: Resource) -> Resource:
    """A new collection: AzureBackup_<VM> in the VM's own group, or in the group of the
    VM's last collection, with digits if that had them, as in the current layout."""
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


def _add_point(collection: Resource, machine: Resource, moment: datetime, kind: str) -> None:
    """Add a point. Its name has the second; a name that exists moves on by one."""
    points = properties(collection).setdefault("restorePoints", [])
    names = {fold(str(point["name"])) for point in points}
    stamp = moment
    while fold(name := f"AzureBackup_{stamp:%Y%m%d_%H%M%S}") in names:
        stamp += timedelta(seconds=1)
    points.append(restore_point(collection["id"], name, machine, moment, kind))


def restore_point(
    collection_id: str,
    name: str,
    machine: Resource,
    moment: datetime,
    kind: str = recovery_points.APP_CONSISTENT,
) -> Resource:
    """A restore point as its collection shows it: without a type."""
    return {
        "name": name,
        "id": f"{collection_id}/restorePoints/{name}",
        "properties": {
            "sourceMetadata": {
                "vmId": text(machine, "vmId"),
                "location": machine.get("location", ""),
            },
            "provisioningState": "Succeeded",
            "consistencyMode": recovery_points.CONSISTENCY_MODES[kind],
            "timeCreated": clock.compute_time(moment),
        },
    }
