"""Makes facts from ARM's JSON.

Where a field has another type than the API's, or is missing although every such
resource has it, the whole answer is no fact: these functions raise NotUnderstood, and
the read ends Unreadable.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

from shared import clock
from shared.arm_ids import fold
from shared.azure.wire import Wire, read_list, read_needed, read_object, read_text
from shared.errors import NotUnderstood, whole_characters
from shared.extension_facts import ExtensionStatus, ReportedExtension, find_newest
from shared.facts import (
    Extension,
    Job,
    Lock,
    RestorePoint,
    RestorePointCollection,
    Vault,
    VirtualMachine,
)
from shared.guest_facts import Guest

WRITTEN_TIME = re.compile(r"/Date\((\d{12,13})\)", re.ASCII)
PROVISIONING, POWER = "ProvisioningState/", "PowerState/"
IMAGE_NAMES = ("publisher", "offer", "sku")
LOCK_LEVELS = ("NotSpecified", "CanNotDelete", "ReadOnly")


def read_virtual_machine(wire: Wire) -> VirtualMachine:
    """https://learn.microsoft.com/rest/api/compute/virtual-machines/get with
    $expand=instanceView"""
    properties = _read_properties(wire)
    view = read_object(properties, "instanceView")
    os_disk = read_object(read_object(properties, "storageProfile"), "osDisk")
    agent = read_object(view, "vmAgent")
    agent_statuses = read_list(agent, "statuses")
    last = agent_statuses[-1] if agent_statuses else {}
    interfaces = read_list(read_object(properties, "networkProfile"), "networkInterfaces")
    statuses = read_list(view, "statuses")
    state = _choose_unsettled(
        _find_state(statuses, PROVISIONING), read_text(properties, "provisioningState")
    )
    return VirtualMachine(
        id=read_text(wire, "id"),
        name=read_text(wire, "name"),
        location=read_text(wire, "location"),
        os_type=read_text(os_disk, "osType"),
        power_state=_find_state(statuses, POWER),
        provisioning_state=state,
        provisioning_time=_find_time_of(statuses, state),
        agent_status=read_text(last, "displayStatus"),
        agent_version=read_text(agent, "vmAgentVersion"),
        agent_message=read_text(last, "message"),
        agent_time=read_text(last, "time"),
        managed_disks=_has_managed_disks(os_disk),
        tags=read_tags(wire),
        vm_id_guid=read_text(properties, "vmId"),
        extensions=tuple(_read_reported(each) for each in read_list(view, "extensions")),
        handlers=tuple(_read_handler(each) for each in read_list(agent, "extensionHandlers")),
        interfaces=tuple(read_text(each, "id") for each in interfaces),
        guest=_read_guest(properties, view),
    )


def _read_guest(properties: Wire, view: Wire) -> Guest:
    image = read_object(read_object(properties, "storageProfile"), "imageReference")
    profile = read_object(properties, "osProfile")
    systems = [read_object(profile, f"{system}Configuration") for system in ("windows", "linux")]
    return Guest(
        os_name=read_text(view, "osName"),
        os_version=read_text(view, "osVersion"),
        image=" ".join(filter(None, (read_text(image, each) for each in IMAGE_NAMES))),
        provision_agent=next(
            (
                told
                for each in systems
                if (told := _read_switch(each, "provisionVMAgent")) is not None
            ),
            None,
        ),
        extension_operations=_read_switch(profile, "allowExtensionOperations"),
    )


def _read_switch(wire: Wire, name: str) -> bool | None:
    value = wire.get(name)
    return value if isinstance(value, bool) else None


def _choose_unsettled(*states: str) -> str:
    """Of a VM's state in its instance view and in its model: one that is not succeeded,
    where they differ."""
    told = [state for state in states if state]
    return next((state for state in told if fold(state) != "succeeded"), told[0] if told else "")


def read_tags(wire: Wire) -> dict[str, str]:
    """The tags of any resource; empty where the answer has no such field."""
    found = read_object(wire, "tags")
    return {name: read_text(found, name) for name in found}


def read_extension(wire: Wire) -> Extension:
    """One extension. Its list and its own resource may have an instance view."""
    properties = _read_properties(wire)
    return Extension(
        id=read_text(wire, "id"),
        name=read_text(wire, "name"),
        publisher=read_needed(properties, "publisher"),
        type=read_needed(properties, "type"),
        provisioning_state=read_text(properties, "provisioningState"),
        statuses=_read_statuses(read_object(properties, "instanceView")),
    )


def _read_reported(wire: Wire) -> ReportedExtension:
    """An entry of a VM's `instanceView.extensions`."""
    return ReportedExtension(read_text(wire, "name"), read_text(wire, "type"), _read_statuses(wire))


