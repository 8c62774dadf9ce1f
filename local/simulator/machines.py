"""A VM's instance view and backup extension, which change together."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from local.simulator import clock, ids
from local.simulator.ids import fold
from local.simulator.state import Resource, State, properties, text

BACKUP_PUBLISHER = "Microsoft.Azure.RecoveryServices"
BACKUP_EXTENSION = {"Windows": ("VMSnapshot", "1.0"), "Linux": ("VMSnapshotLinux", "1.0")}
"""By operating system: the extension's name and type, and its version."""


def power_state(machine: Resource) -> str:
    """running, stopped, deallocated, …; "" when the instance view has none."""
    for status in _view(machine).get("statuses", []):
        code = fold(str(status.get("code", "")))
        if code.startswith("powerstate/"):
            return code.removeprefix("powerstate/")
    return ""


def is_running(machine: Resource) -> bool:
    return power_state(machine) == "running"


def is_agent_ready(machine: Resource) -> bool:
    statuses = _view(machine).get("vmAgent", {}).get("statuses", [])
    return bool(statuses) and fold(str(statuses[-1].get("displayStatus", ""))) == "ready"


def os_type(machine: Resource) -> str:
    disk = (properties(machine).get("storageProfile") or {}).get("osDisk") or {}
    return str(disk.get("osType", "Windows"))


def backup_extensions(state: State, machine_id: str) -> list[Resource]:
    """The VM's backup extensions, by publisher and type; a name may be anything."""
    kinds = [fold(kind) for kind, _ in BACKUP_EXTENSION.values()]
    return [
        extension
        for extension in state.of_type(ids.EXTENSION, machine_id)
        if fold(text(extension, "publisher")) == fold(BACKUP_PUBLISHER)
        and fold(text(extension, "type")) in kinds
    ]


def is_failed_by_extension(state: State, machine: Resource) -> bool:
    """Whether the VM is in provisioning state Failed together with another extension
    than the backup's."""
    backup = [each["id"] for each in backup_extensions(state, machine["id"])]
    return fold(text(machine, "provisioningState")) == "failed" and any(
        fold(text(each, "provisioningState")) == "failed" and each["id"] not in backup
        for each in state.of_type(ids.EXTENSION, machine["id"])
    )


def remove_extension(state: State, extension_id: str) -> None:
    """Remove the extension from the state and from the VM's instance view."""
    extension, machine = state.get(extension_id), state.get(ids.ancestor(extension_id, 1))
    state.remove(extension_id)
    if extension is None or machine is None:
        return
    name = ids.parse(extension_id).name
    handler = f"{text(extension, 'publisher')}.{text(extension, 'type')}"
    view = _view(machine)
    _drop(view, "extensions", "name", name)
    _drop(view.get("vmAgent", {}), "extensionHandlers", "type", handler)


def report_agent(machine: Resource, moment: datetime) -> None:
    """Renew the report of an agent that answers, as one that lives does every few
    minutes."""
    if is_running(machine) and is_agent_ready(machine):
        _view(machine)["vmAgent"]["statuses"][-1]["time"] = clock.compute_time(moment)


def put_backup_extension_back(state: State, machine: Resource, moment: datetime) -> None:
    """Install the extension and set it to Succeeded, in the instance view as well, as
    the service does with every backup that completes."""
    installed = backup_extensions(state, machine["id"])
    version = BACKUP_EXTENSION[os_type(machine)][1]
    extension = installed[0] if installed else new_backup_extension(machine)
    properties(extension)["provisioningState"] = "Succeeded"
    state.put(extension)
    name, handler = ids.parse(extension["id"]).name, f"{BACKUP_PUBLISHER}.{text(extension, 'type')}"
    view = properties(machine).setdefault("instanceView", {})
    entry = {
        "name": name,
        "type": handler,
        "typeHandlerVersion": version,
        "statuses": [_succeeded(moment)],
        "substatuses": [command_result()],
    }
    _drop(view, "extensions", "name", name)
    view.setdefault("extensions", []).append(entry)
    if agent := view.get("vmAgent"):
        _drop(agent, "extensionHandlers", "type", handler)
        ready = {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Ready"}
        report = {"type": handler, "typeHandlerVersion": version, "status": ready}
        agent.setdefault("extensionHandlers", []).append(report)


def extension_view(machine: Resource | None, name: str) -> dict[str, Any] | None:
    """The extension's entry in the VM's instance view, or None."""
    entries: list[dict[str, Any]] = _view(machine).get("extensions", []) if machine else []
    for entry in entries:
        if fold(str(entry.get("name", ""))) == fold(name):
            return entry
    return None


def new_backup_extension(machine: Resource) -> Resource:
    """The extension as the service requests it."""
    kind, version = BACKUP_EXTENSION[os_type(machine)]
    return {
        "id": f"{machine['id']}/extensions/{kind}",
        "name": kind,
        "type": ids.EXTENSION,
        "location": machine.get("location", ""),
        "properties": {
            "autoUpgradeMinorVersion": True,
            "publisher": BACKUP_PUBLISHER,
            "type": kind,
            "typeHandlerVersion": version,
            "settings": {},
        },
    }


def command_result(status: str = "success", code: str = "1", message: str = "") -> dict[str, str]:
    """The substatus in which the extension tells how its command ended: JSON, without a
    time. Its status above says succeeded of any command that has ended.

    Azure/azure-linux-extensions VMBackup/main/Utils/HandlerUtil.py, and PR 635 there.
    """
    result = {
        "status": {
            "status": status,
            "code": code,
            "formattedMessage": {"lang": "en-US", "message": message},
        }
    }
    return {
        "code": "ComponentStatus/0/succeeded",
        "level": "Info",
        "displayStatus": "Provisioning succeeded",
        "message": json.dumps([result]),
    }


def _succeeded(moment: datetime) -> dict[str, str]:
    return {
        "code": "ProvisioningState/succeeded",
        "level": "Info",
        "displayStatus": "Provisioning succeeded",
        "message": "Command completed successfully.",
        "time": clock.compute_time(moment),
    }


def _drop(holder: dict[str, Any], list_name: str, field: str, value: str) -> None:
    """Remove the entries of a list whose field has this value."""
    if list_name in holder:
        holder[list_name] = [
            entry for entry in holder[list_name] if fold(str(entry.get(field, ""))) != fold(value)
        ]


def _view(machine: Resource) -> dict[str, Any]:
    view: dict[str, Any] = (machine.get("properties") or {}).get("instanceView") or {}
    return view
