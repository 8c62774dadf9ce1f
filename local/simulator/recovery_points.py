"""Backup policies and recovery points of a VM: reading, deriving and adding them.

A state may leave them out. A policy that an item names and the state does not have is
derived: Standard, 30 days. If the state has no recovery point of an item whose
protectionState is Protected, they are derived: one in the vault for each restore point
of Azure Backup's collections of the VM, with the same time and consistency.

https://learn.microsoft.com/rest/api/backup/protection-policies/get and
https://learn.microsoft.com/rest/api/backup/recovery-points/list
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from local.simulator import clock, ids
from local.simulator.ids import fold
from local.simulator.state import Resource, State, properties, text

COLLECTION_PREFIX = "AzureBackup_"
STANDARD, ENHANCED = "V1", "V2"
RETENTION_DAYS = 30
INSTANT_DAYS = 2
OBJECT_TYPE = "IaasVMRecoveryPoint"
APP_CONSISTENT, CRASH_CONSISTENT = "AppConsistent", "CrashConsistent"
"""`recoveryPointType`, as Microsoft's samples of VMs have it."""
CONSISTENCY_MODES = {
    APP_CONSISTENT: "ApplicationConsistent",
    CRASH_CONSISTENT: "CrashConsistent",
}
"""`consistencyMode` of the restore point that goes with it."""


def derive_missing(state: State) -> None:
    """Add the policies and recovery points that the state leaves out."""
    for item in list(state.of_type(ids.PROTECTED_ITEM)):
        policy_id = text(item, "policyId")
        if _is_own_policy(policy_id, item) and not state.has(policy_id):
            _add_derived(state, standard_policy(policy_id))
        if next(state.of_type(ids.RECOVERY_POINT, item["id"]), None) is None:
            for point in _derive_points(state, item):
                _add_derived(state, point)


def dump(state: State) -> dict[str, Any]:
    """The whole state as JSON, without what would be derived from it again: a state
    that was put comes back as it was."""
    without = {
        key for key in state.derived if ids.same_type(ids.parse(key).type, ids.BACKUP_POLICY)
    }
    for item in state.of_type(ids.PROTECTED_ITEM):
        present = _keys(state.of_type(ids.RECOVERY_POINT, item["id"]))
        if present <= state.derived and present == _keys(_derive_points(state, item)):
            without |= present
    return state.dump(without)


def _keys(resources: Iterable[Resource]) -> set[str]:
    return {ids.key(resource["id"]) for resource in resources}


def _add_derived(state: State, resource: Resource) -> None:
    state.put(resource)
    state.derived.add(ids.key(resource["id"]))


def _derive_points(state: State, item: Resource) -> list[Resource]:
    """The recovery points of an item for which the state has none."""
    machine_id = machine_of(item)
    if not machine_id or fold(text(item, "protectionState")) != "protected":
        return []
    points: dict[str, Resource] = {}
    for at, mode in _describe_points(state, machine_id):
        crash = fold(mode) == fold(CONSISTENCY_MODES[CRASH_CONSISTENT])
        kind = CRASH_CONSISTENT if crash else APP_CONSISTENT
        point = new_point(item["id"], at, points, kind)
        points[ids.key(point["id"])] = point
    return list(points.values())


def machine_of(item: Resource) -> str:
    """Id of the VM that the item protects, "" when it protects something else."""
    identity = text(item, "sourceResourceId") or text(item, "virtualMachineId")
    if not ids.is_id(identity):
        return ""
    return identity if ids.same_type(ids.parse(identity).type, ids.VIRTUAL_MACHINE) else ""


def source_of(collection: Resource) -> str:
    """Key of the id of the VM that the collection's points are of."""
    return ids.key(properties(collection)["source"]["id"])


def collections_of(state: State, machine_id: str) -> list[Resource]:
    """Azure Backup's collections of this VM: by source, never by name alone
    (AzureBackup_vm1 is a prefix of vm10's)."""
    return [
        collection
        for collection in state.of_type(ids.COLLECTION)
        if fold(ids.parse(collection["id"]).name).startswith(fold(COLLECTION_PREFIX))
        and source_of(collection) == ids.key(machine_id)
    ]


def policy_of(state: State, item_id: str) -> Resource | None:
    item = state.get(item_id)
    return state.get(text(item, "policyId")) if item else None