def _read_handler(wire: Wire) -> ReportedExtension:
    """An entry of `vmAgent.extensionHandlers`, which has one status and no name."""
    status = read_object(wire, "status")
    return ReportedExtension("", read_text(wire, "type"), (_read_status(status),) if status else ())


def _read_statuses(view: Wire) -> tuple[ExtensionStatus, ...]:
    """The statuses, then the substatuses."""
    statuses = tuple(_read_status(each) for each in read_list(view, "statuses"))
    newest = find_newest(statuses).time
    below = (_read_status(each) for each in read_list(view, "substatuses"))
    return (
        *statuses,
        *(replace(each, time=each.time or newest, is_substatus=True) for each in below),
    )


def _read_status(wire: Wire) -> ExtensionStatus:
    code, message = read_text(wire, "code"), read_text(wire, "message")
    time = read_text(wire, "time") or _find_time(code + message)
    return ExtensionStatus(code, message, time)


def _find_time(text: str) -> str:
    """The time in what the backup extension writes: milliseconds since 1970."""
    found = WRITTEN_TIME.search(text)
    return clock.as_text(datetime.fromtimestamp(int(found[1]) / 1000, UTC)) if found else ""


def read_lock(wire: Wire) -> Lock:
    """https://learn.microsoft.com/rest/api/resources/management-locks (2020-05-01)"""
    properties = _read_properties(wire)
    notes, level = properties.get("notes"), read_needed(properties, "level")
    readable = notes is None or (isinstance(notes, str) and notes == whole_characters(notes))
    if fold(level) not in [fold(each) for each in LOCK_LEVELS] or not readable:
        raise NotUnderstood(f"this is no lock: level {level!r:.80}, notes {notes!r:.80}")
    owners = tuple(read_needed(owner, "applicationId") for owner in read_list(properties, "owners"))
    return Lock(read_needed(wire, "id"), read_needed(wire, "name"), level, notes, owners)


def read_collection(wire: Wire) -> RestorePointCollection:
    properties = _read_properties(wire)
    expanded = properties.get("restorePoints") is not None
    return RestorePointCollection(
        id=read_text(wire, "id"),
        name=read_needed(wire, "name"),
        source_id=read_text(read_object(properties, "source"), "id"),
        location=read_text(wire, "location"),
        provisioning_state=read_text(properties, "provisioningState"),
        points=(
            tuple(_read_restore_point(point) for point in read_list(properties, "restorePoints"))
            if expanded
            else None
        ),
    )


def _read_restore_point(wire: Wire) -> RestorePoint:
    properties = read_object(wire, "properties")
    return RestorePoint(
        name=read_needed(wire, "name"),
        created_at=read_text(properties, "timeCreated"),
        vm_id_guid=read_text(read_object(properties, "sourceMetadata"), "vmId"),
        provisioning_state=read_text(properties, "provisioningState"),
    )


def read_vault(wire: Wire) -> Vault:
    """https://learn.microsoft.com/rest/api/resources/resources/list"""
    return Vault(read_text(wire, "id"), read_text(wire, "name"), read_text(wire, "location"))


def read_job(wire: Wire) -> Job:
    """https://learn.microsoft.com/rest/api/backup/job-details/get; types AzureIaaSVMJob
    and AzureIaaSVMJobV2 alike."""
    properties = _read_properties(wire)
    return Job(
        id=read_text(wire, "id"),
        name=read_needed(wire, "name"),
        status=read_needed(properties, "status"),
        operation=read_needed(properties, "operation"),
        entity_name=read_text(properties, "entityFriendlyName"),
        container_name=read_text(properties, "containerName"),
        start_time=read_text(properties, "startTime"),
        end_time=read_text(properties, "endTime"),
        error_details=tuple(read_list(properties, "errorDetails")),
        dynamic_error_message=read_text(
            read_object(properties, "extendedInfo"), "dynamicErrorMessage"
        ),
    )


def _read_properties(wire: Wire) -> Wire:
    """The properties, which every resource has."""
    if not read_object(wire, "properties"):
        raise NotUnderstood(f"the answer has no properties: {wire.get('id')!r:.200}")
    return read_object(wire, "properties")


def _find_state(statuses: list[Wire], prefix: str) -> str:
    for status in statuses:
        code = read_text(status, "code")
        if fold(code).startswith(fold(prefix)):
            return code[len(prefix) :].split("/")[0]
    return ""


def _find_time_of(statuses: list[Wire], state: str) -> str:
    """Since when the instance view shows this provisioning state; "" where it shows
    another."""
    if fold(_find_state(statuses, PROVISIONING)) != fold(state):
        return ""
    return next(
        (
            read_text(status, "time")
            for status in statuses
            if fold(read_text(status, "code")).startswith(fold(PROVISIONING))
        ),
        "",
    )


def _has_managed_disks(os_disk: Wire) -> bool | None:
    if read_object(os_disk, "managedDisk"):
        return True
    return False if read_object(os_disk, "vhd") else None
