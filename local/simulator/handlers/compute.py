"""Microsoft.Compute: virtual machines, their extensions, and the operations of the
provider.

https://learn.microsoft.com/rest/api/compute/virtual-machines
https://learn.microsoft.com/rest/api/compute/virtual-machine-extensions
"""

from __future__ import annotations

from typing import Any

from local.simulator import clock, errors, ids, machines, physics
from local.simulator.errors import ArmError
from local.simulator.handlers.resources import found, page
from local.simulator.headers import signed_query
from local.simulator.operations import Failure, Finish, Operation
from local.simulator.state import Resource, properties, wire
from local.simulator.world import Answer, Call

DELETING = "Deleting"


def list_machines(call: Call) -> Answer:
    scope = call.group_id if "group" in call.names else call.subscription_id
    return page(
        call,
        (_served(each, with_view=False) for each in call.state.of_type(ids.VIRTUAL_MACHINE, scope)),
    )


def get_machine(call: Call) -> Answer:
    return Answer(200, _served(found(call, call.path), call.expands("instanceView")))


def get_instance_view(call: Call) -> Answer:
    return Answer(
        200, wire(found(call, _machine_path(call))).get("properties", {}).get("instanceView", {})
    )


def list_extensions(call: Call) -> Answer:
    """The answer has no nextLink: the provider sends all at once."""
    machine = found(call, _machine_path(call))
    extensions = call.state.of_type(ids.EXTENSION, machine["id"])
    return Answer(200, {"value": [_extension(call, each) for each in extensions]})


def get_extension(call: Call) -> Answer:
    found(call, _machine_path(call))
    return Answer(200, _extension(call, found(call, call.path)))


def delete_extension(call: Call) -> Answer:
    """204 when absent, 409 when the VM does not run, else 202 and an operation."""
    extension, machine = call.state.get(call.path), call.state.get(_machine_path(call))
    if extension is None:
        return Answer(204)
    if machine is None or not machines.running(machine):
        raise errors.vm_not_running()
    failure = physics.extension_removal_failure(machine, ids.parse(extension["id"]).name)
    return begin(
        call,
        "extension_delete",
        extension["id"],
        call.world.settings.lro_s["extension_timeout" if failure else "extension_delete"],
        _removal_of_extension(call, extension["id"], failure),
        str(machine.get("location", "")),
    )


def get_operation(call: Call) -> Answer:
    """Status of an operation; with monitor=true (the Location address) its outcome.
    Unknown ones are 404."""
    operation = call.world.operations.find(call.names["operation"])
    if operation is None:
        raise errors.resource_not_found(call.path)
    return (
        _monitored(call, operation)
        if call.query.get("monitor") == "true"
        else Answer(200, status_of(operation))
    )


def status_of(operation: Operation) -> dict[str, Any]:
    body: dict[str, Any] = {
        "startTime": clock.compute_time(operation.started),
        "status": operation.status,
    }
    if operation.ended:
        body["endTime"] = clock.compute_time(operation.ended)
    if operation.failure:
        body["error"] = {"code": operation.failure.code, "message": operation.failure.message}
    return {**body, "name": operation.id}


def begin(
    call: Call, kind: str, target: str, seconds: float, finish: Finish, location: str
) -> Answer:
    """202 for an operation on a resource that shows as Deleting meanwhile.

    The same request while it runs gets the same operation; one that was made to hang is
    preempted by the new one.
    """
    operations = call.world.operations
    current = operations.running(kind, target)
    ordered = call.fault is not None and (call.fault.lro_hang or call.fault.lro_fail is not None)
    if current and (current.due is None or ordered):
        operations.preempt(current)
        current = None
    operation = current or operations.start(kind, target, seconds, finish, call.fault)
    return accepted(call, operation, location)


def accepted(call: Call, operation: Operation, location: str) -> Answer:
    """The compute provider sends no Retry-After, and two addresses of about 3 KB."""
    subscription = f"{call.base_url}/subscriptions/{call.names['subscription']}"
    address = f"{subscription}/providers/Microsoft.Compute/locations/{location or 'westeurope'}/operations/{operation.id}"
    headers = {
        "azure-asyncnotification": "Enabled",
        "Azure-AsyncOperation": f"{address}?{signed_query(call.world, call.api_version)}",
        "Location": f"{address}?{signed_query(call.world, call.api_version, monitor=True)}",
    }
    return Answer(202, headers=headers)


def _monitored(call: Call, operation: Operation) -> Answer:
    if operation.running:
        return accepted(call, operation, call.names["location"])
    if operation.failure:
        raise ArmError(409, operation.failure.code, operation.failure.message)
    return Answer(200)


def _removal_of_extension(call: Call, extension_id: str, failure: Failure | None) -> Finish:
    world = call.world
    extension = found(call, extension_id)
    properties(extension)["provisioningState"] = DELETING

    def finish(forced: Failure | None) -> Failure | None:
        left = world.state.get(extension_id)
        if (forced or failure) and left is not None:
            properties(left)["provisioningState"] = "Failed"
        elif left is not None:
            machines.remove_extension(world.state, extension_id)
        return forced or failure

    return finish


def _machine_path(call: Call) -> str:
    return f"{call.group_id}/providers/{ids.VIRTUAL_MACHINE}/{call.names['machine']}"


def _served(machine: Resource, with_view: bool) -> Resource:
    served = wire(machine)
    if not with_view:
        served.get("properties", {}).pop("instanceView", None)
    return served


def _extension(call: Call, extension: Resource) -> Resource:
    served = wire(extension)
    if call.expands("instanceView"):
        machine = call.state.get(ids.ancestor(extension["id"], 1))
        if view := machines.extension_view(machine, ids.parse(extension["id"]).name):
            served["properties"]["instanceView"] = view
    return served
