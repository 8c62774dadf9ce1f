"""States of Azure with many failed VMs, and the events that tell of them."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from local.scenarios import alerts, parts
from local.simulator import messages

POINTS = 18
NOTES = "Production. Nobody deletes anything here."


@dataclass(frozen=True)
class Failure:
    vm_id: str
    job_id: str
    event: dict[str, Any]


def locked_groups(
    vms_by_group: dict[str, int], lock_on: str = "group"
) -> tuple[dict[str, Any], list[Failure]]:
    """`vms_by_group` VMs in each group, each with 18 restore points under one lock of
    the group. `lock_on` "collection" or "point": each collection, or one of its points,
    has a lock of its own as well."""
    resources = [parts.group(parts.VAULT_GROUP), parts.vault()]
    failures = []
    for group, count in vms_by_group.items():
        resources.append(parts.group(group))
        group_id = parts.group(group)["id"]
        resources.append(parts.lock(group_id, f"keep-{group}", NOTES))
        for number in range(1, count + 1):
            vm = parts.machine(group, f"{group}-vm{number}", "Windows")
            collection = parts.collection(group, f"AzureBackup_{vm['name']}", vm, POINTS)
            job_id = str(uuid.uuid4())
            extension = parts.backup_extension(vm, "Succeeded", None)
            failed = parts.failed_job(vm["id"], messages.INTERNAL, job_id)
            resources += [
                vm,
                parts.interface(group, vm["name"]),
                extension,
                collection,
                parts.protected_item(vm["id"]),
                failed,
            ]
            if lock_on != "group":
                point = (
                    f"/restorePoints/{collection['properties']['restorePoints'][0]['name']}"
                    if lock_on == "point"
                    else ""
                )
                resources.append(parts.lock(collection["id"] + point, f"keep-{vm['name']}", NOTES))
            failures.append(
                Failure(vm["id"], job_id, alerts.vm_alert(vm["id"], messages.INTERNAL, job_id))
            )
    return json.loads(json.dumps({"resources": resources})), failures


def broken_extension() -> tuple[dict[str, Any], list[Failure]]:
    """A VM whose backup extension has failed."""
    vm = parts.machine("rg-one", "rg-one-vm1", "Windows")
    extension = parts.backup_extension(vm, "Failed")
    job_id = str(uuid.uuid4())
    resources = [
        parts.group(parts.VAULT_GROUP),
        parts.vault(),
        parts.group("rg-one"),
        vm,
        parts.interface("rg-one", vm["name"]),
    ]
    resources += [
        extension,
        parts.protected_item(vm["id"]),
        parts.failed_job(vm["id"], messages.EXTENSION, job_id),
    ]
    event = alerts.vm_alert(vm["id"], messages.EXTENSION, job_id)
    return json.loads(json.dumps({"resources": resources})), [Failure(vm["id"], job_id, event)]
