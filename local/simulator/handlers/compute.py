"""Microsoft.Compute: virtual machines, their extensions, and the provider's operations.

https://learn.microsoft.com/rest/api/compute/virtual-machines
https://learn.microsoft.com/rest/api/compute/virtual-machine-extensions
"""

from __future__ import annotations

from typing import Any

from local.simulator import clock, errors, ids, machines, physics
from local.simulator.errors import ArmError
from local.simulator.handlers.resources import get_existing, page
from local.simulator.headers import signed_query
from local.simulator.operations import Failure, Finish, Operation
from local.simulator.state import Resource, properties, wire
from local.simulator.world import Answer, Call

PROVIDER = "providers/Microsoft.Compute"
DELETING = "Deleting"


def list_machines(call: Call) -> Answer:
    vms = call.state.of_type(ids.VIRTUAL_MACHINE, call.list_scope)
    return page(call, (_render_machine(vm, with_view=False) for vm in vms))


def get_machine(call: Call) -> Answer:
    machine = get_existing(call, call.path)
    return Answer(200, _render_machine(machine, with_view=call.expands("instanceView")))


def get_instance_view(call: Call) -> Answer:
    machine = wire(get_existing(call, _machine_path(call)))
    return Answer(200, machine.get("properties", {}).get("instanceView", {}))


def list_extensions(call: Call) -> Answer:
    """The answer has no nextLink: the provider sends all at once. Hidden extensions are
    left out."""
    machine = get_existing(call, _machine_path(call))
    hidden = {ids.key(each) for each in call.state.extra.get("hidden_extensions", ())}
    shown = [
        _render_extension(call, each)
        for each in call.state.of_type(ids.EXTENSION, machine["id"])
        if ids.key(each["id"]) not in hidden
    ]
    return Answer(200, {"value": shown})


def get_extension(call: Call) -> Answer:
    get_existing(call, _machine_path(call))
    return Answer(200, _render_extension(call, get_existing(call, call.path)))


def delete_extension(call: Call) -> Answer:
    """204 when absent, 409 when the VM does not run, else 202 and an operation."""
    extension, machine = call.state.get(call.path), call.state.get(_machine_path(call))
    if extension is None:
        return Answer(204)
    if machine is None or not machines.is_running(machine):
        raise errors.vm_not_running()
    failure = physics.extension_removal_failure(machine, ids.parse(extension["id"]).name)
    return start_removal(
        call,
        "extension_delete",
        extension["id"],
        call.world.settings.lro_s["extension_timeout" if failure else "extension_delete"],
        _remove_extension(call, extension, failure),
        str(machine.get("location", "")),
    )


def get_operation(call: Call) -> Answer:
    """The status of an operation; with monitor=true (the Location URL), its outcome.
    404 for an unknown one."""
    operation = call.world.operations.find(call.names["operation"])
    if operation is None:
        raise errors.resource_not_found(call.path)
    if call.query.get("monitor") == "true":
        return _answer_monitor(call, operation)
    return Answer(200, render_status(operation))


def render_status(operation: Operation) -> dict[str, Any]:
    """What a URL in Azure-AsyncOperation answers, of any provider."""
    body: dict[str, Any] = {
        "startTime": clock.compute_time(operation.started),
        "status": operation.status,
    }
    if operation.ended:
        body["endTime"] = clock.compute_time(operation.ended)
    if operation.failure:
        body["error"] = operation.failure.to_json()
    return {**body, "name": operation.id}


def start_removal(
    call: Call, kind: str, target: str, seconds: float, finish: Finish, location: str
) -> Answer:
    """202 for the removal of a resource, which is Deleting meanwhile.

    The same request gets the same operation while that runs. An operation that hangs is
    preempted by the new one.
    """
    operations = call.world.operations
    current = operations.running(kind, target)
    faulty = call.fault is not None and (call.fault.lro_hang or call.fault.lro_fail is not None)
    if current and (current.due is None or faulty):
        operations.preempt(current)
        current = None
    operation = current or operations.start(kind, target, seconds, finish, call.fault)
    return _accept(call, operation, location)


def _accept(call: Call, operation: Operation, location: str) -> Answer:
    """202 as the compute provider answers it: no Retry-After, and two URLs of 3 KB."""
    provider = f"{call.base_url}/subscriptions/{call.names['subscription']}/{PROVIDER}"
    url = f"{provider}/locations/{location or 'westeurope'}/operations/{operation.id}"
    headers = {
        "azure-asyncnotification": "Enabled",
        "Azure-AsyncOperation": f"{url}?{signed_query(call.world, call.api_version)}",
        "Location": f"{url}?{signed_query(call.world, call.api_version, monitor=True)}",
    }
    return Answer(202, headers=headers)


def _answer_monitor(call: Call, operation: Operation) -> Answer:
    if operation.running:
        return _accept(call, operation, call.names["location"])
    if operation.failure:
        raise ArmError(409, operation.failure.code, operation.failure.message)
    return Answer(200)


def _remove_extension(call: Call, extension: Resource, failure: Failure | None) -> Finish:
    world, extension_id = call.world, extension["id"]
    properties(extension)["provisioningState"] = DELETING

    def finish(injected: Failure | None) -> Failure | None:
        remaining = world.state.get(extension_id)
        if (injected or failure) and remaining is not None:
            properties(remaining)["provisioningState"] = "Failed"
        elif remaining is not None:
            machines.remove_extension(world.state, extension_id)
        return injected or failure

    return finish


def _machine_path(call: Call) -> str:
    return f"{call.group_id}/providers/{ids.VIRTUAL_MACHINE}/{call.names['machine']}"


def _render_machine(machine: Resource, *, with_view: bool) -> Resource:
    rendered = wire(machine)
    if not with_view:
        rendered.get("properties", {}).pop("instanceView", None)
    return rendered


def _render_extension(call: Call, extension: Resource) -> Resource:
    rendered = wire(extension)
    if call.expands("instanceView"):
        machine = call.state.get(ids.ancestor(extension["id"], 1))
        if view := machines.extension_view(machine, ids.parse(extension["id"]).name):
            rendered["properties"]["instanceView"] = view
    return rendered
