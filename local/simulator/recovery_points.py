"""What the vault holds of a VM: its policy and its recovery points, read, derived and
added.

A state need not name them. Where it holds no policy under the name that an item gives,
a Standard one with 30 days is put there; where it holds no recovery point of an item
whose protectionState is Protected, one in the vault for each restore point of Azure
Backup's collections of the VM, of the same time.

https://learn.microsoft.com/rest/api/backup/protection-policies/get and
https://learn.microsoft.com/rest/api/backup/recovery-points/list
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
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


def fill(state: State) -> None:
    """Put the policies and recovery points there that the state leaves to be derived."""
    for item in list(state.of_type(ids.PROTECTED_ITEM)):
        policy_id = text(item, "policyId")
        if _in_vault_of(policy_id, item) and not state.has(policy_id):
            _derive(state, standard_policy(policy_id))
        if next(state.of_type(ids.RECOVERY_POINT, item["id"]), None) is None:
            for point in _derivable(state, item):
                _derive(state, point)


def document(state: State) -> dict[str, Any]:
    """The whole as JSON. What would be derived from it again, as it is, is left out:
    what went in comes out."""
    without = {
        key for key in state.derived if ids.same_type(ids.parse(key).type, ids.BACKUP_POLICY)
    }
    for item in state.of_type(ids.PROTECTED_ITEM):
        held = {ids.key(each["id"]) for each in state.of_type(ids.RECOVERY_POINT, item["id"])}
        if held <= state.derived and held == {
            ids.key(each["id"]) for each in _derivable(state, item)
        }:
            without |= held
    return state.dump(without)


def _derive(state: State, resource: Resource) -> None:
    state.put(resource)
    state.derived.add(ids.key(resource["id"]))


def _derivable(state: State, item: Resource) -> list[Resource]:
    """The recovery points that the item has where the state names none."""
    machine_id = machine_of(item)
    if not machine_id or fold(text(item, "protectionState")) != "protected":
        return []
    made: dict[str, Resource] = {}
    for at in _times_of_points(state, machine_id):
        point = new_point(item["id"], at, made)
        made[ids.key(point["id"])] = point
    return list(made.values())


def machine_of(item: Resource) -> str:
    """Id of the VM that the item protects, "" when it protects something else."""
    identity = text(item, "sourceResourceId") or text(item, "virtualMachineId")
    return (
        identity
        if ids.is_id(identity) and ids.same_type(ids.parse(identity).type, ids.VIRTUAL_MACHINE)
        else ""
    )


def source_of(collection: Resource) -> str:
    """Key of the id of the VM whose points these are."""
    return ids.key(properties(collection)["source"]["id"])


def collections_of(state: State, machine_id: str) -> list[Resource]:
    """Azure Backup's collections of this VM: by source, never by name alone
    (AzureBackup_vm1 is not vm10's)."""
    return [
        each
        for each in state.of_type(ids.COLLECTION)
        if fold(ids.parse(each["id"]).name).startswith(fold(COLLECTION_PREFIX))
        and source_of(each) == ids.key(machine_id)
    ]


def policy_of(state: State, item_id: str) -> Resource | None:
    item = state.get(item_id)
    return state.get(text(item, "policyId")) if item else None


def policy_type(policy: Resource | None) -> str:
    """V1 or V2, by policyType or the kind of schedule; "" where there is no policy or
    it does not say."""
    if policy is None:
        return ""
    schedule = properties(policy).get("schedulePolicy") or {}
    by_schedule = {"simpleschedulepolicy": STANDARD, "simpleschedulepolicyv2": ENHANCED}
    return text(policy, "policyType") or by_schedule.get(
        fold(str(schedule.get("schedulePolicyType", ""))), ""
    )


def agentless(policy: Resource | None) -> bool:
    """Whether neither agent nor extension takes part in a backup."""
    return (
        policy is not None
        and fold(text(policy, "snapshotConsistencyType")) == "onlycrashconsistent"
    )


def add(state: State, item_id: str, moment: datetime) -> None:
    """A new recovery point of that time in the vault."""
    taken = [ids.key(each["id"]) for each in state.of_type(ids.RECOVERY_POINT, item_id)]
    state.put(new_point(item_id, moment, taken))


def new_point(item_id: str, moment: datetime, taken: Collection[str] = ()) -> Resource:
    """A recovery point of that time; its name is a decimal number, as the service gives
    it. `taken`: keys of ids that there are."""
    stamp = clock.backup_time(moment)
    name = _number(item_id, stamp)
    while ids.key(f"{item_id}/recoveryPoints/{name}") in taken:
        name = _number(item_id, stamp, name)
    return recovery_point(item_id, name, stamp)


def recovery_point(item_id: str, name: str, stamp: str) -> Resource:
    """In the vault, its snapshot still there as well."""
    tiers = [{"type": "InstantRP", "status": "Valid"}, {"type": "HardenedRP", "status": "Valid"}]
    return {
        "id": f"{item_id}/recoveryPoints/{name}",
        "name": name,
        "type": ids.RECOVERY_POINT,
        "properties": {
            "objectType": OBJECT_TYPE,
            "recoveryPointType": "AppConsistent",
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


def _in_vault_of(policy_id: str, item: Resource) -> bool:
    """Whether it is the id of a policy of the item's own vault."""
    if not ids.is_id(policy_id) or not ids.same_type(ids.parse(policy_id).type, ids.BACKUP_POLICY):
        return False
    return ids.at_or_above(ids.ancestor(item["id"], 3), policy_id)


def _times_of_points(state: State, machine_id: str) -> list[datetime]:
    """When each point was made; one that does not say, or is not finished, has no
    recovery point."""
    found = []
    for collection in collections_of(state, machine_id):
        for point in properties(collection).get("restorePoints") or []:
            held = point.get("properties") or {}
            at = clock.parse(str(held.get("timeCreated", "")))
            if (
                at is not None
                and fold(str(held.get("provisioningState", "Succeeded"))) == "succeeded"
            ):
                found.append(at)
    return found


def _number(*parts: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(parts)).int % 10**15)
