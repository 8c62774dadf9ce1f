"""Builds the resources, as ARM returns them, that a row's Azure stands for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from local.scenarios import parts
from local.simulator import clock, ids, jobs, machines, recovery_points
from local.simulator.state import Resource
from tests.diagnosis_states.azure import (
    ITEM_ID,
    JOB_ID,
    NOW,
    OLD,
    SERVICE_GROUP,
    VM,
    VM_GROUP,
    VM_ID,
    Azure,
    Extension,
    Words,
    fault,
)

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")


def build(azure: Azure, code: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The state for the simulator, with times as of now, and its faults."""
    resources = [*_groups(azure), parts.vault(), _policy(azure), _item(azure), *azure.more]
    vm = _machine(azure)
    if not azure.vm_gone:
        resources += [vm, *_extensions(azure, vm)]
        if not any(_is_interface(each) for each in azure.more):
            resources.append(parts.interface(VM_GROUP, VM))
    resources += _collections(azure, vm)
    for number, lock in enumerate(azure.locks, 1):
        notes = "Production. Change CHG0041277 wants this kept."
        resources.append(parts.lock(lock.scope, f"keep-{number}", notes, lock.level, lock.owner))
    resources += _jobs(azure, code)
    faults = list(azure.faults)
    if azure.extension and azure.extension.hidden:
        faults.append(fault("/extensions$", 200, body={"value": []}))
    return _as_of_now({"resources": resources}), faults


def _is_interface(resource: Resource) -> bool:
    return bool(resource["type"] == "Microsoft.Network/networkInterfaces")


def _groups(azure: Azure) -> list[Resource]:
    names = {parts.VAULT_GROUP, VM_GROUP, SERVICE_GROUP}
    names |= {collection.group for collection in azure.collections}
    given = {ids.parse(each["id"]).group for each in azure.more if each["type"] == ids.GROUP}
    return [parts.group(name) for name in sorted(names - given)]


def _moment(minutes: float) -> datetime:
    return parts.FAILED_AT + timedelta(minutes=minutes)


def _as_of_now(state: dict[str, Any]) -> dict[str, Any]:
    """The state with every time moved by as much as the failed job has to be moved to
    have ended `NOW` minutes ago."""
    moved_by = datetime.now(UTC) - timedelta(minutes=NOW) - parts.FAILED_AT

    def move(found: re.Match[str]) -> str:
        moved = datetime.fromisoformat(found[0]) + moved_by
        return clock.backup_time(moved) if found[0].endswith("Z") else clock.compute_time(moved)

    return dict(json.loads(MOMENT.sub(move, json.dumps(state))))


def _machine(azure: Azure) -> Resource:
    power = azure.power if azure.power in parts.POWER else "running"
    vm = parts.machine(VM_GROUP, VM, azure.os_type, power, True, azure.agent_version)
    properties = vm["properties"]
    properties["provisioningState"] = azure.provisioning
    if azure.profile is None:
        del properties["osProfile"]
    else:
        properties["osProfile"] |= azure.profile
    if not azure.managed:
        disk = properties["storageProfile"]["osDisk"]
        del disk["managedDisk"]
        disk["vhd"] = {"uri": f"https://contosodisks.blob.core.windows.net/vhds/{VM}.vhd"}
    view = properties["instanceView"]
    view["statuses"] = list(_statuses(azure))
    if azure.agent == "none":
        view.pop("vmAgent", None)
    else:
        view["vmAgent"] = _agent(azure)
    return vm


def _statuses(azure: Azure) -> Iterator[dict[str, Any]]:
    failed = azure.provisioning_code.startswith("failed")
    yield {
        "code": f"ProvisioningState/{azure.provisioning_code}",
        "level": "Error" if failed else "Info",
        "displayStatus": f"Provisioning {azure.provisioning_code.partition('/')[0]}",
        "time": clock.compute_time(_moment(azure.provisioned_at)),
    }
    if azure.power:
        yield {
            "code": f"PowerState/{azure.power}",
            "level": "Info",
            "displayStatus": f"VM {azure.power}",
        }


