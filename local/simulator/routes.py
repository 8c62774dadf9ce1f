"""The table of paths. The first match wins. The casing of fixed parts does not matter;
a {name} stands for one segment, {scope} for any number.

A new provider gets its rows here and a file in handlers/.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from local.simulator.handlers import (
    activity_log,
    assignments,
    backups,
    compute,
    graph,
    jobs,
    locks,
    logs,
    namespaces,
    networks,
    policies,
    resources,
    restore_points,
    vault_parts,
    vaults,
)
from local.simulator.world import Answer, Call

type Handler = Callable[[Call], Answer]

SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = SUBSCRIPTION + "/resourceGroups/{group}"
COMPUTE = "/providers/Microsoft.Compute"
MACHINE = GROUP + COMPUTE + "/virtualMachines/{machine}"
COLLECTION = GROUP + COMPUTE + "/restorePointCollections/{collection}"
BACKUP = "/providers/Microsoft.RecoveryServices"
NETWORK = "/providers/Microsoft.Network"
INTERFACE = GROUP + NETWORK + "/networkInterfaces/{interface}"
VAULT = GROUP + BACKUP + "/vaults/{vault}"
JOB = VAULT + "/backupJobs/{job}"
ITEM = VAULT + "/backupFabrics/{fabric}/protectionContainers/{container}/protectedItems/{item}"
AUTHORIZATION = "{scope}/providers/Microsoft.Authorization"
LOCKS = AUTHORIZATION + "/locks"
RESTRICTIONS = "/providers/Microsoft.PolicyInsights/checkPolicyRestrictions"
LOG_QUERY = "/v1/workspaces/{workspace}/query"

TABLE: list[tuple[str, str, Handler]] = [
    ("GET", LOCKS, locks.list_locks),
    ("GET", LOCKS + "/{lock}", locks.get_lock),
    ("PUT", LOCKS + "/{lock}", locks.put_lock),
    ("DELETE", LOCKS + "/{lock}", locks.delete_lock),
    ("GET", AUTHORIZATION + "/roleAssignments", assignments.list_role_assignments),
    ("GET", AUTHORIZATION + "/policyAssignments", assignments.list_policy_assignments),
    ("GET", AUTHORIZATION + "/denyAssignments", assignments.list_deny_assignments),
    (
        "GET",
        SUBSCRIPTION + "/providers/Microsoft.Insights/eventtypes/management/values",
        activity_log.list_events,
    ),
    ("POST", LOG_QUERY, logs.run_query),
    ("POST", "/providers/Microsoft.ResourceGraph/resources", graph.query_resources),
    ("GET", "/subscriptions", resources.list_subscriptions),
    ("GET", SUBSCRIPTION, resources.get_subscription),
    ("GET", SUBSCRIPTION + "/resourceGroups", resources.list_groups),
    ("GET", SUBSCRIPTION + "/resources", resources.list_resources),
    ("GET", SUBSCRIPTION + "/providers/{namespace}", namespaces.get_namespace),
    ("GET", GROUP, resources.get_group),
    ("HEAD", GROUP, resources.head_group),
    ("GET", SUBSCRIPTION + COMPUTE + "/virtualMachines", compute.list_machines),
    ("GET", GROUP + COMPUTE + "/virtualMachines", compute.list_machines),
    ("GET", MACHINE, compute.get_machine),
    ("GET", MACHINE + "/instanceView", compute.get_instance_view),
    ("GET", MACHINE + "/extensions", compute.list_extensions),
    ("GET", MACHINE + "/extensions/{extension}", compute.get_extension),
    ("DELETE", MACHINE + "/extensions/{extension}", compute.delete_extension),
    ("GET", SUBSCRIPTION + COMPUTE + "/restorePointCollections", restore_points.list_collections),
    ("GET", GROUP + COMPUTE + "/restorePointCollections", restore_points.list_collections),
    ("GET", COLLECTION, restore_points.get_collection),
    ("DELETE", COLLECTION, restore_points.delete_collection),
    ("GET", COLLECTION + "/restorePoints/{point}", restore_points.get_point),
    ("DELETE", COLLECTION + "/restorePoints/{point}", restore_points.delete_point),
    (
        "GET",
        SUBSCRIPTION + COMPUTE + "/locations/{location}/operations/{operation}",
        compute.get_operation,
    ),
    ("POST", INTERFACE + "/effectiveNetworkSecurityGroups", networks.list_effective_groups),
    ("POST", INTERFACE + "/effectiveRouteTable", networks.get_effective_routes),
    (
        "GET",
        SUBSCRIPTION + NETWORK + "/locations/{location}/operations/{operation}",
        networks.get_operation,
    ),
    (
        "GET",
        SUBSCRIPTION + NETWORK + "/locations/{location}/operationResults/{operation}",
        networks.get_operation_result,
    ),
    ("GET", SUBSCRIPTION + BACKUP + "/vaults", vaults.list_vaults),
    ("GET", GROUP + BACKUP + "/vaults", vaults.list_vaults),
    ("GET", VAULT + "/backupJobs", jobs.list_jobs),
    ("GET", JOB, jobs.get_job),
    ("POST", JOB + "/cancel", jobs.cancel_job),
    ("GET", JOB + "/operationResults/{operation}", jobs.get_cancel_result),
    ("GET", VAULT + "/backupProtectedItems", vaults.list_items),
    ("GET", VAULT + "/backupPolicies", vaults.list_policies),
    ("GET", VAULT + "/backupPolicies/{policy}", vaults.get_policy),
    ("GET", VAULT + "/backupProtectionContainers", vault_parts.list_containers),
    (
        "GET",
        VAULT + "/backupFabrics/{fabric}/protectionContainers/{container}",
        vault_parts.get_container,
    ),
    ("GET", VAULT + "/backupconfig/vaultconfig", vault_parts.get_settings),
    ("GET", VAULT + "/backupstorageconfig/vaultstorageconfig", vault_parts.get_settings),
    ("GET", VAULT + "/backupOperations/{operation}", vault_parts.get_operation_status),
    ("GET", ITEM, vaults.get_item),
    ("GET", ITEM + "/recoveryPoints", vaults.list_recovery_points),
    ("GET", ITEM + "/recoveryPoints/{point}", vaults.get_recovery_point),
    ("POST", ITEM + "/backup", backups.trigger),
    ("GET", ITEM + "/operationsStatus/{operation}", backups.get_operation_status),
    ("GET", ITEM + "/operationResults/{operation}", backups.get_operation_result),
    ("POST", SUBSCRIPTION + BACKUP + "/locations/{region}/backupStatus", vaults.get_backup_status),
    ("POST", SUBSCRIPTION + RESTRICTIONS, policies.check_restrictions),
    ("POST", GROUP + RESTRICTIONS, policies.check_restrictions),
    ("POST", "{scope}/list", resources.list_settings),
    ("GET", "{scope}", resources.get_any),
    ("*", "{scope}", resources.refuse),
]


@dataclass(frozen=True, slots=True)
class Match:
    handler: Handler
    names: dict[str, str]


def find(method: str, path: str) -> Match:
    """The handler for a decoded path. The last row matches everything, so there is
    always one."""
    for row_method, pattern, handler in _COMPILED:
        if row_method in (method, "*") and (match := pattern.fullmatch(path)):
            return Match(handler, {**_common_names(path), **match.groupdict()})
    raise LookupError(path)


def _common_names(path: str) -> dict[str, str]:
    """Subscription and group, for every path that has them."""
    match = re.match(
        r"/subscriptions/(?P<subscription>[^/]+)(/resourcegroups/(?P<group>[^/]+))?",
        path,
        re.IGNORECASE | re.ASCII,
    )
    return {name: value for name, value in match.groupdict().items() if value} if match else {}


def _compile(pattern: str) -> re.Pattern[str]:
    expression = re.sub(
        r"\{(\w+)\}", lambda m: f"(?P<{m[1]}>{'.*' if m[1] == 'scope' else '[^/]+'})", pattern
    )
    return re.compile(
        expression.replace("Microsoft.", r"Microsoft\."), re.IGNORECASE | re.ASCII | re.DOTALL
    )


_COMPILED = [(method, _compile(pattern), handler) for method, pattern, handler in TABLE]