def policy_type(policy: Resource | None) -> str:
    """V1 or V2, by policyType or the kind of schedule; "" when there is no policy or it
    has neither."""
    if policy is None:
        return ""
    schedule = properties(policy).get("schedulePolicy") or {}
    by_schedule = {"simpleschedulepolicy": STANDARD, "simpleschedulepolicyv2": ENHANCED}
    return text(policy, "policyType") or by_schedule.get(
        fold(str(schedule.get("schedulePolicyType", ""))), ""
    )


def is_agentless(policy: Resource | None) -> bool:
    """Whether a backup needs neither agent nor extension."""
    return (
        policy is not None
        and fold(text(policy, "snapshotConsistencyType")) == "onlycrashconsistent"
    )


def add(state: State, item_id: str, moment: datetime, kind: str = APP_CONSISTENT) -> None:
    """Add a recovery point of that time and type to the vault."""
    existing = _keys(state.of_type(ids.RECOVERY_POINT, item_id))
    state.put(new_point(item_id, moment, existing, kind))


def new_point(
    item_id: str, moment: datetime, existing: Collection[str] = (), kind: str = APP_CONSISTENT
) -> Resource:
    """A recovery point of that time. Its name is a decimal number, as in Azure;
    `existing` has the keys of ids that it must differ from."""
    stamp = clock.backup_time(moment)
    name = _make_number(item_id, stamp)
    while ids.key(f"{item_id}/recoveryPoints/{name}") in existing:
        name = _make_number(item_id, stamp, name)
    return _build_point(item_id, name, stamp, kind)


def _build_point(item_id: str, name: str, stamp: str, kind: str) -> Resource:
    """A recovery point in the vault whose snapshot still exists as well."""
    tiers = [{"type": "InstantRP", "status": "Valid"}, {"type": "HardenedRP", "status": "Valid"}]
    return {
        "id": f"{item_id}/recoveryPoints/{name}",
        "name": name,
        "type": ids.RECOVERY_POINT,
        "properties": {
            "objectType": OBJECT_TYPE,
            "recoveryPointType": kind,
            "recoveryPointTime": stamp,
            "recoveryPointAdditionalInfo": "",
            "sourceVMStorageType": "PremiumVMOnPartialPremiumStorage",
            "isSourceVMEncrypted": False,
            "isInstantIlrSessionActive": False,
            "recoveryPointTierDetails": tiers,
            "isManagedVirtualMachine": True,
            "originalStorageAccountOption": False,
        },
    }


def standard_policy(policy_id: str) -> Resource:
    """One backup a day, kept 30 days."""
    at = ["2018-01-24T02:00:00Z"]
    return {
        "id": policy_id,
        "name": ids.parse(policy_id).name,
        "type": ids.BACKUP_POLICY,
        "properties": {
            "backupManagementType": "AzureIaasVM",
            "policyType": STANDARD,
            "instantRpRetentionRangeInDays": INSTANT_DAYS,
            "schedulePolicy": {
                "schedulePolicyType": "SimpleSchedulePolicy",
                "scheduleRunFrequency": "Daily",
                "scheduleRunTimes": at,
                "scheduleWeeklyFrequency": 0,
            },
            "retentionPolicy": {
                "retentionPolicyType": "LongTermRetentionPolicy",
                "dailySchedule": {
                    "retentionTimes": at,
                    "retentionDuration": {"count": RETENTION_DAYS, "durationType": "Days"},
                },
            },
            "timeZone": "UTC",
            "protectedItemsCount": 1,
        },
    }


def _is_own_policy(policy_id: str, item: Resource) -> bool:
    """Whether this is the id of a policy of the item's own vault."""
    if not ids.is_id(policy_id) or not ids.same_type(ids.parse(policy_id).type, ids.BACKUP_POLICY):
        return False
    return ids.at_or_above(ids.ancestor(item["id"], 3), policy_id)


def _describe_points(state: State, machine_id: str) -> list[tuple[datetime, str]]:
    """Time and consistency mode of each restore point; one that has no time, or is not
    finished, has no recovery point."""
    found = []
    for collection in collections_of(state, machine_id):
        for point in properties(collection).get("restorePoints") or []:
            values = point.get("properties") or {}
            at = clock.parse(str(values.get("timeCreated", "")))
            status = str(values.get("provisioningState", "Succeeded"))
            if at is not None and fold(status) == "succeeded":
                found.append((at, str(values.get("consistencyMode", ""))))
    return found


def _make_number(*parts: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(parts)).int % 10**15)