def _agent(azure: Azure) -> dict[str, Any]:
    """As recorded from Azure; an agent that is not Ready reports no handlers."""
    time = clock.compute_time(_moment(azure.agent_at))
    if azure.agent == "silent":
        status = {
            "code": "ProvisioningState/Unavailable",
            "level": "Warning",
            "displayStatus": "Not Ready",
            "message": "VM status blob is found but not yet populated.",
            "time": time,
        }
        return {"vmAgentVersion": "Unknown", "statuses": [status]}
    status = {
        "code": "ProvisioningState/succeeded",
        "level": "Info",
        "displayStatus": "Ready",
        "message": "GuestAgent is running and processing the extensions.",
        "time": time,
    }
    version = azure.agent_version or parts.AGENTS[azure.os_type]
    return {"vmAgentVersion": version, "statuses": [status], "extensionHandlers": []}


def _extensions(azure: Azure, vm: Resource) -> list[Resource]:
    """The resources; what the instance view shows of them goes into `vm`."""
    made = [_other_extension(vm, name) for name in azure.others]
    if azure.extension is not None:
        made += _backup_extension(azure.extension, vm)
    return made


def _backup_extension(extension: Extension, vm: Resource) -> list[Resource]:
    kind, version = machines.BACKUP_EXTENSION[machines.os_type(vm)]
    full, name = f"{extension.publisher}.{kind}", extension.name or kind
    if extension.handler:
        _show_handler(vm, full, version, extension.handler)
    if extension.words:
        _show_words(vm, name, full, version, extension.words)
    if not extension.resource:
        return []
    return [_extension(vm, name, extension.publisher, kind, version, extension.resource)]


def _other_extension(vm: Resource, name: str) -> Resource:
    publisher, kind = "Microsoft.Compute", "CustomScriptExtension"
    words = Words("ProvisioningState/failed/1", "Script setup.ps1 ended with exit code 1.", OLD)
    _show_handler(vm, f"{publisher}.{kind}", "1.10", "Not Ready")
    _show_words(vm, name, f"{publisher}.{kind}", "1.10", words)
    return _extension(vm, name, publisher, kind, "1.10", "Failed")


def _extension(
    vm: Resource, name: str, publisher: str, kind: str, version: str, state: str
) -> Resource:
    return {
        "id": f"{vm['id']}/extensions/{name}",
        "name": name,
        "type": ids.EXTENSION,
        "location": parts.REGION,
        "properties": {
            "autoUpgradeMinorVersion": True,
            "provisioningState": state,
            "publisher": publisher,
            "type": kind,
            "typeHandlerVersion": version,
            "settings": {},
        },
    }


def _show_handler(vm: Resource, kind: str, version: str, shown: str) -> None:
    """Nothing where the agent reports no handlers."""
    reported = vm["properties"]["instanceView"].get("vmAgent", {}).get("extensionHandlers")
    if reported is None:
        return
    ready = shown == "Ready"
    status = {
        "code": "ProvisioningState/succeeded" if ready else "ProvisioningState/failed/1",
        "level": "Info" if ready else "Error",
        "displayStatus": "Ready" if ready else "Not Ready",
    }
    if shown not in ("Ready", "Not Ready"):
        status["message"] = shown
    reported.append({"type": kind, "typeHandlerVersion": version, "status": status})


