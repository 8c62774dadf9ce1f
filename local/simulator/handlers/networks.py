"""Microsoft.Network: what is in effect on a VM's network interface.

Both are long-running POSTs that read. A state has the values in the interface's
properties, `effectiveNetworkSecurityGroups` and `effectiveRouteTable`; where it has
none, no group applies, and the default route leads to the internet.
https://learn.microsoft.com/rest/api/virtualnetwork/network-interfaces
"""

from __future__ import annotations

from typing import Any

from local.simulator import errors, ids, machines
from local.simulator.errors import ArmError
from local.simulator.handlers.compute import render_status
from local.simulator.handlers.resources import get_existing
from local.simulator.operations import Failure, Operation
from local.simulator.state import Resource, properties
from local.simulator.world import Answer, Call

GROUPS, ROUTES = "effectiveNetworkSecurityGroups", "effectiveRouteTable"
DEFAULTS: dict[str, list[dict[str, Any]]] = {
    GROUPS: [],
    ROUTES: [
        {
            "source": "Default",
            "state": "Active",
            "addressPrefix": ["0.0.0.0/0"],
            "nextHopType": "Internet",
            "nextHopIpAddress": [],
        }
    ],
}


def list_effective_groups(call: Call) -> Answer:
    return _start(call, GROUPS)


def get_effective_routes(call: Call) -> Answer:
    return _start(call, ROUTES)


def _start(call: Call, kind: str) -> Answer:
    """202; 400 for an interface that is not attached to a VM that runs."""
    interface = get_existing(call, call.path.rpartition("/")[0])
    machine = call.state.get((properties(interface).get("virtualMachine") or {}).get("id", ""))
    if machine is None or not machines.is_running(machine):
        raise errors.interface_without_running_vm(ids.parse(interface["id"]).name)
    seconds = call.world.settings.lro_s["network_read"]
    operation = call.world.operations.start(kind, interface["id"], seconds, _keep, call.fault)
    return _accept(call, operation, str(interface.get("location", "westeurope")))


def _keep(injected: Failure | None) -> Failure | None:
    return injected


def _accept(call: Call, operation: Operation, location: str) -> Answer:
    provider = f"{call.base_url}/subscriptions/{call.names['subscription']}"
    where = f"{provider}/providers/Microsoft.Network/locations/{location}"
    version = f"api-version={call.api_version}"
    headers = {
        "Azure-AsyncOperation": f"{where}/operations/{operation.id}?{version}",
        "Location": f"{where}/operationResults/{operation.id}?{version}",
    }
    return Answer(202, headers=headers)


def get_operation(call: Call) -> Answer:
    return Answer(200, render_status(_find(call)))


def get_operation_result(call: Call) -> Answer:
    """202 while it runs, then what is in effect."""
    operation = _find(call)
    if operation.running:
        return _accept(call, operation, call.names["location"])
    if operation.failure:
        raise ArmError(400, operation.failure.code, operation.failure.message)
    interface = get_existing(call, operation.target)
    return Answer(200, {"value": _values(interface, operation.kind)})


def _find(call: Call) -> Operation:
    operation = call.world.operations.find(call.names["operation"])
    if operation is None or operation.kind not in DEFAULTS:
        raise errors.resource_not_found(call.path)
    return operation


def _values(interface: Resource, kind: str) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = properties(interface).get(kind, DEFAULTS[kind])
    return values
