"""Microsoft.RecoveryServices: vaults, their items, policies and recovery points, and
whether a VM is protected.

https://learn.microsoft.com/rest/api/backup/backup-protected-items
"""

from __future__ import annotations

from typing import Any

from local.simulator import clock, errors, filters, ids
from local.simulator import recovery_points as points
from local.simulator.handlers.resources import get_existing, page
from local.simulator.ids import fold
from local.simulator.state import Resource, text, wire
from local.simulator.world import Answer, Call

FILTERS = {
    "itemType": "workloadType",
    "backupManagementType": "backupManagementType",
    "friendlyName": "friendlyName",
}
"""The property that each filter name of the items compares with."""


def vault_id(call: Call) -> str:
    return f"{call.group_id}/providers/{ids.VAULT}/{call.names['vault']}"


def item_id(call: Call) -> str:
    container = (
        f"backupFabrics/{call.names['fabric']}/protectionContainers/{call.names['container']}"
    )
    return f"{vault_id(call)}/{container}/protectedItems/{call.names['item']}"


def backup_retry_after(call: Call) -> dict[str, str]:
    """The Retry-After of Azure Backup's 202 answers, if the settings have one."""
    seconds = call.world.settings.backup_retry_after_s
    return {} if seconds is None else {"Retry-After": str(seconds)}


def list_vaults(call: Call) -> Answer:
    vaults = call.state.of_type(ids.VAULT, call.list_scope)
    return page(call, (wire(vault) for vault in vaults))


def list_items(call: Call) -> Answer:
    get_existing(call, vault_id(call))
    terms = filters.parse(call.query.get("$filter", ""), tuple(FILTERS))
    items = call.state.of_type(ids.PROTECTED_ITEM, vault_id(call))
    return page(call, (_render_item(call, item) for item in items if _matches(item, terms)))


def get_item(call: Call) -> Answer:
    return Answer(200, _render_item(call, get_existing(call, call.path)))


def list_policies(call: Call) -> Answer:
    get_existing(call, vault_id(call))
    terms = filters.parse(call.query.get("$filter", ""), ("backupManagementType",))
    policies = call.state.of_type(ids.BACKUP_POLICY, vault_id(call))
    return page(call, (wire(policy) for policy in policies if _matches(policy, terms)))


def get_policy(call: Call) -> Answer:
    return Answer(200, wire(get_existing(call, call.path)))


def list_recovery_points(call: Call) -> Answer:
    """Filters: startDate and endDate.

    https://learn.microsoft.com/rest/api/backup/recovery-points/list
    """
    get_existing(call, item_id(call))
    terms = filters.parse(call.query.get("$filter", ""), ("startDate", "endDate"))
    recovery_points = call.state.of_type(ids.RECOVERY_POINT, item_id(call))
    return page(call, (_render_point(p) for p in recovery_points if _is_between(p, terms)))


def get_recovery_point(call: Call) -> Answer:
    return Answer(200, _render_point(get_existing(call, call.path)))


def get_backup_status(call: Call) -> Answer:
    """Names are in lower case and there is no errorCode, as in a recorded answer."""
    resource_id = call.body.get("resourceId") if isinstance(call.body, dict) else None
    if not isinstance(resource_id, str) or not ids.is_id(resource_id):
        raise errors.invalid_content("resourceId is the id of a resource")
    machine = ids.parse(resource_id)
    suffix = fold(f"iaasvmcontainerv2;{machine.group};{machine.name}")
    body: dict[str, Any] = {
        "protectionStatus": "NotProtected",
        "fabricName": "Azure",
        "containerName": f"iaasvmcontainer;{suffix}",
        "protectedItemName": f"vm;{suffix}",
        "protectedItemsCount": 0,
        "objectType": "BackupStatusResponse",
    }
    for item in call.state.of_type(ids.PROTECTED_ITEM):
        if points.machine_of(item) and ids.key(points.machine_of(item)) == ids.key(resource_id):
            policy = text(item, "policyId").rsplit("/", 1)[-1]
            body |= {
                "protectionStatus": "Protected",
                "vaultId": ids.ancestor(item["id"], 3),
                "policyName": policy,
            }
    return Answer(200, body)


def _render_item(call: Call, item: Resource) -> Resource:
    """The item with the type of its policy, which the service adds."""
    rendered = wire(item)
    policy = call.state.get(text(item, "policyId"))
    if policy is not None and (kind := points.policy_type(policy)):
        rendered["properties"].setdefault("policyType", kind)
    return rendered


def _render_point(point: Resource) -> Resource:
    """The recovery point with the two fields that the service always sends."""
    rendered = wire(point)
    rendered["properties"].setdefault("objectType", points.OBJECT_TYPE)
    rendered["properties"].setdefault("isInstantIlrSessionActive", False)
    return rendered


def _is_between(point: Resource, terms: dict[str, str]) -> bool:
    at = clock.parse(text(point, "recoveryPointTime"))
    since, until = (
        filters.parse_time(terms[name]) if name in terms else None
        for name in ("startDate", "endDate")
    )
    return at is not None and (since is None or at >= since) and (until is None or at <= until)


def _matches(item: Resource, terms: dict[str, str]) -> bool:
    return all(fold(text(item, FILTERS[name])) == fold(value) for name, value in terms.items())
