"""The actions that each operation needs, and the refusal when one is not allowed.

Off while the setting `allowed_actions` is null. A list stands for all roles of the
caller together. The names are those of the providers' own lists.
https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from infra.roles import matches
from local.simulator import errors, ids
from local.simulator.callers import CLIENT_ID
from local.simulator.deny import action_on
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
from local.simulator.ids import fold
from local.simulator.log_errors import no_access
from local.simulator.routes import Handler, Match

_VM, _POINTS = ids.VIRTUAL_MACHINE, ids.COLLECTION
_INTERFACE = "Microsoft.Network/networkInterfaces"
_VAULT = "Microsoft.RecoveryServices/Vaults"
_ITEM = f"{_VAULT}/backupFabrics/protectionContainers/protectedItems"
LOG_QUERY = "Microsoft.OperationalInsights/workspaces/query"

ACTIONS: dict[Handler, tuple[str, ...]] = {
    locks.list_locks: (f"{ids.LOCK}/read",),
    locks.get_lock: (f"{ids.LOCK}/read",),
    locks.put_lock: (f"{ids.LOCK}/write",),
    locks.delete_lock: (f"{ids.LOCK}/delete",),
    assignments.list_role_assignments: (f"{ids.ROLE_ASSIGNMENT}/read",),
    assignments.list_policy_assignments: (f"{ids.POLICY_ASSIGNMENT}/read",),
    assignments.list_deny_assignments: (f"{ids.DENY_ASSIGNMENT}/read",),
    activity_log.list_events: ("Microsoft.Insights/eventtypes/values/read",),
    resources.list_subscriptions: ("Microsoft.Resources/subscriptions/read",),
    resources.get_subscription: ("Microsoft.Resources/subscriptions/read",),
    resources.list_groups: ("Microsoft.Resources/subscriptions/resourceGroups/read",),
    resources.get_group: ("Microsoft.Resources/subscriptions/resourceGroups/read",),
    resources.head_group: ("Microsoft.Resources/subscriptions/resourceGroups/read",),
    resources.list_resources: ("Microsoft.Resources/subscriptions/resources/read",),
    namespaces.get_namespace: ("Microsoft.Resources/subscriptions/providers/read",),
    compute.list_machines: (f"{_VM}/read",),
    compute.get_machine: (f"{_VM}/read",),
    compute.get_instance_view: (f"{_VM}/instanceView/read",),
    compute.list_extensions: (f"{_VM}/extensions/read",),
    compute.get_extension: (f"{_VM}/extensions/read",),
    compute.delete_extension: (f"{_VM}/extensions/delete",),
    compute.get_operation: ("Microsoft.Compute/locations/operations/read",),
    networks.list_effective_groups: (f"{_INTERFACE}/effectiveNetworkSecurityGroups/action",),
    networks.get_effective_routes: (f"{_INTERFACE}/effectiveRouteTable/action",),
    networks.get_operation: ("Microsoft.Network/locations/operations/read",),
    networks.get_operation_result: ("Microsoft.Network/locations/operationResults/read",),
    restore_points.list_collections: (f"{_POINTS}/read",),
    restore_points.get_collection: (f"{_POINTS}/read",),
    restore_points.delete_collection: (f"{_POINTS}/delete", f"{_POINTS}/restorePoints/delete"),
    restore_points.get_point: (f"{_POINTS}/restorePoints/read",),
    restore_points.delete_point: (f"{_POINTS}/restorePoints/delete",),
    vaults.list_vaults: (f"{_VAULT}/read",),
    vaults.list_items: (f"{_VAULT}/backupProtectedItems/read",),
    vaults.get_item: (f"{_ITEM}/read",),
    vaults.list_policies: (f"{_VAULT}/backupPolicies/read",),
    vaults.get_policy: (f"{_VAULT}/backupPolicies/read",),
    vaults.list_recovery_points: (f"{_ITEM}/recoveryPoints/read",),
    vaults.get_recovery_point: (f"{_ITEM}/recoveryPoints/read",),
    vaults.get_backup_status: ("Microsoft.RecoveryServices/locations/backupStatus/action",),
    jobs.list_jobs: (f"{_VAULT}/backupJobs/read",),
    jobs.get_job: (f"{_VAULT}/backupJobs/read",),
    jobs.cancel_job: (f"{_VAULT}/backupJobs/cancel/action",),
    jobs.get_cancel_result: (f"{_VAULT}/backupJobs/operationResults/read",),
    vault_parts.list_containers: (f"{_VAULT}/backupProtectionContainers/read",),
    vault_parts.get_container: (f"{_VAULT}/backupFabrics/protectionContainers/read",),
    vault_parts.get_operation_status: (f"{_VAULT}/backupOperations/read",),
    backups.trigger: (f"{_ITEM}/backup/action",),
    backups.get_operation_status: (f"{_ITEM}/operationsStatus/read",),
    backups.get_operation_result: (f"{_ITEM}/operationResults/read",),
    policies.check_restrictions: ("Microsoft.PolicyInsights/checkPolicyRestrictions/read",),
    graph.query_resources: ("Microsoft.ResourceGraph/resources/read",),
    logs.run_query: (f"{LOG_QUERY}/read",),
}
"""The actions that an operation needs, all of them. Any other operation is on a plain
resource and needs its type with read, write or delete."""
_TABLE = re.compile(r"(?<![\w\"])(AddonAzureBackupJobs|AzureDiagnostics|Heartbeat)(?![\w\"])")


def needed_actions(
    match: Match, method: str, path: str, query: dict[str, str], body: object
) -> tuple[str, ...]:
    """All actions that this request needs, those for `$expand` and for tables
    included."""
    if match.handler not in ACTIONS:
        return _plain_action(method, path)
    return (*ACTIONS[match.handler], *_additional_actions(match.handler, query, body))


def check(
    allowed: Iterable[str] | None,
    match: Match,
    method: str,
    path: str,
    query: dict[str, str],
    body: object,
) -> None:
    """Raises ArmError 403 AuthorizationFailed, or the log API's own refusal, for the
    first action that is not allowed."""
    if allowed is None:
        return
    for action in needed_actions(match, method, path, query, body):
        if matches(allowed, action):
            continue
        if match.handler is logs.run_query:
            raise no_access()
        raise errors.not_authorized(CLIENT_ID, action, path)


def _additional_actions(handler: Handler, query: dict[str, str], body: object) -> tuple[str, ...]:
    expand = fold(query.get("$expand", ""))
    if handler is compute.get_machine and "instanceview" in expand:
        return (f"{_VM}/instanceView/read",)
    if handler is restore_points.get_collection and "restorepoints" in expand:
        return (f"{_POINTS}/restorePoints/read",)
    if handler is resources.list_resources:
        kind = resources.type_in_filter(query.get("$filter", ""))
        return (f"{kind}/read",) if kind else ()
    if handler is logs.run_query and isinstance(body, dict):
        tables = dict.fromkeys(_TABLE.findall(str(body.get("query", ""))))
        return tuple(f"{LOG_QUERY}/{table}/read" for table in tables)
    return ()


def _plain_action(method: str, path: str) -> tuple[str, ...]:
    """The action on a resource or list without a handler. A POST is an action on the
    resource, named by the last segment of the path."""
    target, _, last = path.rpartition("/") if method == "POST" else (path, "", "")
    if method == "GET" and not ids.is_id(target):
        target = f"{target}/any"
    return (action_on(method, target, last),) if ids.is_id(target) else ()