def _show_words(vm: Resource, name: str, kind: str, version: str, words: Words) -> None:
    view = vm["properties"]["instanceView"]
    if "extensionHandlers" not in view.get("vmAgent", {}):
        return
    state = words.code.split("/")[1]
    status: dict[str, Any] = {
        "code": words.code,
        "level": "Error" if state == "failed" else "Info",
        "displayStatus": f"Provisioning {state}",
        "message": words.message,
    }
    if words.at is not None:
        status["time"] = clock.compute_time(_moment(words.at))
    entry = {"name": name, "type": kind, "typeHandlerVersion": version, "statuses": [status]}
    if words.substatus:
        entry["substatuses"] = [
            {
                "code": "ComponentStatus/0/succeeded",
                "level": "Info",
                "displayStatus": "Provisioning succeeded",
                "message": words.substatus,
            }
        ]
    view.setdefault("extensions", []).append(entry)


def _policy(azure: Azure) -> Resource:
    policy = recovery_points.standard_policy(f"{parts.vault_id()}/backupPolicies/DefaultPolicy")
    properties = policy["properties"]
    if azure.policy != "V1":
        properties |= {
            "policyType": "V2",
            "instantRpRetentionRangeInDays": 7,
            "schedulePolicy": {
                "schedulePolicyType": "SimpleSchedulePolicyV2",
                "scheduleRunFrequency": "Hourly",
                "hourlySchedule": {
                    "interval": 4,
                    "scheduleWindowStartTime": "2018-01-24T02:00:00Z",
                    "scheduleWindowDuration": 24,
                },
            },
        }
    if azure.policy == "agentless":
        properties["snapshotConsistencyType"] = "OnlyCrashConsistent"
    if azure.group_prefix:
        properties["instantRPDetails"] = {"azureBackupRGNamePrefix": azure.group_prefix}
    return policy


def _item(azure: Azure) -> Resource:
    item = parts.protected_item(VM_ID)
    item["properties"]["protectionState"] = azure.protection
    return item


def _collections(azure: Azure, vm: Resource) -> Iterator[Resource]:
    """The collections, with the recovery points in the vault that go with them."""
    existing: dict[str, Resource] = {}
    for collection in azure.collections:
        source = parts.machine(VM_GROUP, collection.of_vm, "Windows") if collection.of_vm else vm
        made = parts.collection(collection.group, collection.name, source, collection.points)
        points = made["properties"]["restorePoints"]
        for point in points:
            if collection.machine_guid:
                point["properties"]["sourceMetadata"]["vmId"] = collection.machine_guid
        points[-1]["properties"]["provisioningState"] = collection.newest_state
        yield made
        if collection.of_vm or not collection.name.startswith("AzureBackup_"):
            continue
        first_snapshot = len(points) - collection.not_vaulted
        for number, point in enumerate(points):
            if point["properties"]["provisioningState"] == "Succeeded":
                _add_recovery_point(existing, point, vaulted=number < first_snapshot)
    if existing and azure.session_open:
        list(existing.values())[-1]["properties"]["isInstantIlrSessionActive"] = True
    yield from existing.values()


def _add_recovery_point(existing: dict[str, Resource], point: Resource, *, vaulted: bool) -> None:
    moment = datetime.fromisoformat(point["properties"]["timeCreated"])
    made = recovery_points.new_point(ITEM_ID, moment, existing)
    if not vaulted:
        made["properties"]["recoveryPointTierDetails"] = [{"type": "InstantRP", "status": "Valid"}]
    existing[ids.key(made["id"])] = made


def _jobs(azure: Azure, code: str) -> Iterator[Resource]:
    failed = parts.failed_job(VM_ID, code, JOB_ID)
    failed["properties"]["status"] = azure.job_status
    if azure.job_words:
        failed["properties"]["extendedInfo"]["dynamicErrorMessage"] = f"{code}: {azure.job_words}"
    yield failed
    for number, other in enumerate(azure.jobs, 1):
        started = _moment(number)
        job_id = parts.guid("job", str(number))
        job = jobs.new_job(parts.vault_id(), job_id, VM_ID, started, user_triggered=False)
        job["properties"] |= {"status": other.status, "operation": other.operation}
        if other.status != "InProgress":
            job["properties"]["endTime"] = clock.backup_time(_moment(number + 10))
        yield job
